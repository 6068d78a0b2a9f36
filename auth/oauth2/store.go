package oauth2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Store keeps one token between runs. Each [Source] calls its methods from one
// goroutine at a time.
type Store interface {
	// Load returns the token, or nil if there is none yet.
	Load(ctx context.Context) (*Token, error)
	// Save replaces the token. Its error ends the call, and the next call tries to
	// save the same token again.
	Save(ctx context.Context, t *Token) error
}

// FileStore keeps a token as JSON in the named file, which only its owner may read.
// The file is replaced in one step, so that it is never half written.
type FileStore string

// Load implements [Store].
func (f FileStore) Load(context.Context) (*Token, error) {
	if f == "" { // before a token is had that could not be saved
		return nil, invalid("FileStore has no name")
	}
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := new(Token)
	if json.Unmarshal(text, t) != nil { // its error would quote the file
		return nil, fmt.Errorf("%s holds no token", string(f))
	}
	return t, nil
}

// Save implements [Store].
func (f FileStore) Save(_ context.Context, t *Token) (err error) {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(string(f)), filepath.Base(string(f))+".*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temporary.Name())
		}
	}()
	if _, err = temporary.Write(text); err == nil {
		err = temporary.Sync()
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), string(f))
}

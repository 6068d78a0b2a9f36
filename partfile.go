package requests

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/go-requests/requests/internal/file"
)

// A partFile is what has come of a download, beside its target: name.part with
// the bytes, and name.part.json with what they are of. The second is made first
// and removed last, so that a name.part without one is somebody else's.
type partFile struct {
	place  *place
	file   *os.File
	size   int64 // so much of it is sure
	state  partState
	broken atomic.Bool // nobody knows what is in it
}

// partState is what name.part.json holds.
type partState struct {
	URL       string    `json:"url_sha256"` // hashed, as it may hold secrets
	Validator validator `json:"validator"`  // "" if the bytes cannot be gone on with
	Size      int64     `json:"size"`       // of the whole; -1 if unknown
}

// maxState bounds what is read of a name.part.json.
const maxState = 16 << 10

func (f *partFile) name() string      { return f.place.name + ".part" }
func (f *partFile) stateName() string { return f.place.name + ".part.json" }

// openPart opens what there is of a download of u to p, or makes it.
func openPart(p *place, u *url.URL) (*partFile, error) {
	f := &partFile{place: p}
	if err := f.open(u); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *partFile) open(u *url.URL) error {
	sum := sha256.Sum256([]byte(u.String()))
	id := hex.EncodeToString(sum[:])
	ours, err := f.load()
	if err != nil {
		return err
	}
	info, err := f.place.lstat(f.name())
	if err != nil {
		return err
	}
	if info != nil && !ours {
		return f.place.error("create", f.name(), fs.ErrExist)
	}
	if f.state.URL != id {
		f.state = partState{URL: id, Size: -1}
	}
	if info == nil {
		if err := f.save(f.state); err != nil {
			return err
		}
		mode, err := f.place.mode()
		if err != nil {
			return err
		}
		mode |= 0o600 // a later call is to write it
		f.file, err = f.place.root.OpenFile(f.name(), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		return err
	}
	if f.file, err = f.place.root.OpenFile(f.name(), os.O_RDWR, 0); err != nil {
		return err
	}
	now, err := f.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, now) { // a link took its place meanwhile
		return f.place.error("open", f.name(), errNotRegular)
	}
	if f.size = now.Size(); f.state.Size >= 0 && f.size > f.state.Size {
		f.size = 0
	}
	return nil
}

// usable is how much can be gone on with.
func (f *partFile) usable() int64 {
	if f.state.Validator == "" {
		return 0
	}
	return f.size
}

// load reads the state, and reports whether there is one. A torn one says that
// the part is ours, and no more.
func (f *partFile) load() (bool, error) {
	if info, err := f.place.lstat(f.stateName()); err != nil || info == nil {
		return false, err
	}
	file, err := f.place.root.Open(f.stateName())
	if err != nil {
		return false, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxState))
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, &f.state); err != nil {
		f.state = partState{}
	}
	if v := string(f.state.Validator); v != "" && !strongTag(v) && !isHTTPDate(v) {
		f.state = partState{}
	}
	return true, nil
}

// save writes the state, in one step.
func (f *partFile) save(state partState) error {
	data, err := json.Marshal(state)
	if err != nil {
		return err
	}
	p := &place{root: f.place.root, name: f.stateName(), replace: true}
	file, temp, err := p.create(0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = p.take(temp)
	}
	if err != nil {
		p.root.Remove(temp)
	}
	return err
}

// restart throws away what is there, for a version of which v and size are
// known so far.
func (f *partFile) restart(v validator, size int64) error {
	f.size = 0
	f.state = partState{URL: f.state.URL, Validator: v, Size: size}
	if err := f.file.Truncate(0); err != nil {
		return err
	}
	return f.save(f.state)
}

// scatter notes that the bytes are about to come in no order, so that from the
// size of the part nothing follows until gather.
func (f *partFile) scatter() error {
	return f.save(partState{URL: f.state.URL, Size: -1})
}

// gather notes that the first size bytes are sure, and no others.
func (f *partFile) gather(size int64) error {
	f.size = size
	if err := f.file.Truncate(size); err != nil {
		return err
	}
	return f.save(f.state)
}

// suspend ends a download that has failed. What can be gone on with stays.
func (f *partFile) suspend() {
	if f.usable() == 0 || f.broken.Load() {
		f.discard()
		return
	}
	if err := f.file.Truncate(f.size); err != nil {
		f.discard()
	}
}

// discard removes what there is.
func (f *partFile) discard() {
	f.file.Close()
	f.place.root.Remove(f.name())
	f.place.root.Remove(f.stateName())
}

// finish makes the part the file. If it cannot get its name, the part stays as
// good as it was.
func (f *partFile) finish(sum Checksum) error {
	err := f.place.settle(f.file, sum)
	if closed := f.file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		f.discard()
		return err
	}
	if err = f.place.take(f.name()); err != nil {
		if f.state.Validator == "" {
			f.discard()
		}
		return err
	}
	f.place.root.Remove(f.stateName())
	return nil
}

func (f *partFile) close() {
	if f.file != nil {
		f.file.Close()
	}
}

// spanWriter writes where a span stands.
type spanWriter struct {
	part *partFile
	span *file.Span
	disk io.Writer
}

func (f *partFile) writer(s *file.Span, set *fileSettings) *spanWriter {
	return &spanWriter{f, s, set.writer(io.NewOffsetWriter(f.file, s.At))}
}

func (w *spanWriter) Write(b []byte) (int, error) {
	n, err := writeFull(w.disk, b)
	w.span.At += int64(n)
	if errors.Is(err, syscall.EIO) { // what was written before may be lost, too
		w.part.broken.Store(true)
	}
	return n, err
}

package environ

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/netrc"
)

// Netrc is the user's netrc file. It is read again when it has changed. The zero
// value is ready to use, by any number of goroutines.
type Netrc struct {
	mu      sync.Mutex
	seen    fileState
	checked time.Time
	entries *netrc.File
}

// A fileState differs from the one before if the file may have changed.
type fileState struct {
	variable string // NETRC
	set      bool
	home     string
	path     string
	modified time.Time
	size     int64
}

// interval is how long the file is assumed not to change, so that a service with
// thousands of requests a second does not look each time.
const interval = time.Second

// Lookup returns the entry for the host and, unless it is empty, the login. If
// the file cannot be read there are no entries, and the error says why. An
// error is returned once for each state of the file.
func (n *Netrc) Lookup(host, login string) (netrc.Entry, bool, error) {
	f, err := n.load()
	e, ok := f.Lookup(host, login)
	return e, ok, err
}

// load returns the entries, nil if there is no file. The error is that of reading
// it in this call.
func (n *Netrc) load() (*netrc.File, error) {
	var now fileState
	now.variable, now.set = os.LookupEnv("NETRC")
	now.home, _ = os.UserHomeDir()
	n.mu.Lock()
	defer n.mu.Unlock()
	same := now.variable == n.seen.variable && now.set == n.seen.set && now.home == n.seen.home
	if same && time.Since(n.checked) < interval {
		return n.entries, nil
	}
	n.checked = time.Now()
	info := now.find()
	if info != nil {
		now.modified, now.size = info.ModTime(), info.Size()
	}
	if now == n.seen {
		return n.entries, nil
	}
	n.seen, n.entries = now, nil
	if info == nil {
		return nil, nil
	}
	var err error
	n.entries, err = readNetrc(now.path, info)
	return n.entries, err
}

// find sets the path to the first file that exists. If NETRC is set, no other file
// counts.
func (s *fileState) find() os.FileInfo {
	candidates := []string{filepath.Join(s.home, ".netrc"), filepath.Join(s.home, "_netrc")}
	if s.set {
		path := s.variable
		if rest, ok := strings.CutPrefix(path, "~/"); ok {
			path = filepath.Join(s.home, rest)
		}
		candidates = []string{path}
	} else if s.home == "" {
		return nil
	}
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil {
			s.path = path
			return info
		}
	}
	return nil
}

// readNetrc reads a regular file; a pipe would keep the call waiting.
func readNetrc(path string, info os.FileInfo) (*netrc.File, error) {
	if !info.Mode().IsRegular() {
		return nil, errors.New("netrc: not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return netrc.Parse(f)
}

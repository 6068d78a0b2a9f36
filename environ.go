package requests

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/file"
	"github.com/go-requests/requests/internal/netrc"
)

// This file is the only reader of environment variables and of files that the
// caller did not hand over as a reader.

// environProxy returns what the environment names as the proxy for scheme, ""
// for nothing.
func environProxy(scheme string) string {
	var value string
	switch scheme {
	case "http":
		value = httpProxy()
	case "https":
		value = variable("https_proxy", "HTTPS_PROXY")
	default:
		value = os.Getenv(scheme + "_proxy")
	}
	if value == "" {
		value = variable("all_proxy", "ALL_PROXY")
	}
	return value
}

// variable returns the variable of the lower-case name, or else of the
// upper-case one: one that is set to nothing hides the other, as in Python.
func variable(lower, upper string) string {
	if value, ok := os.LookupEnv(lower); ok {
		return value
	}
	return os.Getenv(upper)
}

// httpProxy is the variable for http. A CGI program gets the field Proxy of the
// request that it answers as HTTP_PROXY (CVE-2016-5385), on Windows by either name.
func httpProxy() string {
	lower, ok := os.LookupEnv("http_proxy")
	if ok && runtime.GOOS != "windows" {
		return lower
	}
	upper := os.Getenv("HTTP_PROXY")
	if upper == "" || os.Getenv("REQUEST_METHOD") != "" {
		return ""
	}
	return upper
}

// environNoProxy returns the list of hosts that the environment exempts from
// its proxies. Here an empty lower-case variable hides nothing, as in Python.
func environNoProxy() string {
	if list := os.Getenv("no_proxy"); list != "" {
		return list
	}
	return os.Getenv("NO_PROXY")
}

// trusting returns t with the authorities that the environment names, if t
// says nothing about whom to trust. In Requests these win over the program
// (psf/requests#3829).
func (t TLS) trusting() TLS {
	if c := t.trustConfig(); t.SkipVerify || t.CABundle != "" || c.RootCAs != nil || c.InsecureSkipVerify {
		return t
	}
	if t.CABundle = os.Getenv("REQUESTS_CA_BUNDLE"); t.CABundle == "" {
		t.CABundle = os.Getenv("CURL_CA_BUNDLE")
	}
	return t
}

// loadFiles reads the files that t names into c.
func (t TLS) loadFiles(c *tls.Config) error {
	if t.CABundle != "" {
		roots, err := loadBundle(t.CABundle)
		if err != nil {
			return fail(ErrInvalidOption, fmt.Errorf("TLS.CABundle: %w", err))
		}
		c.RootCAs = roots
	}
	if t.CertFile == "" && t.KeyFile == "" {
		return nil
	}
	keyFile := t.KeyFile
	if keyFile == "" {
		keyFile = t.CertFile
	}
	pair, err := tls.LoadX509KeyPair(t.CertFile, keyFile)
	if err != nil {
		return fail(ErrInvalidOption, fmt.Errorf("TLS.CertFile %s and TLS.KeyFile %s: %w", t.CertFile, keyFile, err))
	}
	c.Certificates, c.GetClientCertificate = []tls.Certificate{pair}, nil
	return nil
}

// A netrcLookup finds the credentials of hosts. The zero value finds none.
type netrcLookup struct {
	file *netrcFile
	log  *slog.Logger
}

// netrcLookup finds what netrc has, nothing if the environment does not count.
func (set *settings) netrcLookup() netrcLookup {
	if set.merged.IgnoreEnv {
		return netrcLookup{}
	}
	return netrcLookup{set.merged.netrc, set.merged.Logger}
}

// auth is the Auth that netrc has for the host of u and, unless it is empty, login.
// A file that cannot be read or parsed has none, as in Requests; the logger is
// told, once each time the file has changed.
func (l netrcLookup) auth(u *url.URL, login string) Auth {
	if l.file == nil {
		return Auth{}
	}
	f, err := l.file.load()
	if err != nil && l.log != nil {
		l.log.Warn("netrc is not used", "error", fault.Printable(err.Error()))
	}
	e, ok := f.Lookup(u.Hostname(), login)
	if !ok {
		return Auth{}
	}
	b := &basic{e.Username(), e.Password}
	if b.check() != nil { // nobody asked for this entry by name
		return Auth{}
	}
	return Auth{method: b}
}

// netrcFile is the user's netrc file, which is read when it has changed.
type netrcFile struct {
	mu      sync.Mutex
	seen    fileState
	checked time.Time
	entries *netrc.File
}

// fileState is what a change of the file shows in.
type fileState struct {
	variable string // NETRC
	set      bool
	home     string
	path     string
	modified time.Time
	size     int64
}

// netrcInterval is how long a file is taken for unchanged: a service that sends
// thousands of requests need not look each time.
const netrcInterval = time.Second

// load returns the entries, nil if there is no file. The error is that of
// reading it just now.
func (n *netrcFile) load() (*netrc.File, error) {
	var now fileState
	now.variable, now.set = os.LookupEnv("NETRC")
	now.home, _ = os.UserHomeDir()
	n.mu.Lock()
	defer n.mu.Unlock()
	same := now.variable == n.seen.variable && now.set == n.seen.set && now.home == n.seen.home
	if same && time.Since(n.checked) < netrcInterval {
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

// find sets the path of the first file that is there. If NETRC is set, it is
// that one or none.
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

// loadBundle reads the authorities of a PEM file, or of all the files in a
// directory, as c_rehash fills them: the names are of no importance here, and
// files that hold no certificate are passed over.
func loadBundle(path string) (*x509.CertPool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	files := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		files = files[:0]
		for _, e := range entries {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	roots, found := x509.NewCertPool(), false
	for _, name := range files {
		if info.IsDir() && !isFile(name) {
			continue
		}
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found = roots.AppendCertsFromPEM(pem) || found
	}
	if !found {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return roots, nil
}

// isFile reports whether name is a file, perhaps by a link, of which hashed
// directories are full, dangling ones too.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// openRegular opens a file that has a size. It looks first, as to open a named
// pipe is to wait for its writer.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: file.ErrNotRegular}
	}
	if err != nil {
		return nil, fail(ErrInvalidOption, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fail(ErrInvalidOption, err)
	}
	return f, nil
}

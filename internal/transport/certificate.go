package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/go-requests/requests/internal/fault"
)

// TLS holds the settings of encrypted connections. The zero value verifies the
// server against the roots of the system and speaks TLS 1.2 or later. The files
// are checked before each new connection, and read again when they have
// changed: certificates that last for days are replaced while a program runs.
type TLS struct {
	SkipVerify        bool
	CABundle          string // a PEM file, or a directory of them
	CertFile, KeyFile string // an empty KeyFile means that CertFile holds both
	Config            *tls.Config

	// Trust and Client are Configs that replace a part of Config: Trust says
	// whom to trust, and Client has the client's certificate. Nil stands for
	// Config.
	Trust, Client *tls.Config
}

// configs returns the Configs of t.
func (t *TLS) configs() [3]*tls.Config { return [...]*tls.Config{t.Config, t.Trust, t.Client} }

// Merged returns one Config with the parts that t takes from its Configs.
func (t *TLS) Merged() *tls.Config {
	c := t.Config.Clone()
	if c == nil {
		c = &tls.Config{}
	}
	if from := t.Trust; from != nil {
		c.RootCAs, c.InsecureSkipVerify = from.RootCAs, from.InsecureSkipVerify
		c.VerifyConnection, c.VerifyPeerCertificate = from.VerifyConnection, from.VerifyPeerCertificate
	}
	if from := t.Client; from != nil {
		c.Certificates, c.GetClientCertificate = from.Certificates, from.GetClientCertificate
	}
	return c
}

// A credential makes the tls.Config of new connections. Until one of its files
// changes, they form one generation.
type credential struct {
	settings TLS
	http2    bool // HTTP/2 is offered

	mu     sync.Mutex
	seen   []seenFile  // the files of the generation, as they were just before they were read
	server *tls.Config // of the generation; nil before the first
}

// config returns the configuration for TLS with the named server, and reads the
// files if they have changed. If they cannot be read, the last generation stays
// in force: a certificate and its key are two files, and one is replaced before
// the other. The next connection tries to read them again.
func (c *credential) config(serverName string) (*tls.Config, error) {
	base, err := c.current()
	if err != nil || base.ServerName != "" {
		return base, err
	}
	named := base.Clone()
	named.ServerName = serverName
	return named, nil
}

// proxyConfig returns the configuration for TLS with the proxy itself. The
// client's certificate is for the target. So are sessions to resume, which are
// stored only by name (CVE-2021-22890). A proxy speaks HTTP/1.1 to us.
func (c *credential) proxyConfig(proxy string) (*tls.Config, error) {
	base, err := c.current()
	if err != nil {
		return nil, err
	}
	config := base.Clone()
	config.ServerName, _, _ = net.SplitHostPort(proxy)
	config.Certificates, config.GetClientCertificate, config.ClientSessionCache = nil, nil, nil
	config.NextProtos = []string{"http/1.1"}
	return config, nil
}

func (c *credential) current() (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil && c.settings.CABundle == "" && c.settings.CertFile == "" && c.settings.KeyFile == "" {
		return c.server, nil
	}
	now := c.stat()
	if c.server != nil && slices.EqualFunc(c.seen, now, seenFile.same) {
		return c.server, nil
	}
	fresh, err := c.load()
	if err != nil {
		if c.server != nil {
			return c.server, nil
		}
		return nil, err
	}
	c.seen, c.server = now, fresh
	return fresh, nil
}

// load makes a configuration from the settings and the current files.
func (c *credential) load() (*tls.Config, error) {
	s := &c.settings
	config := s.Merged()
	if config.MinVersion == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	if config.NextProtos == nil {
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	if !c.http2 { // not offered if it is not spoken
		config.NextProtos = slices.DeleteFunc(slices.Clone(config.NextProtos), func(p string) bool { return p == "h2" })
	}
	if s.SkipVerify {
		config.InsecureSkipVerify = true
	}
	if config.ClientSessionCache != nil && *s != (TLS{Config: s.Config}) {
		// A resumed session has the identity and the verification of its first
		// connection. The cache of Config may serve other connections.
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return config, c.loadFiles(config)
}

// loadFiles reads the files into config.
func (c *credential) loadFiles(config *tls.Config) error {
	s := &c.settings
	if s.CABundle != "" {
		roots, err := loadBundle(s.CABundle)
		if err != nil {
			return fault.New(fault.InvalidOption, &BundleError{err})
		}
		config.RootCAs = roots
	}
	if s.CertFile == "" && s.KeyFile == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(s.CertFile, s.keyFile())
	if err != nil {
		return fault.New(fault.InvalidOption, fmt.Errorf("TLS.CertFile %s and TLS.KeyFile %s: %w", s.CertFile, s.keyFile(), err))
	}
	config.Certificates, config.GetClientCertificate = []tls.Certificate{pair}, nil
	return nil
}

// A BundleError says why a CABundle cannot be used.
type BundleError struct{ Err error }

func (e *BundleError) Error() string { return "TLS.CABundle: " + e.Err.Error() }
func (e *BundleError) Unwrap() error { return e.Err }

// keyFile returns the path of the file with the client's key.
func (s *TLS) keyFile() string {
	if s.KeyFile == "" {
		return s.CertFile
	}
	return s.KeyFile
}

// loadBundle reads the authorities in a PEM file, or in all files of a
// directory, as c_rehash fills it. Names do not matter, and files without a
// certificate are ignored.
func loadBundle(path string) (*x509.CertPool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	files := []string{path}
	if info.IsDir() {
		if files, err = entries(path); err != nil {
			return nil, err
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

// entries returns the paths of the entries of a directory.
func entries(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(list))
	for i, e := range list {
		paths[i] = filepath.Join(dir, e.Name())
	}
	return paths, nil
}

// isFile reports whether name is a file or a link to one. Hashed directories
// are full of links, some of them dangling.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// A seenFile is the state of a file, to notice changes. Links are followed,
// because Kubernetes and certbot replace a link and leave the files alone.
type seenFile struct {
	path string
	info os.FileInfo // nil if unavailable
}

func (f seenFile) same(other seenFile) bool {
	if f.path != other.path || f.info == nil || other.info == nil {
		return f.path == other.path && f.info == nil && other.info == nil
	}
	return os.SameFile(f.info, other.info) && f.info.Size() == other.info.Size() && f.info.ModTime().Equal(other.info.ModTime())
}

// stat returns the state of the files, including those in a directory.
func (c *credential) stat() []seenFile {
	var list []seenFile
	for _, path := range [...]string{c.settings.CABundle, c.settings.CertFile, c.settings.KeyFile} {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		list = append(list, seenFile{path, info})
		if err != nil || !info.IsDir() {
			continue
		}
		paths, _ := entries(path) // load reports a directory that cannot be read
		for _, p := range paths {
			info, _ := os.Stat(p)
			list = append(list, seenFile{p, info})
		}
	}
	return list
}

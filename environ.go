package requests

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
	if t.SkipVerify || t.CABundle != "" || t.Config != nil && (t.Config.RootCAs != nil || t.Config.InsecureSkipVerify) {
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
	c.Certificates = []tls.Certificate{pair}
	return nil
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

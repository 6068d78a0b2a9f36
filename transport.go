package requests

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// idleTimeout closes a connection that nobody needed for so long.
	idleTimeout = 90 * time.Second
	// maxHeaderBytes bounds the header of a response (CVE-2023-38039).
	maxHeaderBytes = 1 << 20
	// pingAfter is how long an HTTP/2 connection with requests on it may be
	// silent before it is asked for a sign of life, and pingTimeout how long
	// that may take. The streams on a dead one would each wait for their own limit.
	pingAfter   = 15 * time.Second
	pingTimeout = 15 * time.Second
	// writeTimeout ends an HTTP/2 connection whose peer takes nothing.
	writeTimeout = time.Minute
)

// newPool makes the pool for key: a transport on a dialer of our own, so that
// one Connect limit covers name resolution, proxy, TCP and TLS.
func (a *HTTPAdapter) newPool(key poolKey) (*pool, error) {
	p := &pool{key: key, login: newProxyLogin(key.via)}
	d := &dialer{pool: p, dial: a.DialContext, resolver: a.Resolver}
	t := &http.Transport{}
	base := key.tls
	if a.Base != nil {
		t = a.Base.Clone()
		if d.dial == nil {
			d.dial = t.DialContext
		}
		base = base.over(TLS{Config: t.TLSClientConfig})
		d.connectHeader = t.ProxyConnectHeader
	}
	if d.dial == nil {
		d.dial = (&net.Dialer{Resolver: a.Resolver}).DialContext
	}
	http2 := !a.DisableHTTP2 && !key.only1
	config, err := base.config(http2)
	if err != nil {
		return nil, err
	}
	d.tls = config
	d.proxyTLS = proxyConfig(config, key.via.host)
	d.h2c = a.UnencryptedHTTP2 && !key.https && !key.only1
	if key.via.forwards(key.https, d.h2c) {
		p.forward = &url.URL{Scheme: key.via.scheme, Host: key.via.host}
	}
	p.transport = a.configure(t, d, config)
	return p, nil
}

// configure sets what the adapter decides in t. The rest stays as it is.
func (a *HTTPAdapter) configure(t *http.Transport, d *dialer, config *tls.Config) *http.Transport {
	t.Proxy = d.pool.route
	t.DialContext = d.plain
	t.DialTLSContext = d.encrypted
	//lint:ignore SA1019 DialTLS of Base would come before DialTLSContext.
	t.Dial, t.DialTLS = nil, nil
	t.TLSClientConfig = config.Clone()
	t.DisableCompression = true // the response decodes, and keeps the header
	http2 := !a.DisableHTTP2 && !d.pool.key.only1
	t.ForceAttemptHTTP2 = http2
	idle := a.PoolMaxSize
	if idle <= 0 {
		idle = defaultIdle
	}
	t.MaxIdleConnsPerHost = idle
	t.MaxIdleConns = max(maxIdle, idle)
	if a.PoolBlock {
		t.MaxConnsPerHost = idle
	}
	if t.IdleConnTimeout == 0 {
		t.IdleConnTimeout = idleTimeout
	}
	if t.MaxResponseHeaderBytes == 0 {
		t.MaxResponseHeaderBytes = maxHeaderBytes
	}
	if t.ExpectContinueTimeout == 0 {
		t.ExpectContinueTimeout = time.Second
	}
	if t.HTTP2 == nil {
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: writeTimeout}
	}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(!d.h2c)
	t.Protocols.SetHTTP2(http2)
	t.Protocols.SetUnencryptedHTTP2(d.h2c)
	return t
}

// config is the TLS configuration that t stands for.
func (t TLS) config(http2 bool) (*tls.Config, error) {
	r := t.route()
	c := r.Merged()
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	if c.NextProtos == nil {
		c.NextProtos = []string{"h2", "http/1.1"}
	}
	if !http2 { // what is not spoken is not offered
		c.NextProtos = slices.DeleteFunc(slices.Clone(c.NextProtos), func(p string) bool { return p == "h2" })
	}
	if t.SkipVerify {
		c.InsecureSkipVerify = true
	}
	if c.ClientSessionCache != nil && t != (TLS{Config: t.Config}) {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(0) // that of Config may serve others
	}
	return c, t.loadFiles(c)
}

// proxyConfig is the configuration for TLS with the proxy itself. The client's
// certificate is for the target, as are the sessions to be resumed, which are
// kept by name alone (CVE-2021-22890); and a proxy speaks HTTP/1.1 to us.
func proxyConfig(c *tls.Config, proxy string) *tls.Config {
	if proxy == "" {
		return nil
	}
	c = c.Clone()
	c.ServerName, _, _ = net.SplitHostPort(proxy)
	c.Certificates, c.GetClientCertificate, c.ClientSessionCache = nil, nil, nil
	c.NextProtos = []string{"http/1.1"}
	return c
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

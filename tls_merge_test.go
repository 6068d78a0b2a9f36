package requests

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// newTLSEcho starts a server with a certificate of ca that asks for one of the
// client's, and answers with its name and the version of TLS.
func newTLSEcho(t testing.TB, ca *issuer) string {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "no certificate"
		if c := r.TLS.PeerCertificates; len(c) > 0 {
			name = c[0].Subject.CommonName
		}
		fmt.Fprintf(w, "%s, %s", name, tls.VersionName(r.TLS.Version))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}, ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// TestTLSMerges holds the three settings of TLS, each of which a call gives in
// full or leaves to the session: the client's certificate, whom to trust, and
// the rest of Config.
func TestTLSMerges(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	named := func(name string) tls.Certificate {
		return ca.issue(t, func(c *x509.Certificate) { c.Subject.CommonName = name })
	}
	one, two := pairFile(t, named("one")), pairFile(t, named("two"))
	caBundle, otherBundle := ca.bundle(t), other.bundle(t)
	caRoots := x509.NewCertPool()
	caRoots.AddCert(ca.cert)
	older := &tls.Config{MaxVersion: tls.VersionTLS12} // what stands for the rest
	three := named("three")
	withCert := &tls.Config{Certificates: []tls.Certificate{three}}
	askedForCert := &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &three, nil }}
	trusting := &tls.Config{RootCAs: caRoots}
	insecure := &tls.Config{InsecureSkipVerify: true}
	accepting := &tls.Config{VerifyConnection: func(tls.ConnectionState) error { return nil }}
	acceptingPeer := &tls.Config{VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error { return nil }}
	refusing := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return fmt.Errorf("pinned") }}
	pinned := &tls.Config{InsecureSkipVerify: true, VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error { return fmt.Errorf("pinned") }}

	const none, only, others, all = "nobody", "ca", "other", "everybody"
	urls := map[string]string{only: newTLSEcho(t, ca), others: newTLSEcho(t, other)}
	for _, tt := range []struct {
		name          string
		session, call TLS
		trusted       string // whose certificates are accepted
		client        string // the name in the certificate that is sent
		older         bool   // TLS 1.2 at the most
	}{
		{"nothing over nothing", TLS{}, TLS{}, none, "", false},
		{"nothing over everything", TLS{CABundle: caBundle, CertFile: one, Config: older}, TLS{}, only, "one", true},

		// A certificate leaves whom to trust, and the rest.
		{"CertFile over CABundle", TLS{CABundle: caBundle}, TLS{CertFile: one}, only, "one", false},
		{"CertFile over SkipVerify", TLS{SkipVerify: true}, TLS{CertFile: one}, all, "one", false},
		{"CertFile over Config", TLS{Config: &tls.Config{RootCAs: caRoots, MaxVersion: tls.VersionTLS12}}, TLS{CertFile: one}, only, "one", true},
		{"CertFile over CertFile and KeyFile", TLS{CABundle: caBundle, CertFile: one, KeyFile: one}, TLS{CertFile: two}, only, "two", false},
		{"CertFile and KeyFile over CertFile", TLS{CABundle: caBundle, CertFile: one}, TLS{CertFile: two, KeyFile: two}, only, "two", false},
		{"CertFile over Certificates", TLS{CABundle: caBundle, Config: withCert}, TLS{CertFile: one}, only, "one", false},
		{"CertFile over GetClientCertificate", TLS{CABundle: caBundle, Config: askedForCert}, TLS{CertFile: one}, only, "one", false},
		{"CertFile beside GetClientCertificate", TLS{}, TLS{CABundle: caBundle, CertFile: one, Config: askedForCert}, only, "one", false},
		{"Certificates over CertFile", TLS{CABundle: caBundle, CertFile: one}, TLS{Config: withCert}, only, "three", false},
		{"GetClientCertificate over CertFile", TLS{CABundle: caBundle, CertFile: one}, TLS{Config: askedForCert}, only, "three", false},

		// Whom to trust leaves the certificate, and the rest.
		{"SkipVerify over CertFile", TLS{CABundle: caBundle, CertFile: one, Config: older}, TLS{SkipVerify: true}, all, "one", true},
		{"SkipVerify over CABundle", TLS{CABundle: otherBundle}, TLS{SkipVerify: true}, all, "", false},
		{"CABundle over SkipVerify", TLS{SkipVerify: true, CertFile: one}, TLS{CABundle: caBundle}, only, "one", false},
		{"CABundle over CABundle", TLS{CABundle: otherBundle, CertFile: one, Config: older}, TLS{CABundle: caBundle}, only, "one", true},
		{"CABundle over RootCAs", TLS{Config: &tls.Config{RootCAs: caRoots, MaxVersion: tls.VersionTLS12}}, TLS{CABundle: otherBundle}, others, "", true},
		{"CABundle over InsecureSkipVerify", TLS{Config: insecure}, TLS{CABundle: caBundle}, only, "", false},
		{"CABundle over VerifyConnection", TLS{Config: refusing}, TLS{CABundle: caBundle}, only, "", false},
		{"RootCAs over CABundle", TLS{CABundle: otherBundle, CertFile: one}, TLS{Config: trusting}, only, "one", false},
		{"RootCAs over SkipVerify", TLS{SkipVerify: true, CertFile: one}, TLS{Config: trusting}, only, "one", false},
		{"InsecureSkipVerify over CABundle", TLS{CABundle: otherBundle, CertFile: one}, TLS{Config: insecure}, all, "one", false},
		{"InsecureSkipVerify over Certificates", TLS{Config: withCert}, TLS{Config: insecure}, all, "three", false},
		{"SkipVerify over VerifyConnection", TLS{Config: refusing}, TLS{SkipVerify: true}, all, "", false},
		{"VerifyConnection over SkipVerify", TLS{SkipVerify: true}, TLS{Config: refusing}, none, "", false},
		{"VerifyConnection alone over SkipVerify", TLS{SkipVerify: true}, TLS{Config: accepting}, none, "", false},
		{"VerifyPeerCertificate alone over SkipVerify", TLS{SkipVerify: true}, TLS{Config: acceptingPeer}, none, "", false},

		// Verify goes back to the roots of the system.
		{"Verify over SkipVerify", TLS{SkipVerify: true}, TLS{Verify: true}, none, "", false},
		{"Verify over InsecureSkipVerify", TLS{Config: insecure}, TLS{Verify: true}, none, "", false},
		{"Verify over CABundle", TLS{CABundle: caBundle}, TLS{Verify: true}, none, "", false},
		{"Verify and CABundle over SkipVerify", TLS{SkipVerify: true, CertFile: one}, TLS{Verify: true, CABundle: caBundle}, only, "one", false},
		{"Verify and RootCAs over SkipVerify", TLS{SkipVerify: true}, TLS{Verify: true, Config: trusting}, only, "", false},
		{"SkipVerify over Verify", TLS{Verify: true, CABundle: otherBundle}, TLS{SkipVerify: true}, all, "", false},

		// The rest leaves both.
		{"Config over CABundle", TLS{CABundle: caBundle}, TLS{Config: older}, only, "", true},
		{"Config over SkipVerify", TLS{SkipVerify: true}, TLS{Config: older}, all, "", true},
		{"Config over CertFile", TLS{CABundle: caBundle, CertFile: one}, TLS{Config: older}, only, "one", true},
		{"Config over Certificates", TLS{CABundle: caBundle, Config: withCert}, TLS{Config: older}, only, "three", true},
		{"Config over GetClientCertificate", TLS{CABundle: caBundle, Config: askedForCert}, TLS{Config: older}, only, "three", true},
		{"Config over RootCAs", TLS{Config: trusting}, TLS{Config: older}, only, "", true},
		{"Config over InsecureSkipVerify", TLS{Config: insecure}, TLS{Config: older}, all, "", true},
		{"Config over VerifyConnection", TLS{Config: refusing}, TLS{Config: older}, none, "", true},
		{"Config over VerifyPeerCertificate", TLS{Config: pinned}, TLS{Config: older}, none, "", true},
		{"everything over everything", TLS{SkipVerify: true, CertFile: one, Config: older}, TLS{CABundle: caBundle, CertFile: two, Config: trusting}, only, "two", false},
	} {
		for way, do := range map[string]func(url string) (*Response, error){
			"call": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter), tt.session)
				return s.Get(bg, url, tt.call)
			},
			"HTTP1": func(url string) (*Response, error) {
				s := over(t, &HTTPAdapter{DisableHTTP2: true}, tt.session)
				return s.Get(bg, url, tt.call)
			},
			"With": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter), tt.session)
				return s.With(tt.call).Get(bg, url)
			},
			"twice": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter))
				return s.Get(bg, url, tt.session, tt.call, TLS{})
			},
			"field": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter))
				s.TLS = tt.session
				return s.Get(bg, url, tt.call)
			},
			"Send": func(url string) (*Response, error) {
				s := over(t, new(HTTPAdapter), tt.session)
				p, err := s.Prepare(bg, NewRequest("GET", url))
				require.NoError(t, err)
				return s.Send(bg, p, tt.call)
			},
		} {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				for whose, url := range urls {
					r, err := do(url)
					if accepted := tt.trusted == whose || tt.trusted == all; accepted != (err == nil) {
						t.Fatalf("the server of %q gave the error %v; want it accepted: %v", whose, err, accepted)
					}
					if err != nil {
						require.ErrorIs(t, err, ErrTLS)
						continue
					}
					client, version := tt.client, "TLS 1.3"
					if client == "" {
						client = "no certificate"
					}
					if tt.older {
						version = "TLS 1.2"
					}
					require.Equal(t, client+", "+version, r.Text())
				}
			})
		}
	}
}

// TestTLSContradicts gives both of what excludes each other.
func TestTLSContradicts(t *testing.T) {
	for name, both := range map[string]TLS{
		"SkipVerify":         {SkipVerify: true, Verify: true},
		"InsecureSkipVerify": {Verify: true, Config: &tls.Config{InsecureSkipVerify: true}},
	} {
		field := NewSession()
		field.TLS = both
		for way, do := range map[string]func() error{
			"call":       func() error { _, err := new(Session).Get(bg, "https://h.test/", both); return err },
			"NewSession": func() error { _, err := NewSession(both).Get(bg, "https://h.test/"); return err },
			"With":       func() error { _, err := NewSession().With(both).Get(bg, "https://h.test/"); return err },
			"field":      func() error { _, err := field.Get(bg, "https://h.test/"); return err },
			"prepare":    func() error { _, err := NewRequest("GET", "https://h.test/", both).Prepare(bg); return err },
		} {
			require.ErrorIs(t, do(), ErrInvalidOption, name+"/"+way)
		}
		_, err := field.Get(bg, "https://127.0.0.1:1/", TLS{SkipVerify: true})
		require.ErrorIs(t, err, ErrConnection, "a call that says whom to trust says it alone")
	}
}

// TestTLSMergeIsOneKey: what means the same is served by the same connections,
// and a Config is told by its address.
func TestTLSMergeIsOneKey(t *testing.T) {
	c := &tls.Config{MaxVersion: tls.VersionTLS12}
	roots := &tls.Config{RootCAs: x509.NewCertPool()}
	require.Equal(t, TLS{Config: c}, TLS{Config: c}.over(TLS{}))
	require.Equal(t, TLS{Config: c}, TLS{}.over(TLS{Config: c}))
	require.Equal(t, TLS{Config: c}, TLS{Config: c}.over(TLS{Config: c}))
	require.Equal(t, TLS{Config: roots}, TLS{Config: roots}.over(TLS{CABundle: "x", CertFile: ""}))
	a, b := TLS{Config: c}.over(TLS{Config: roots}), TLS{Config: c}.over(TLS{Config: roots})
	require.True(t, a == b)
	require.True(t, a == TLS{Config: c}.over(a) && a == a.over(TLS{}) && a == a.over(TLS{SkipVerify: true}))
	require.Same(t, c, a.Config)
}

// TestTLSResumption gives a Config a cache of TLS sessions, which are kept by the
// name of the server alone: a call with another certificate must not resume one
// that was begun with the first, nor one with other roots be spared to look.
func TestTLSResumption(t *testing.T) {
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	url := newTLSEcho(t, ca)
	named := func(name string) string {
		return pairFile(t, ca.issue(t, func(c *x509.Certificate) { c.Subject.CommonName = name }))
	}
	for name, a := range map[string]*HTTPAdapter{"HTTP/1.1": {DisableHTTP2: true}, "HTTP/2": {}} {
		t.Run(name, func(t *testing.T) {
			cache := tls.NewLRUClientSessionCache(0)
			s := over(t, a, TLS{CABundle: ca.bundle(t), CertFile: named("one"), Config: &tls.Config{ClientSessionCache: cache}})
			resumed := false
			get := func(opts ...Option) string {
				r, err := s.Get(bg, url, append(opts, Headers{"Connection": "close"})...)
				if err != nil {
					return "error"
				}
				resumed = r.TLS.DidResume
				return r.Text()
			}
			require.Equal(t, "one, TLS 1.3", get())
			require.Equal(t, "one, TLS 1.3", get())
			require.True(t, resumed, "no TLS session is resumed: this test proves nothing")
			require.Equal(t, "two, TLS 1.3", get(TLS{CertFile: named("two")}))
			require.Equal(t, "error", get(TLS{CABundle: other.bundle(t)}))
			require.Equal(t, "one, TLS 1.3", get(TLS{SkipVerify: true}))
			require.Equal(t, "error", get(TLS{Verify: true}))
			require.Equal(t, "one, TLS 1.3", get())
		})
	}
}

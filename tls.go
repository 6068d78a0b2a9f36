package requests

import (
	"crypto/tls"

	"github.com/go-requests/requests/internal/environ"
	"github.com/go-requests/requests/internal/transport"
)

// TLS holds the settings of encrypted connections. The zero value verifies the
// server against the roots of the system and speaks TLS 1.2 or later. Values
// are comparable: connections made under different ones are never shared
// (CVE-2024-35195).
//
// Its fields are three settings: the client's certificate, whom to trust, and the
// rest of Config. A call, or [Session.With], replaces the settings that it gives
// and keeps the others of the session. So a call that gives a CertFile keeps the
// session's CABundle, and a call that gives a CABundle ends the session's
// SkipVerify.
type TLS struct {
	// SkipVerify accepts any certificate. Whoever is on the path can then read
	// and change everything, so it is for tests alone.
	SkipVerify bool
	// Verify goes back from the session's SkipVerify, CABundle and Config to the
	// roots of the system, or to those that the same TLS value names. Together
	// with SkipVerify it is [ErrInvalidOption].
	Verify bool
	// CABundle is a PEM file, or a directory of PEM files, with the only
	// authorities to trust. Where neither CABundle nor Config nor SkipVerify says
	// whom to trust, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE may; see [TrustEnv].
	CABundle string
	// CertFile and KeyFile are PEM files with the client's certificate and its
	// key. If KeyFile is empty, CertFile has both. They count before Certificates
	// and GetClientCertificate of Config.
	CertFile, KeyFile string
	// Config is the base for everything else, and must not be changed once it is
	// used. Its RootCAs, InsecureSkipVerify, VerifyConnection and
	// VerifyPeerCertificate say whom to trust. Its Certificates and
	// GetClientCertificate are the client's certificate.
	Config *tls.Config

	// trust and client are the Configs of which a merge took the two settings;
	// nil is Config. Config itself is never copied, as its address tells
	// connections apart.
	trust, client *tls.Config
}

func (TLS) option() {}

// noConfig means no Config: a merge took the setting from a value without one.
var noConfig = new(tls.Config)

// over returns t, with settings that t does not give taken from base.
func (t TLS) over(base TLS) TLS {
	m := t
	if m.Config == nil {
		m.Config = base.Config
	}
	from := &t
	if !t.saysTrust() {
		from = &base
	}
	m.SkipVerify, m.Verify, m.CABundle, m.trust = from.SkipVerify, from.Verify, from.CABundle, from.trustConfig()
	if from = &t; !t.saysClient() {
		from = &base
	}
	m.CertFile, m.KeyFile, m.client = from.CertFile, from.KeyFile, from.clientConfig()

	// Values that mean the same must compare equal.
	if m.trust == m.Config || m.trust == noConfig && !trustIn(m.Config) {
		m.trust = nil
	}
	if m.client == m.Config || m.client == noConfig && !clientIn(m.Config) {
		m.client = nil
	}
	return m
}

func (t *TLS) saysTrust() bool {
	return t.SkipVerify || t.Verify || t.CABundle != "" || t.trust != nil || trustIn(t.Config)
}

func (t *TLS) saysClient() bool {
	return t.CertFile != "" || t.KeyFile != "" || t.client != nil || clientIn(t.Config)
}

// trustIn reports whether c says whom to trust. RootCAs, InsecureSkipVerify and
// the functions that verify belong together: InsecureSkipVerify without its
// function would trust everybody.
func trustIn(c *tls.Config) bool {
	return c != nil && (c.RootCAs != nil || c.InsecureSkipVerify || c.VerifyConnection != nil || c.VerifyPeerCertificate != nil)
}

func clientIn(c *tls.Config) bool {
	return c != nil && (len(c.Certificates) > 0 || c.GetClientCertificate != nil)
}

func (t *TLS) trustConfig() *tls.Config { return firstConfig(t.trust, t.Config) }

func (t *TLS) clientConfig() *tls.Config { return firstConfig(t.client, t.Config) }

func firstConfig(merged, own *tls.Config) *tls.Config {
	switch {
	case merged != nil:
		return merged
	case own != nil:
		return own
	}
	return noConfig
}

// trusting returns t with the authorities that the environment names, if t
// says nothing about whom to trust. In Requests these win over the program
// (psf/requests#3829).
func (t TLS) trusting() TLS {
	if c := t.trustConfig(); t.SkipVerify || t.CABundle != "" || c.RootCAs != nil || c.InsecureSkipVerify {
		return t
	}
	t.CABundle, _ = environ.CABundle()
	return t
}

// check refuses settings that exclude each other.
func (t *TLS) check() error {
	if t.Verify && (t.SkipVerify || t.trustConfig().InsecureSkipVerify) {
		return failText(ErrInvalidOption, "TLS has both SkipVerify and Verify")
	}
	if t.SkipVerify && t.CABundle != "" {
		return failText(ErrInvalidOption, "TLS has both SkipVerify and CABundle: whom to trust, and to trust everybody")
	}
	if t.KeyFile != "" && t.CertFile == "" {
		return failText(ErrInvalidOption, "TLS has a KeyFile and no CertFile")
	}
	return nil
}

// route is t as the engine takes it.
func (t *TLS) route() transport.TLS {
	return transport.TLS{
		SkipVerify: t.SkipVerify, CABundle: t.CABundle, CertFile: t.CertFile, KeyFile: t.KeyFile,
		Config: t.Config, Trust: t.trust, Client: t.client,
	}
}

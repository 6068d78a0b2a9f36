package requests

import "crypto/tls"

// TLS holds the settings of encrypted connections. The zero value verifies the
// server against the roots of the system and speaks TLS 1.2 or later. Values
// are comparable: connections made under different ones are never shared
// (CVE-2024-35195).
type TLS struct {
	// SkipVerify accepts any certificate. Whoever is on the path can then read
	// and change everything; it is for tests.
	SkipVerify bool
	// CABundle is a PEM file, or a directory of them, with the only authorities
	// to trust. REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE name one where neither it
	// nor Config nor SkipVerify says whom to trust; see [TrustEnv].
	CABundle string
	// CertFile and KeyFile hold the client's certificate in PEM. An empty
	// KeyFile means that CertFile holds both.
	CertFile, KeyFile string
	// Config is the base for everything else. It must not be changed once used.
	Config *tls.Config
}

func (TLS) option() {}

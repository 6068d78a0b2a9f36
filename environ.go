package requests

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// This file is the only reader of environment variables and of files that the
// caller did not hand over as a reader.

// loadFiles reads the files that t names into c.
func (t TLS) loadFiles(c *tls.Config) error {
	if t.CABundle != "" {
		pem, err := os.ReadFile(t.CABundle)
		if err != nil {
			return fail(ErrInvalidOption, fmt.Errorf("TLS.CABundle: %w", err))
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return failText(ErrInvalidOption, fmt.Sprintf("TLS.CABundle: %s holds no certificate", t.CABundle))
		}
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
		return fail(ErrInvalidOption, fmt.Errorf("TLS.CertFile and TLS.KeyFile: %w", err))
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

// A keyLog has the secrets of a connection, by label.
type keyLog map[string][]byte

func (k keyLog) Write(line []byte) (int, error) {
	f := strings.Fields(string(line))
	k[f[0]], _ = hex.DecodeString(f[2])
	return len(line), nil
}

// Types of TLS messages (RFC 8446, sections 5.1 and B.3).
const (
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
	keyUpdate     = "\x18\x00\x00\x01\x01" // with a request for another one
)

// A forger makes the records of a TLS 1.3 server that crypto/tls does not let a
// server send.
type forger struct {
	t      testing.TB
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

// forge takes over the writing from a server that has not written yet.
func forge(t testing.TB, s *secured) *forger {
	t.Helper()
	if suite := s.peer.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("the cipher suite is %s", tls.CipherSuiteName(suite))
	}
	f := &forger{t: t}
	f.use(s.keys["SERVER_TRAFFIC_SECRET_0"])
	return f
}

func (f *forger) expand(label string, n int) []byte {
	label = "tls13 " + label
	info := append([]byte{0, byte(n), byte(len(label))}, label...)
	b, err := hkdf.Expand(sha256.New, f.secret, string(append(info, 0)), n)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *forger) use(secret []byte) {
	f.secret, f.seq = secret, 0
	block, err := aes.NewCipher(f.expand("key", 16))
	if err != nil {
		f.t.Fatal(err)
	}
	f.aead, _ = cipher.NewGCM(block)
	f.iv = f.expand("iv", 12)
}

// update switches to the next keys, after a key update.
func (f *forger) update() { f.use(f.expand("traffic upd", sha256.Size)) }

// record seals content as one record.
func (f *forger) record(kind byte, content string) string {
	nonce := append([]byte(nil), f.iv...)
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^f.seq)
	f.seq++
	n := len(content) + 1 + f.aead.Overhead()
	header := []byte{typeData, 3, 3, byte(n >> 8), byte(n)}
	return string(f.aead.Seal(header, nonce, append([]byte(content), kind), header))
}

package ntlm

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestChannelBindings has the example in the tests of Python's ntlm-auth.
func TestChannelBindings(t *testing.T) {
	hash, err := hex.DecodeString("e3ca49271e5089cc48ce82109f1324f41dbeddc29a777410c738f7868c4ff405")
	require.NoError(t, err)
	require.Equal(t, "6ea19df066da4622051f9c4f92c6df74", hex.EncodeToString(channelBindings(hash)))
}

// TestEndPoint hashes a certificate as its signature does, but never by MD5 or SHA-1
// (RFC 5929, section 4.1).
func TestEndPoint(t *testing.T) {
	for algorithm, size := range map[x509.SignatureAlgorithm]int{
		x509.MD5WithRSA: 32, x509.SHA1WithRSA: 32, x509.ECDSAWithSHA1: 32, x509.SHA256WithRSA: 32, x509.SHA256WithRSAPSS: 32, x509.ECDSAWithSHA256: 32,
		x509.SHA384WithRSA: 48, x509.ECDSAWithSHA384: 48, x509.SHA384WithRSAPSS: 48, x509.SHA512WithRSA: 64, x509.ECDSAWithSHA512: 64, x509.SHA512WithRSAPSS: 64,
		x509.PureEd25519: 0, x509.UnknownSignatureAlgorithm: 0,
	} {
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("certificate"), SignatureAlgorithm: algorithm}}}
		require.Len(t, endPoint(state), size, algorithm)
	}
	require.Nil(t, endPoint(new(tls.ConnectionState)))
}

// challengeOf is a challenge that has this target information.
func challengeOf(info []byte) []byte {
	b := append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), make([]byte, 36)...)
	binary.LittleEndian.PutUint16(b[40:], uint16(len(info)))
	binary.LittleEndian.PutUint32(b[44:], uint32(len(b)))
	return append(b, info...)
}

func bindTo(t testing.TB, challenge []byte, target string) ([]byte, error) {
	u, err := url.Parse(target)
	require.NoError(t, err)
	return bind(challenge, &requests.Response{Request: &requests.PreparedRequest{URL: u}})
}

// TestBind replaces bindings that a server has sent, and keeps the rest.
func TestBind(t *testing.T) {
	domain := appendPair(nil, 2, []byte("D\x00"))
	for name, info := range map[string][]byte{
		"none":      appendPair(domain, avEOL, nil),
		"a name":    appendPair(appendPair(domain, avTargetName, []byte("x\x00")), avEOL, nil),
		"a binding": appendPair(append(appendPair(nil, avChannelBindings, make([]byte, 16)), domain...), avEOL, []byte{}),
		"a rest":    append(appendPair(domain, avEOL, nil), "rest"...),
	} {
		challenge := challengeOf(info)
		before := bytes.Clone(challenge)
		got, err := bindTo(t, challenge, "http://www.example.test:8080/x")
		require.NoError(t, err, name)
		require.Equal(t, before, challenge, "it belongs to the caller")
		want := appendPair(appendPair(bytes.Clone(domain), avTargetName, utf16le("HTTP/www.example.test")), avEOL, nil)
		offset := binary.LittleEndian.Uint32(got[44:])
		require.Equal(t, want, got[offset:], name)
		require.EqualValues(t, len(want), binary.LittleEndian.Uint16(got[40:]), name)
	}
	for name, challenge := range map[string][]byte{
		"short": []byte("NTLMSSP"), "no end": challengeOf(domain), "a pair beyond": challengeOf([]byte{2, 0, 9, 0, 0, 0, 0, 0}),
		"beyond": func() []byte { b := challengeOf(nil); b[40] = 1; return b }(),
		"far":    func() []byte { b := challengeOf([]byte{0, 0, 0, 0}); b[47] = 0xff; return b }(),
		"long":   challengeOf(appendPair(appendPair(nil, 2, make([]byte, 0xffe0)), avEOL, nil)),
	} {
		_, err := bindTo(t, challenge, "http://www.example.test/")
		require.Error(t, err, name)
	}
	none := challengeOf(nil)
	got, err := bindTo(t, none, "http://www.example.test/")
	require.NoError(t, err)
	require.Equal(t, none, got, "NTLMv1 has no target information")
	info := challengeOf(appendPair(domain, avEOL, nil))
	r := &requests.Response{Request: &requests.PreparedRequest{URL: &url.URL{Scheme: "http", Host: "proxy.test", Opaque: "www.example.test:443"}}}
	got, err = bind(info, r)
	require.NoError(t, err)
	require.Equal(t, info, got, "at a proxy")
}

func FuzzBind(f *testing.F) {
	f.Add(challengeOf(appendPair(appendPair(nil, 2, []byte("D\x00")), avEOL, nil)))
	f.Add(challengeOf([]byte{2, 0, 9, 0, 0, 0, 0, 0}))
	f.Add([]byte("NTLMSSP\x00\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, challenge []byte) {
		got, err := bindTo(t, challenge, "https://www.example.test/")
		if err == nil && len(got) < len(challenge) {
			t.Errorf("bind(%x) = %x, which is shorter", challenge, got)
		}
	})
}

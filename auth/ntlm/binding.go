package ntlm

import (
	"crypto"
	"crypto/md5"
	_ "crypto/sha256" // for the hash of a certificate
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"unicode/utf16"

	"github.com/go-requests/requests"
)

// The AV_PAIRs ([MS-NLMP], section 2.2.2.1) that bind a login.
const (
	avEOL             = 0
	avTargetName      = 9
	avChannelBindings = 10
)

// bind adds to a challenge what the answer has to be bound to. The answer covers
// the target information of the challenge, so that go-ntlmssp need not know of it.
func bind(challenge []byte, r *requests.Response) ([]byte, error) {
	if r.Request.URL.Opaque != "" { // at a proxy, whose connection is not in the response
		return challenge, nil
	}
	const fields = 40 // where length, room and offset of the target information are
	if len(challenge) < fields+8 {
		return nil, errors.New("it is cut short")
	}
	length := int(binary.LittleEndian.Uint16(challenge[fields:]))
	offset := int(binary.LittleEndian.Uint32(challenge[fields+4:]))
	if length == 0 { // NTLMv1 has none, and go-ntlmssp decides about that
		return challenge, nil
	}
	if offset > len(challenge) || length > len(challenge)-offset {
		return nil, errors.New("its target information is beyond its end")
	}
	info, err := unbound(challenge[offset : offset+length])
	if err != nil {
		return nil, err
	}
	if r.TLS != nil {
		if hash := endPoint(r.TLS); hash != nil {
			info = appendPair(info, avChannelBindings, channelBindings(hash))
		}
	}
	info = appendPair(info, avTargetName, utf16le("HTTP/"+r.Request.URL.Hostname()))
	info = appendPair(info, avEOL, nil)
	if len(info) > 0xffff {
		return nil, errors.New("its target information is too long")
	}
	bound := append([]byte(nil), challenge...)
	binary.LittleEndian.PutUint16(bound[fields:], uint16(len(info)))
	binary.LittleEndian.PutUint16(bound[fields+2:], uint16(len(info)))
	binary.LittleEndian.PutUint32(bound[fields+4:], uint32(len(bound)))
	return append(bound, info...), nil
}

// unbound returns the pairs of info without the last one, and without bindings, which
// are the client's to make.
func unbound(info []byte) ([]byte, error) {
	var kept []byte
	for len(info) >= 4 {
		id, length := binary.LittleEndian.Uint16(info), 4+int(binary.LittleEndian.Uint16(info[2:]))
		if id == avEOL {
			return kept, nil
		}
		if length > len(info) {
			break
		}
		if id != avTargetName && id != avChannelBindings {
			kept = append(kept, info[:length]...)
		}
		info = info[length:]
	}
	return nil, errors.New("its target information has no end")
}

func appendPair(info []byte, id uint16, value []byte) []byte {
	info = binary.LittleEndian.AppendUint16(info, id)
	info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
	return append(info, value...)
}

// endPoint returns the hash of the certificate of the server (RFC 5929, section
// 4.1), nil if there is none or if its signature has no hash.
func endPoint(state *tls.ConnectionState) []byte {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	hash := crypto.SHA256
	switch c := state.PeerCertificates[0]; c.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	}
	h := hash.New()
	h.Write(state.PeerCertificates[0].Raw)
	return h.Sum(nil)
}

// channelBindings is the MD5 of a gss_channel_bindings_struct ([MS-NLMP], section
// 2.2.2.1; RFC 4121, section 4.1.1.2) without addresses.
func channelBindings(endPoint []byte) []byte {
	const prefix = "tls-server-end-point:"
	b := make([]byte, 16) // types and lengths of the two addresses
	b = binary.LittleEndian.AppendUint32(b, uint32(len(prefix)+len(endPoint)))
	b = append(append(b, prefix...), endPoint...)
	sum := md5.Sum(b)
	return sum[:]
}

func utf16le(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

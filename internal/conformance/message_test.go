package conformance

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"mime"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A seenMessage is what requests on the wire and prepared requests have in common.
type seenMessage struct {
	method  string
	headers [][2]string // in the order of the wire, values trimmed
	body    []byte      // nil if there is none
	stream  bool        // the body is not in memory
}

// header returns the first field with the name.
func (m *seenMessage) header(name string) (value string, ok bool) {
	for _, h := range m.headers {
		if strings.EqualFold(h[0], name) {
			return h[1], true
		}
	}
	return "", false
}

// maxObserved is the length above which bytes and texts are compared by hash.
const maxObserved = 2048

// observedBytes writes b in the form of FORMAT.md, section 2.
func observedBytes(b []byte, hide func(string) string) any {
	if sum, long := observedSum(b); long {
		return sum
	}
	if !utf8.Valid(b) || bytes.ContainsFunc(b, unprintable) {
		return map[string]any{"b64": base64.StdEncoding.EncodeToString(b)}
	}
	return hide(string(b))
}

func unprintable(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || 0x7f <= r && r < 0xa0
}

// observedText writes text; the limit applies to the written form.
func observedText(s string, hide func(string) string) any {
	s = hide(s)
	if sum, long := observedSum([]byte(s)); long {
		return sum
	}
	return s
}

func observedSum(b []byte) (any, bool) {
	if len(b) <= maxObserved {
		return nil, false
	}
	sum := sha256.Sum256(b)
	return map[string]any{"sha256": hex.EncodeToString(sum[:]), "len": json.Number(strconv.Itoa(len(b)))}, true
}

// observedJSON writes a decoded JSON value.
func observedJSON(v any, hide func(string) string) any {
	switch v := v.(type) {
	case string:
		return observedText(v, hide)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = observedJSON(v[i], hide)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[hide(k)] = observedJSON(v[k], hide)
		}
		return out
	}
	return v
}

// A seenPart is one of a multipart body.
type seenPart struct {
	headers [][2]string
	body    []byte
}

var firstBoundary = regexp.MustCompile(`^--([!-~ ]{1,70})\r\n`)

// boundary returns the boundary in the Content-Type. If that has none and a multipart
// body is expected, it comes from the first line. It may be "".
func (m *seenMessage) boundary(expected bool) string {
	v, _ := m.header("Content-Type")
	if kind, params, err := mime.ParseMediaType(v); err == nil && strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		return params["boundary"]
	}
	if b := firstBoundary.FindSubmatch(m.body); b != nil && expected {
		return string(b[1])
	}
	return ""
}

// parts splits a multipart body. Anything before, between or after the parts is an
// error.
func (m *seenMessage) parts() ([]seenPart, error) {
	boundary := m.boundary(true)
	if boundary == "" {
		return nil, fmt.Errorf("no boundary")
	}
	delimiter := []byte("\r\n--" + boundary)
	pieces := bytes.Split(append([]byte("\r\n"), m.body...), delimiter)
	if len(pieces) < 2 || len(pieces[0]) > 0 || string(pieces[len(pieces)-1]) != "--\r\n" {
		return nil, fmt.Errorf("not from delimiter to closing delimiter %q", delimiter)
	}
	var parts []seenPart
	for _, piece := range pieces[1 : len(pieces)-1] {
		head, body, ok := bytes.Cut(piece, []byte("\r\n\r\n"))
		if !ok || !bytes.HasPrefix(piece, []byte("\r\n")) {
			return nil, fmt.Errorf("part %d has no head", len(parts))
		}
		p := seenPart{body: body}
		for line := range strings.SplitSeq(strings.TrimPrefix(string(head), "\r\n"), "\r\n") {
			if name, value, ok := strings.Cut(line, ":"); ok {
				p.headers = append(p.headers, [2]string{name, strings.Trim(value, " ")})
			}
		}
		parts = append(parts, p)
	}
	return parts, nil
}

var seenDigestParam = regexp.MustCompile(`([A-Za-z0-9*_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s"]*))`)

// seenDigestFields splits an Authorization field with the scheme Digest.
func seenDigestFields(value string) (map[string]string, bool) {
	scheme, rest, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Digest") {
		return nil, false
	}
	fields := make(map[string]string)
	for _, m := range seenDigestParam.FindAllStringSubmatch(rest, -1) {
		fields[strings.ToLower(m[1])] = m[2] + m[3]
	}
	return fields, true
}

var seenDigestHashes = map[string]func() hash.Hash{
	"": md5.New, "MD5": md5.New, "MD5-SESS": md5.New,
	"SHA": sha1.New, "SHA-256": sha256.New, "SHA-512": sha512.New,
}

// seenDigestResponse computes the right value of "response" (FORMAT.md, section 12.4).
func seenDigestResponse(f map[string]string, password, method string) (string, error) {
	algorithm := strings.ToUpper(f["algorithm"])
	newHash := seenDigestHashes[algorithm]
	if newHash == nil {
		return "", fmt.Errorf("no such algorithm: %q", algorithm)
	}
	sum := func(parts ...string) string {
		h := newHash()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	secret := sum(f["username"], f["realm"], password)
	if algorithm == "MD5-SESS" {
		secret = sum(secret, f["nonce"], f["cnonce"])
	}
	request := sum(method, f["uri"])
	if f["qop"] == "" {
		return sum(secret, f["nonce"], request), nil
	}
	return sum(secret, f["nonce"], f["nc"], f["cnonce"], f["qop"], request), nil
}

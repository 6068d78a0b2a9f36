package oauth1

import (
	"cmp"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"net/url"
	"slices"
	"strings"

	"github.com/go-requests/requests"
)

// A SignatureMethod is one of those in RFC 5849, section 3.4, by its registered
// name.
type SignatureMethod string

// The signature methods. HMACSHA256 is an extension that many servers know.
const (
	HMACSHA1   SignatureMethod = "HMAC-SHA1"
	HMACSHA256 SignatureMethod = "HMAC-SHA256"
	RSASHA1    SignatureMethod = "RSA-SHA1"
	Plaintext  SignatureMethod = "PLAINTEXT"
)

// hash returns the hash function of the method, which also hashes the body.
func (m SignatureMethod) hash() func() hash.Hash {
	if m == HMACSHA256 {
		return sha256.New
	}
	return sha1.New
}

// A pair is a decoded parameter.
type pair struct{ name, value string }

// sign returns the value of oauth_signature for the base string.
func (c *Client) sign(base string, tokenSecret string) (string, error) {
	key := escape(c.Secret) + "&" + escape(tokenSecret)
	switch method := c.method(); method {
	case Plaintext:
		return key, nil
	case HMACSHA1, HMACSHA256:
		mac := hmac.New(method.hash(), []byte(key))
		mac.Write([]byte(base))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
	case RSASHA1:
		if c.PrivateKey == nil {
			return "", invalid("RSA-SHA1 needs Client.PrivateKey")
		}
		sum := sha1.Sum([]byte(base))
		signature, err := rsa.SignPKCS1v15(rand.Reader, c.PrivateKey, crypto.SHA1, sum[:])
		if err != nil {
			return "", fmt.Errorf("%w: oauth1: the private key cannot sign: %w", requests.ErrInvalidOption, err)
		}
		return base64.StdEncoding.EncodeToString(signature), nil
	default:
		return "", invalid(fmt.Sprintf("Client.Signature: the method %q is not known", method))
	}
}

// baseString returns the text that is signed (RFC 5849, section 3.4.1).
func baseString(method string, u *url.URL, params []pair) string {
	return escape(strings.ToUpper(method)) + "&" + escape(baseURI(u)) + "&" + escape(normalize(params))
}

// baseURI is the URL without its query and without the default port (section
// 3.4.1.2).
func baseURI(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + host + path
}

// normalize encodes the parameters, sorts them by name and then by value, and
// joins them (section 3.4.1.3.2).
func normalize(params []pair) string {
	encoded := make([]pair, len(params))
	for i, p := range params {
		encoded[i] = pair{escape(p.name), escape(p.value)}
	}
	slices.SortFunc(encoded, func(a, b pair) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.value, b.value))
	})
	return join(encoded)
}

func join(encoded []pair) string {
	var b strings.Builder
	for i, p := range encoded {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name + "=" + p.value)
	}
	return b.String()
}

// parseForm decodes the parameters of a query or a form (section 3.4.1.3.1). A pair
// that is not form-encoded is an error: nobody knows how the server would read it.
func parseForm(form string) ([]pair, error) {
	var params []pair
	for part := range strings.SplitSeq(form, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil { // its text quotes the parameter
			return nil, invalid("a parameter has a % that escapes nothing")
		}
		params = append(params, pair{n, value})
	}
	return params, nil
}

// escape percent-encodes everything but the unreserved characters of RFC 3986, with
// upper-case hexadecimal digits (section 3.6).
func escape(s string) string {
	const hexadecimal = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	return b.String()
}

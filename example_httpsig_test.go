package requests_test

import (
	"context"
	"crypto"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// A messageKey signs what covered names of a request (RFC 9421).
type messageKey struct {
	id      string
	key     crypto.Signer // of Ed25519
	covered []string
	now     func() time.Time
}

// sign is an AuthFunc. The body is covered where "content-digest" is (RFC 9530).
func (k messageKey) sign(_ context.Context, p *requests.PreparedRequest) error {
	body, ok := p.Bytes()
	if !ok {
		return errors.New("a streamed body cannot be signed")
	}
	sum := sha512.Sum512(body)
	p.Header.Set("Content-Digest", "sha-512=:"+base64.StdEncoding.EncodeToString(sum[:])+":")

	var base strings.Builder
	var names []string
	for _, name := range k.covered {
		value := strings.Join(p.Header.Values(name), ", ")
		switch name {
		case "@method":
			value = p.Method
		case "@authority":
			value = p.URL.Host
		case "@path":
			value = p.URL.EscapedPath()
		case "content-length":
			value = strconv.FormatInt(p.ContentLength(), 10)
		}
		names = append(names, strconv.Quote(name))
		fmt.Fprintf(&base, "%q: %s\n", name, value)
	}
	params := fmt.Sprintf("(%s);created=%d;keyid=%q", strings.Join(names, " "), k.now().Unix(), k.id)
	fmt.Fprintf(&base, "%q: %s", "@signature-params", params)
	signature, err := k.key.Sign(nil, []byte(base.String()), crypto.Hash(0))
	if err != nil {
		return err
	}
	p.Header.Set("Signature-Input", "sig-b26="+params)
	p.Header.Set("Signature", "sig-b26=:"+base64.StdEncoding.EncodeToString(signature)+":")
	return nil
}

// A request is signed by HTTP Message Signatures, with the key and the numbers of
// RFC 9421, appendix B.2.6.
func ExampleAuthFunc_messageSignature() {
	der, err := base64.StdEncoding.DecodeString("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF")
	if err != nil {
		log.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		log.Fatal(err)
	}
	key := messageKey{
		id: "test-key-ed25519", key: private.(crypto.Signer),
		covered: []string{"date", "@method", "@path", "@authority", "content-type", "content-length"},
		now:     func() time.Time { return time.Unix(1618884473, 0) },
	}
	ctx := context.Background()
	post := requests.NewRequest("POST", "https://example.com/foo",
		requests.Params{"param": "Value", "Pet": "dog"},
		requests.Headers{"Date": "Tue, 20 Apr 2021 02:07:55 GMT", "Content-Type": "application/json"},
		requests.Text(`{"hello": "world"}`),
		requests.AuthFunc(key.sign))
	p, err := post.Prepare(ctx) // a call or a session does it by itself
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Header.Get("Content-Digest"))
	fmt.Println(p.Header.Get("Signature"))
	// Output:
	// sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
	// sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:
}

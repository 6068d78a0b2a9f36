package requests_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// awsKey signs requests by Signature Version 4 of AWS.
type awsKey struct {
	id, secret, region, service string
	now                         func() time.Time
}

// sign is an AuthFunc: it gets the request as it will be sent, body included.
func (k awsKey) sign(_ context.Context, p *requests.PreparedRequest) error {
	body, ok := p.Bytes()
	if !ok {
		return errors.New("a streamed body cannot be signed")
	}
	sum := sha256.Sum256(body)
	now := k.now().UTC()
	p.Header.Set("X-Amz-Date", now.Format("20060102T150405Z"))
	p.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))

	var signed []string // the fields of AWS, Date and Host
	fields := map[string]string{"host": p.URL.Host}
	for name, values := range p.Header {
		if name = strings.ToLower(name); name == "date" || strings.HasPrefix(name, "x-amz-") {
			fields[name] = strings.Join(values, ",")
		}
	}
	for name := range fields {
		signed = append(signed, name)
	}
	slices.Sort(signed)
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", p.Method, escapePath(p.URL.Path), strings.ReplaceAll(p.URL.Query().Encode(), "+", "%20"))
	for _, name := range signed {
		fmt.Fprintf(&canonical, "%s:%s\n", name, strings.TrimSpace(fields[name]))
	}
	names := strings.Join(signed, ";")
	fmt.Fprintf(&canonical, "\n%s\n%x", names, sum)

	scope := strings.Join([]string{now.Format("20060102"), k.region, k.service, "aws4_request"}, "/")
	text := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", now.Format("20060102T150405Z"), scope, sha256.Sum256([]byte(canonical.String())))
	key := []byte("AWS4" + k.secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = hmacSHA256(key, part)
	}
	p.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%x", k.id, scope, names, hmacSHA256(key, text)))
	return nil
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// escapePath escapes all but the unreserved characters and the slash, as S3 does
// it.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(part), "+", "%20")
	}
	return strings.Join(parts, "/")
}

// A request to S3 is signed, with the numbers of the example in the documentation
// of AWS ("Signature Calculations for the Authorization Header", PUT Object).
func ExampleAuthFunc_awsSignature() {
	key := awsKey{
		id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", region: "us-east-1", service: "s3",
		now: func() time.Time { return time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC) },
	}
	ctx := context.Background()
	put := requests.NewRequest("PUT", "https://examplebucket.s3.amazonaws.com/test$file.text",
		requests.Headers{"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY"},
		requests.Text("Welcome to Amazon S3."),
		requests.AuthFunc(key.sign))
	p, err := put.Prepare(ctx) // a call or a session does it by itself
	if err != nil {
		log.Fatal(err)
	}
	for part := range strings.SplitSeq(p.Header.Get("Authorization"), ",") {
		fmt.Println(part)
	}
	// Output:
	// AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request
	// SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class
	// Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd
}

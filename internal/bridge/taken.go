package bridge

import (
	"io"
	"net/http"

	"github.com/go-requests/requests/internal/transport"
)

// FromNetHTTP returns a response of a RoundTripper as one of the engine.
func FromNetHTTP(hr *http.Response) *transport.Response {
	r := &transport.Response{
		StatusCode: hr.StatusCode, Status: hr.Status, Proto: hr.Proto, Major: hr.ProtoMajor, Minor: hr.ProtoMinor,
		Header: hr.Header, Length: hr.ContentLength, Close: hr.Close, Body: hr.Body, TLS: hr.TLS,
		Foreign: hr,
	}
	if hr.Body == nil || hr.StatusCode == http.StatusSwitchingProtocols {
		return r
	}
	if IsUnframed(hr) {
		r.Body = &UnframedBody{ReadCloser: r.Body}
	}
	r.Body = &receivedBody{r.Body, r, hr}
	return r
}

// receivedBody copies the trailer at the end of the body.
type receivedBody struct {
	io.ReadCloser
	res *transport.Response
	hr  *http.Response
}

func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.res.Trailer = b.hr.Trailer
	}
	return n, err
}

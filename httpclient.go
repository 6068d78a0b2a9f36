package requests

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Client returns an [http.Client] that sends through the session, for code that
// wants one. It follows redirects as the session does, by the session's rules on
// credentials; the client itself follows none. Responses are streamed; their
// body is decoded.
//
// Its Transport may be put into another client. Should that follow redirects on
// its own, since the session has NoRedirects, what such a client sends on to
// another origin is dropped here, and nothing of the session's is added.
func (s *Session) Client() *http.Client {
	return &http.Client{
		Transport:     sessionTripper{s},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// sessionTripper is a session as a RoundTripper.
type sessionTripper struct{ s *Session }

func (t sessionTripper) RoundTrip(hr *http.Request) (*http.Response, error) {
	if hr.Body != nil {
		defer hr.Body.Close()
	}
	r, err := t.send(hr)
	if err != nil {
		return nil, err
	}
	header, length := r.Header, r.wire.length
	if r.wire.coded() { // as net/http does when it decodes
		header, length = header.Clone(), -1
		header.Del("Content-Encoding")
		header.Del("Content-Length")
	}
	return &http.Response{
		Status: strings.TrimSpace(strconv.Itoa(r.StatusCode) + " " + r.Reason), StatusCode: r.StatusCode, Proto: r.Proto, ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: r.Body, ContentLength: length, Uncompressed: r.wire.coded(),
		Request: hr, TLS: r.TLS,
	}, nil
}

// send sends hr as a streamed call.
func (t sessionTripper) send(hr *http.Request) (_ *Response, err error) {
	headers := make(Headers, len(hr.Header))
	for name, v := range hr.Header {
		headers[name] = v
	}
	if hr.Host != "" && hr.Host != hr.URL.Host {
		headers["Host"] = hr.Host
	}
	delete(headers, "Content-Length")
	opts := []Option{headers, Stream(true), BaseURL(""), RaiseForStatus(false)}
	if hr.Body != nil && hr.Body != http.NoBody {
		opts = append(opts, requestBody(hr))
	}
	named, away := led(hr)
	if named == nil {
		return t.s.Do(hr.Context(), hr.Method, hr.URL.String(), opts...)
	}
	delete(headers, "Referer") // net/http made it, with the query
	if away {
		opts = append(opts, NoAuth())
	}
	at := step{op: "prepare", url: hr.URL}
	defer at.wrap(&err)
	t.s.setup()
	var set settings
	if err := t.s.merge(&set, opts); err != nil {
		return nil, err
	}
	ctx, life := limitCall(hr.Context(), &set, set.merged.Auth)
	defer life.over()
	p, err := prepare(ctx, hr.Method, hr.URL.String(), &set)
	if err != nil {
		return nil, err
	}
	p.named = named
	if away {
		p.dropSecrets()
	}
	(&journey{cookies: set.cookieSource(), named: named}).setCookies(p)
	at = step{} // run says where it is
	return t.s.run(ctx, p, &set, life)
}

// led returns the URL that the caller named if it was redirects of an
// http.Client that led to hr, and whether they left its origin on the way.
func led(hr *http.Request) (named *url.URL, away bool) {
	for hr.Response != nil && hr.Response.Request != nil {
		from := hr.Response.Request
		named, away = from.URL, away || !sameOrigin(from.URL, hr.URL)
		hr = from
	}
	return named, away
}

// requestBody is the body of a request made for net/http.
func requestBody(hr *http.Request) Body {
	return Body{func() (content, error) {
		length := hr.ContentLength
		if length == 0 {
			length = -1 // net/http's zero with a body is "unknown"
		}
		opened := false
		return streamed(&stream{what: "the request body", again: hr.GetBody != nil, waits: hr.GetBody == nil, from: func() (io.Reader, error) {
			if !opened {
				opened = true
				return hr.Body, nil
			}
			if hr.GetBody == nil {
				return nil, ErrBodyNotReplayable
			}
			return hr.GetBody()
		}}, length, ""), nil
	}}
}

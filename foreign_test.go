package requests

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// TestForeignErrors: what an adapter of the caller's gives is passed on as it
// was, with the kind of the network's errors if it is one, and ErrAdapter else.
func TestForeignErrors(t *testing.T) {
	mine := errors.New("mine: token=s3cr3t")
	for _, tt := range []struct {
		name string
		err  error
		kind error
	}{
		{"of its own", mine, ErrAdapter},
		{"url.Error", &url.Error{Op: "Get", URL: "http://u:s3cr3t@h.test/?token=s3cr3t", Err: mine}, ErrAdapter},
		{"refused", &url.Error{Op: "Get", URL: "http://h.test/?token=s3cr3t", Err: &net.OpError{Op: "dial", Err: errRefused}}, ErrConnection},
		{"name", &net.DNSError{Err: "no such host", Name: "h.test", IsNotFound: true}, ErrDNS},
		{"timeout", &url.Error{Op: "Get", URL: "http://h.test/?token=s3cr3t", Err: context.DeadlineExceeded}, ErrTimeout},
		{"lost", &url.Error{Op: "Get", URL: "http://h.test/?token=s3cr3t", Err: io.EOF}, ErrConnectionLost},
		{"a kind of ours", ErrReadTimeout, ErrReadTimeout},
		{"a kind of ours in words", errors.Join(mine, ErrDNS), ErrDNS},
	} {
		for way, adapter := range map[string]func(sent *int) Adapter{
			"Adapter": func(sent *int) Adapter {
				return adapterFunc(func(context.Context, *PreparedRequest, SendOptions) (*Response, error) {
					*sent++
					return nil, tt.err
				})
			},
			"RoundTripper": func(sent *int) Adapter {
				return RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
					*sent++
					return nil, tt.err
				}))
			},
			"body": func(sent *int) Adapter {
				return RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
					*sent++
					return &http.Response{StatusCode: 200, ContentLength: -1, Body: io.NopCloser(iotest.ErrReader(tt.err))}, nil
				}))
			},
		} {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				kind := tt.kind
				switch {
				case way == "body" && isA[*net.DNSError](tt.err):
					kind = ErrAdapter // no name is resolved for a body
				case way == "body" && (kind == ErrConnection || kind == ErrConnectionLost):
					kind = nil // it is cut, or ends
				}
				sent := 0
				s := NewSession()
				defer s.Close()
				s.Mount("http://", adapter(&sent))
				_, err := s.Get(bg, "http://h.test/", Retry{Total: 2})
				if kind != nil {
					isAll(t, err, kind, tt.err)
				}
				if errors.Is(err, ErrProtocol) || kind != ErrAdapter && errors.Is(err, ErrAdapter) {
					t.Errorf("Get = %v; want an error that is %v only", err, kind)
				}
				if kind == ErrAdapter && sent != 1 {
					t.Errorf("sent %d times; want once", sent)
				}
				if err != nil && strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("Get = %v", err)
				}
			})
		}
	}
	t.Run("Retry.If", func(t *testing.T) {
		sent := 0
		s := NewSession()
		defer s.Close()
		s.Mount("http://", RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
			sent++
			return nil, mine
		})))
		_, err := s.Get(bg, "http://h.test/", Retry{Total: 2, If: func(a Attempt) bool { return errors.Is(a.Err, mine) }})
		isAll(t, err, ErrAdapter, ErrRetriesExhausted, mine)
		if sent != 3 {
			t.Errorf("sent %d times; want 3", sent)
		}
	})
}

// TestForeignResponses: what is no response at all is an error, and is closed if
// it can be.
func TestForeignResponses(t *testing.T) {
	mine := errors.New("mine")
	for _, tt := range []struct {
		name string
		res  http.Response
		err  error
		want error
	}{
		{"no status", http.Response{}, nil, ErrProtocol},
		{"another protocol", http.Response{StatusCode: http.StatusSwitchingProtocols}, nil, ErrProtocol},
		{"beside an error", http.Response{StatusCode: 200}, mine, mine},
	} {
		for _, body := range []*closing{nil, {Reader: strings.NewReader("body")}} {
			res := tt.res
			if body != nil {
				res.Body = body
			}
			a := RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) { return &res, tt.err }))
			p, err := NewRequest("GET", "http://h.test/").Prepare(bg)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := a.Send(bg, p, SendOptions{Timeout: Timeout{Read: 1 << 40}}); r != nil || !errors.Is(err, tt.want) {
				t.Errorf("%s: Send = %v, %v; want %v", tt.name, r, err, tt.want)
			}
			if body != nil && body.closed != 1 {
				t.Errorf("%s: its body was closed %d times; want once", tt.name, body.closed)
			}
		}
	}
}

// TestForeignClose: net/http sees in the request, and not in its fields, that a
// connection is not to be kept.
func TestForeignClose(t *testing.T) {
	var closes []bool
	s := NewSession()
	defer s.Close()
	s.Mount("http://", RoundTripper(roundTripFunc(func(hr *http.Request) (*http.Response, error) {
		closes = append(closes, hr.Close)
		return &http.Response{StatusCode: 200}, nil
	})))
	for _, value := range []any{"close", "Close", "keep-alive", nil} {
		if _, err := s.Get(bg, "http://h.test/", Headers{"Connection": value}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []bool{true, true, false, false}; !slices.Equal(closes, want) {
		t.Errorf("Close of the requests = %v; want %v", closes, want)
	}
}

// TestFailedAttemptOfAnEndedCall: after a failed attempt whose call has ended
// there is no other one, and its response is read like any.
func TestFailedAttemptOfAnEndedCall(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	body := &closing{Reader: strings.NewReader("busy")}
	a := RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) {
		cancel()
		return &http.Response{StatusCode: 503, ContentLength: -1, Body: body}, nil
	}))
	p, err := NewRequest("GET", "http://h.test/").Prepare(bg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Send(ctx, p, SendOptions{Retry: &Retry{Total: 1, StatusCodes: []int{503}}})
	if body.closed != 1 {
		t.Errorf("Send = %v, %v, with the body closed %d times; want once", r, err, body.closed)
	}
	if err != nil || r.StatusCode != 503 || r.Text() != "busy" {
		t.Errorf("Send = %v, %v; want 503 with its body", r, err)
	}
}

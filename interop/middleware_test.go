package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/quic-go/quic-go/http3"
	"github.com/sony/gobreaker/v2"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/go-requests/requests"
)

// These tests mount an http.RoundTripper, or put middleware for net/http around each
// attempt with HTTPAdapter.Wrap.

// TestHTTP3 sends over QUIC: quic-go's transport is mounted for https.
func TestHTTP3(t *testing.T) {
	certificates := httptest.NewUnstartedServer(nil)
	certificates.StartTLS()
	defer certificates.Close()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	srv := &http3.Server{
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: certificates.TLS.Certificates}),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Proto", r.Proto)
			w.Header().Set("Trailer", "Sum")
			io.Copy(w, r.Body)
			w.Header().Set("Sum", "1")
		}),
	}
	go srv.Serve(conn)
	defer srv.Close()
	rt := &http3.Transport{TLSClientConfig: trusting(certificates)}
	defer rt.Close()
	s := start(t)
	s.Mount("https://", requests.RoundTripper(rt))
	body := bytes.Repeat([]byte("quic "), 100_000)
	for _, b := range []requests.Body{requests.Bytes(body), requests.Reader(bytes.NewReader(body))} {
		r, err := s.Post(context.Background(), "https://"+conn.LocalAddr().String()+"/echo", b)
		require.NoError(t, err)
		require.Equal(t, "HTTP/3.0", r.Header.Get("X-Proto"))
		require.True(t, bytes.Equal(body, r.Content()), "%d bytes of %d", len(r.Content()), len(body))
	}
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestBreaker puts a circuit breaker around each attempt. Its error is returned
// unchanged, and the attempt is not repeated.
func TestBreaker(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer srv.Close()
	breaker := gobreaker.NewCircuitBreaker[*http.Response](gobreaker.Settings{
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 2 },
	})
	attempts := 0
	s := start(t, requests.OnRetry(func(context.Context, requests.Attempt) error { attempts++; return nil }))
	s.Mount("http://", &requests.HTTPAdapter{
		Retry: requests.Retry{Total: 5, StatusCodes: []int{503}, Backoff: time.Millisecond},
		Wrap: func(next http.RoundTripper) http.RoundTripper {
			return roundTripperFunc(func(r *http.Request) (*http.Response, error) {
				return breaker.Execute(func() (*http.Response, error) {
					res, err := next.RoundTrip(r)
					if err == nil && res.StatusCode >= 500 {
						return res, errors.Join(err, errBusy)
					}
					return res, err
				})
			})
		},
	})
	var errs []error
	for range 4 {
		_, err := s.Get(context.Background(), srv.URL)
		errs = append(errs, err)
	}
	require.ErrorIs(t, errs[0], errBusy)
	require.ErrorIs(t, errs[3], gobreaker.ErrOpenState)
	require.ErrorIs(t, errs[3], requests.ErrAdapter)
	require.NotErrorIs(t, errs[3], requests.ErrProtocol)
	require.EqualValues(t, 2, asked.Load(), "requests after which the breaker opened")
	require.Zero(t, attempts, "errors of the breaker that were tried again")
}

var errBusy = errors.New("the server is busy")

// TestFailsafe has failsafe-go's breaker count the answers.
func TestFailsafe(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer srv.Close()
	breaker := circuitbreaker.NewBuilder[*http.Response]().HandleIf(func(r *http.Response, err error) bool { return r != nil && r.StatusCode >= 500 }).
		WithFailureThreshold(2).Build()
	s := start(t)
	s.Mount("http://", &requests.HTTPAdapter{Wrap: func(next http.RoundTripper) http.RoundTripper { return failsafehttp.NewRoundTripper(next, breaker) }})
	for range 2 {
		r, err := s.Get(context.Background(), srv.URL)
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, r.StatusCode)
	}
	_, err := s.Get(context.Background(), srv.URL)
	require.ErrorIs(t, err, circuitbreaker.ErrOpen)
}

// TestOAuth2Transport puts the transport of x/oauth2 around each attempt. After an
// error of its source the attempt is not repeated, and the timeout of a call still
// applies.
func TestOAuth2Transport(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) }))
	defer srv.Close()
	source := &oneToken{}
	s := start(t)
	s.Mount("http://", &requests.HTTPAdapter{
		Retry: requests.Retry{Total: 3, Backoff: time.Millisecond},
		Wrap:  func(next http.RoundTripper) http.RoundTripper { return &oauth2.Transport{Source: source, Base: next} },
	})
	r, err := s.Get(context.Background(), srv.URL)
	require.NoError(t, err)
	require.Equal(t, "Bearer abc", r.Text())
	_, err = s.Get(context.Background(), srv.URL)
	require.ErrorIs(t, err, errNoToken)
	require.Equal(t, 2, source.asked)
}

var errNoToken = errors.New("no token")

// oneToken gives one token and then an error.
type oneToken struct{ asked int }

func (s *oneToken) Token() (*oauth2.Token, error) {
	s.asked++
	if s.asked > 1 {
		return nil, errNoToken
	}
	return &oauth2.Token{AccessToken: "abc"}, nil
}

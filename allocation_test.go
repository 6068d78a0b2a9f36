//go:build !race

package requests_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// A call takes a map of fields, of two pieces, for the request and another for the
// response, with their values; the text of the head, the body, the URL, the request
// and the response. TLS has some of its own, at both ends. What was not asked for
// takes no memory. Under the race detector pools forget, so that more is made.
func TestAllocationsOfCall(t *testing.T) {
	secure := httptest.NewUnstartedServer(nil)
	secure.StartTLS()
	defer secure.Close()
	for _, tt := range []struct {
		scheme string
		config *tls.Config
		most   float64
	}{{"http", nil, 12}, {"https", secure.TLS, 14}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		if tt.config != nil {
			l = tls.NewListener(l, &tls.Config{Certificates: tt.config.Certificates})
		}
		var server sync.WaitGroup
		server.Go(func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			for buf := make([]byte, 4096); err == nil; { // a request is one read
				if _, err = c.Read(buf); err == nil {
					_, err = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
				}
			}
		})
		s := requests.NewSession(requests.TLS{SkipVerify: true})
		url := tt.scheme + "://" + l.Addr().String() + "/"
		got := testing.AllocsPerRun(200, func() {
			if err := content(s.Get(context.Background(), url)); err != nil {
				t.Fatal(err)
			}
		})
		if got > tt.most {
			t.Errorf("a call of %s makes %v allocations; want %v", tt.scheme, got, tt.most)
		}
		s.Close()
		l.Close()
		server.Wait()
	}
}

// TestDumpCostsNothing where it is not asked for.
func TestDumpCostsNothing(t *testing.T) {
	noEnvironment(t)
	handler := requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	allocs := func(opts ...requests.Option) float64 {
		s := requests.NewSession(opts...)
		s.Mount("http://", handler)
		return testing.AllocsPerRun(200, func() {
			if _, err := s.Get(t.Context(), "http://a.test/"); err != nil {
				t.Fatal(err)
			}
		})
	}
	plain, silenced := allocs(), allocs(requests.Dump{To: io.Discard}, requests.Dump{})
	require.InDelta(t, plain, silenced, 0.5)
	require.Greater(t, allocs(requests.Dump{To: io.Discard}), plain+3, "this test sees what a dump allocates")
}

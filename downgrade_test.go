package requests

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
)

// A refuser is a TLS server that resets each request of HTTP/2 with a code and
// answers those of HTTP/1.1 with their bodies.
type refuser struct {
	*faulty

	mu     sync.Mutex
	bodies []string // of HTTP/1.1
	resets int
}

func newRefuser(t testing.TB, cert tls.Certificate, code http2.ErrCode) *refuser {
	r := new(refuser)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	r.faulty = newFaulty(t, func(f *faulty, c net.Conn) {
		tc := tls.Server(c, config)
		defer tc.Close()
		if tc.Handshake() != nil {
			return
		}
		if tc.ConnectionState().NegotiatedProtocol != "h2" {
			r.answer(tc)
			return
		}
		serveFrames(tc, func(f *framed, s uint32) bool {
			r.mu.Lock()
			r.resets++
			r.mu.Unlock()
			f.WriteRSTStream(s, code)
			return true
		})
	})
	return r
}

func (r *refuser) answer(c net.Conn) {
	br := bufio.NewReader(c)
	for {
		hr, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(hr.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.bodies = append(r.bodies, string(body))
		r.mu.Unlock()
		io.WriteString(c, okAnswer)
	}
}

// TestHTTP11Required is B224: a server that resets a request with
// HTTP_1_1_REQUIRED gets it by HTTP/1.1, if it can be sent again.
func TestHTTP11Required(t *testing.T) {
	ca := newIssuer(t, "ca")
	once := func() Body { return Reader(io.MultiReader(strings.NewReader("x"))) }
	for _, tt := range []struct {
		name   string
		code   http2.ErrCode
		method string
		body   Option
		want   error // nil: the request is answered
		offers []string
	}{
		{"GET", http2.ErrCodeHTTP11Required, "GET", nil, nil, nil},
		{"POST", http2.ErrCodeHTTP11Required, "POST", Text("x"), nil, nil},
		{"protocols of the caller", http2.ErrCodeHTTP11Required, "GET", nil, nil, []string{"h2", "http/1.1"}},
		{"a body that is gone", http2.ErrCodeHTTP11Required, "POST", once(), ErrConnectionLost, nil},
		{"another code", http2.ErrCodeInternal, "GET", nil, ErrConnectionLost, nil},
	} {
		t.Run("B224 "+tt.name, func(t *testing.T) {
			f := newRefuser(t, ca.issue(t, nil), tt.code)
			a := new(HTTPAdapter)
			config := &tls.Config{RootCAs: ca.pool(), NextProtos: tt.offers}
			r, err := over(t, a, TLS{Config: config}).Do(bg, tt.method, f.https(), tt.body)
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.resets != 1 {
				t.Errorf("%d requests by HTTP/2; want 1", f.resets)
			}
			if tt.want != nil {
				isAll(t, err, tt.want)
				if len(f.bodies) > 0 {
					t.Errorf("%q was sent by HTTP/1.1; want nothing", f.bodies)
				}
				return
			}
			if err != nil || r.Proto != "HTTP/1.1" || r.Text() != "ok" || len(f.bodies) != 1 {
				t.Fatalf("got %v, %v after %q; want the answer by HTTP/1.1", r, err, f.bodies)
			}
			if want := map[string]string{"GET": "", "POST": "x"}[tt.method]; f.bodies[0] != want {
				t.Errorf("the body is %q; want %q", f.bodies[0], want)
			}
		})
	}
	t.Run("B224 not for ever", func(t *testing.T) {
		// One that offers HTTP/2 alone has no way to be asked.
		f := newFramed(t, func(f *framed, _ int32, s uint32) bool {
			f.WriteRSTStream(s, http2.ErrCodeHTTP11Required)
			return true
		})
		if r, err := over(t, h2c()).Get(bg, f.url()); err == nil {
			t.Errorf("got %v; want an error", r)
		}
		if n := f.conns.Load(); n != 2 {
			t.Errorf("%d connections; want one by each version", n)
		}
	})
}

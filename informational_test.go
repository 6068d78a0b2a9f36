package requests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hinting answers with so many early hints before the response.
func hinting(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range n {
			w.Header().Set("Link", fmt.Sprintf("</%d.css>; rel=preload", i))
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("Link")
		io.WriteString(w, "ok")
	})
}

// hintingAlike is hinting for clients that end the exchange at a hint: net/http's
// server of HTTP/2 may still be writing the map of one hint when the handler
// goes on to the next, so that the handler must not change it.
func hintingAlike(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</0.css>; rel=preload")
		for range n {
			w.WriteHeader(http.StatusEarlyHints)
		}
		io.WriteString(w, "ok")
	})
}

// hints collects what an OnInformational is told.
type hints []string

func (h *hints) add(_ context.Context, status int, header http.Header) error {
	*h = append(*h, fmt.Sprint(status, " ", header.Get("Link")))
	return nil
}

var twoHints = []string{"103 </0.css>; rel=preload", "103 </1.css>; rel=preload"}

// ways are the adapters and protocols by which a handler can be reached.
func ways(t *testing.T, h http.Handler, test func(t *testing.T, s *Session, url, proto string)) {
	server := func(t *testing.T, http2 bool) *httptest.Server {
		srv := httptest.NewUnstartedServer(h)
		srv.EnableHTTP2 = http2
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	t.Run("HTTP/1.1", func(t *testing.T) {
		srv := server(t, false)
		test(t, over(t, new(HTTPAdapter), TLS{SkipVerify: true}), srv.URL, "HTTP/1.1")
	})
	t.Run("HTTP/2", func(t *testing.T) {
		srv := server(t, true)
		test(t, over(t, new(HTTPAdapter), TLS{SkipVerify: true}), srv.URL, "HTTP/2.0")
	})
	t.Run("RoundTripper", func(t *testing.T) {
		srv := server(t, true)
		s := NewSession()
		defer s.Close()
		s.Mount("https://", RoundTripper(srv.Client().Transport))
		test(t, s, srv.URL, "HTTP/2.0")
	})
	t.Run("Handler", func(t *testing.T) {
		s := NewSession()
		defer s.Close()
		s.Mount("http://", Handler(h))
		test(t, s, "http://a.test/", "HTTP/1.1")
	})
}

func TestOnInformational(t *testing.T) {
	ways(t, hinting(2), func(t *testing.T, s *Session, url, proto string) {
		var got hints
		r, err := s.Get(bg, url, OnInformational(got.add))
		if err != nil || r.Proto != proto || r.StatusCode != 200 || r.Text() != "ok" || r.Header.Get("Link") != "" {
			t.Fatalf("Get = %v, %v; want 200 over %s", r, err, proto)
		}
		if !slices.Equal(got, twoHints) {
			t.Errorf("the hook was told %q; want %q", got, twoHints)
		}
	})
	ways(t, hinting(10), func(t *testing.T, s *Session, url, _ string) {
		for _, opts := range [][]Option{nil, {OnInformational((new(hints)).add)}} {
			if r, err := s.Get(bg, url, opts...); err != nil || r.Text() != "ok" {
				t.Errorf("B061 Get = %v, %v; want 200", r, err)
			}
		}
	})
}

// TestOnInformationalOfSession is told by every request of a call, and not of
// the call that brings its own.
func TestOnInformationalOfSession(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/", hinting(1))
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProcessing)
		http.Redirect(w, r, "/", http.StatusFound)
	})
	var got, own hints
	s := NewSession(OnInformational(got.add)).With()
	defer s.Close()
	s.Mount("http://", Handler(mux))
	if _, err := s.Get(bg, "http://a.test/away"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(bg, "http://a.test/", Hooks{Informational: []OnInformational{own.add}}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"102 ", twoHints[0]}; !slices.Equal(got, want) || !slices.Equal(own, twoHints[:1]) {
		t.Errorf("the session's hook was told %q, that of the call %q; want %q and %q", got, own, want, twoHints[:1])
	}
}

func TestOnInformationalError(t *testing.T) {
	own := fail(ErrReadTimeout, errors.New("own")) // a kind that is worth a retry elsewhere
	ways(t, hintingAlike(2), func(t *testing.T, s *Session, url, _ string) {
		calls := 0
		hook := OnInformational(func(context.Context, int, http.Header) error { calls++; return own })
		r, err := s.Get(bg, url, hook, OnInformational((*hints)(nil).add), Retry{Total: 3, If: func(Attempt) bool { return true }})
		if r != nil || err != own || calls != 1 {
			t.Errorf("Get = %v, %v after %d calls; want the hook's own error after 1", r, err, calls)
		}
	})
	ways(t, hintingAlike(2), func(t *testing.T, s *Session, url, _ string) {
		_, err := s.Get(bg, url, OnInformational(func(context.Context, int, http.Header) error { panic("mine") }))
		if err == nil || !strings.Contains(err.Error(), "panic in OnInformational") {
			t.Errorf("Get = %v; want the panic of the hook as an error", err)
		}
	})
	t.Run("beside a trace of the caller", func(t *testing.T) { // whose result counts for net/http
		ways(t, hintingAlike(2), func(t *testing.T, s *Session, url, _ string) {
			calls := 0
			ctx := httptrace.WithClientTrace(bg, &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error { return nil }})
			_, err := s.Get(ctx, url, OnInformational(func(context.Context, int, http.Header) error { calls++; return own }))
			if err != own || calls != 1 {
				t.Errorf("Get = %v after %d calls; want the hook's own error after 1", err, calls)
			}
		})
	})
}

// TestOnInformationalEndless is B062: a hook that takes note of everything does
// not lift the bound.
func TestOnInformationalEndless(t *testing.T) {
	for name, head := range map[string]string{
		"103": "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
		"100": "HTTP/1.1 100 Continue\r\n\r\n",
	} {
		t.Run("B062 endless "+name+", told", func(t *testing.T) {
			f := newFaulty(t, func(f *faulty, c net.Conn) {
				if f.request(bufio.NewReader(c)) == nil {
					return
				}
				for all := strings.Repeat(head, 100); ; {
					if _, err := io.WriteString(c, all); err != nil {
						return
					}
				}
			})
			n := 0
			_, err := over(t, new(HTTPAdapter)).Get(bg, f.url(), OnInformational(func(context.Context, int, http.Header) error { n++; return nil }))
			isAll(t, err, ErrProtocol)
			if n == 0 || n > maxHeaderBytes/fieldOverhead {
				t.Errorf("the hook was called %d times; want at most %d", n, maxHeaderBytes/fieldOverhead)
			}
		})
	}
	t.Run("B062 endless 103, HTTP/2", func(t *testing.T) {
		f := newFramed(t, func(f *framed, _ int32, stream uint32) bool {
			for range maxHeaderBytes / fieldOverhead * 2 {
				f.headers(stream, "103", false)
			}
			return true
		})
		_, err := over(t, h2c()).Get(bg, f.url(), OnInformational(func(context.Context, int, http.Header) error { return nil }))
		isAll(t, err, ErrProtocol)
	})
}

// TestOnInformationalIsOver proves that no hook runs once the call has returned.
func TestOnInformationalIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pipes{serve: script("HTTP/1.1 103 Early Hints\r\n\r\n", time.Second, "HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}.session(t)
		ctx, cancel := context.WithCancel(bg)
		calls := 0
		_, err := s.Get(ctx, "http://a.test/", OnInformational(func(context.Context, int, http.Header) error { calls++; cancel(); return nil }))
		synctest.Wait()
		time.Sleep(time.Minute)
		if !errors.Is(err, context.Canceled) || calls != 1 {
			t.Errorf("Get = %v after %d calls; want context.Canceled after 1", err, calls)
		}
	})
	ctx, i := withInterim(bg, []OnInformational{func(context.Context, int, http.Header) error { return errors.New("late") }})
	if _, err := i.end(nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := httptrace.ContextClientTrace(ctx).Got1xxResponse(103, nil); err != nil {
		t.Errorf("a transport that tells too late was answered with %v", err)
	}
}

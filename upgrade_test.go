package requests_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

var asksEcho = requests.Headers{"Connection": "Upgrade", "Upgrade": "echo"}

// echoes answers a request for the protocol "echo", in which the server says
// hello, and from then on what it is told.
func echoes(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "echo" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
		w.WriteHeader(http.StatusUpgradeRequired)
		return
	}
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello\n")
	rw.Flush()
	io.Copy(c, rw)
	io.WriteString(c, "bye")
}

// talk speaks the protocol of echoes.
func talk(t *testing.T, body io.ReadCloser) {
	t.Helper()
	c, ok := body.(io.ReadWriteCloser)
	require.True(t, ok, "%T", body)
	defer c.Close()
	r := bufio.NewReader(c)
	for _, line := range []string{"hello\n", "one\n", "two\n"} {
		if line != "hello\n" {
			_, err := io.WriteString(c, line)
			require.NoError(t, err)
		}
		got, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, line, got)
	}
	half, ok := c.(interface{ CloseWrite() error })
	require.True(t, ok, "%T", c)
	require.NoError(t, half.CloseWrite())
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "bye", string(rest))
}

// TestUpgrade is about connections that get another protocol (RFC 9110, section 7.8).
func TestUpgrade(t *testing.T) {
	noEnvironment(t)
	plain := httptest.NewServer(http.HandlerFunc(echoes))
	defer plain.Close()
	encrypted := httptest.NewUnstartedServer(http.HandlerFunc(echoes))
	encrypted.EnableHTTP2 = true // which has no upgrades, so that HTTP/1.1 is spoken
	encrypted.StartTLS()
	defer encrypted.Close()
	skip := requests.TLS{SkipVerify: true}
	over := func(t *testing.T, a requests.Adapter, opts ...requests.Option) *requests.Session {
		s := requests.NewSession(opts...)
		t.Cleanup(func() { s.Close() })
		if a != nil {
			s.Mount("http://", a)
			s.Mount("https://", a)
		}
		return s
	}
	for _, way := range []struct {
		name    string
		session func(t *testing.T) *requests.Session
	}{
		{"HTTPAdapter", func(t *testing.T) *requests.Session { return over(t, nil, skip) }},
		{"Wrap", func(t *testing.T) *requests.Session { return wrapped(t, new(requests.HTTPAdapter), pass, skip) }},
		{"RoundTripper", func(t *testing.T) *requests.Session {
			rt := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			return over(t, requests.RoundTripper(rt))
		}},
	} {
		for _, srv := range []*httptest.Server{plain, encrypted} {
			scheme, _, _ := strings.Cut(srv.URL, ":")
			t.Run(way.name+"/"+scheme, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				r, err := way.session(t).Get(ctx, srv.URL, asksEcho, requests.Timeout{Read: time.Minute, Total: time.Minute}, requests.Trace(true))
				require.NoError(t, err)
				require.Equal(t, 101, r.StatusCode)
				require.Equal(t, "echo", r.Header.Get("Upgrade"))
				cancel() // as dialers of WebSocket do
				require.Empty(t, r.Text())
				require.ErrorIs(t, r.Load(), requests.ErrStreamConsumed)
				talk(t, r.Body)
			})
			t.Run(way.name+"/"+scheme+"/Client", func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				hr, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
				require.NoError(t, err)
				hr.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
				res, err := way.session(t).Client().Do(hr)
				require.NoError(t, err)
				require.Equal(t, "101 Switching Protocols", res.Status)
				cancel()
				talk(t, res.Body)
			})
		}
	}
	t.Run("limits are over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			serve := func(c net.Conn) {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				time.AfterFunc(3*time.Second, func() { io.WriteString(c, "late") })
				io.Copy(io.Discard, c)
			}
			s := over(t, &requests.HTTPAdapter{DialContext: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go serve(server)
				return client, nil
			}})
			r, err := s.Get(t.Context(), "http://a.test/", asksEcho, requests.Timeout{Read: time.Second, Total: 2 * time.Second})
			require.NoError(t, err)
			b := make([]byte, 4)
			_, err = io.ReadFull(r.Body, b)
			require.NoError(t, err)
			require.Equal(t, "late", string(b))
			require.NoError(t, r.Close())
			_, err = r.Body.Read(b)
			require.Error(t, err)
		})
	})
	t.Run("by a reverse proxy", func(t *testing.T) {
		to, err := url.Parse(encrypted.URL)
		require.NoError(t, err)
		front := httptest.NewServer(&httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
			Transport: over(t, nil, skip).Client().Transport,
		})
		defer front.Close()
		r, err := over(t, nil).Get(t.Context(), front.URL, asksEcho)
		require.NoError(t, err)
		talk(t, r.Body)
	})
	t.Run("refused", func(t *testing.T) {
		r, err := over(t, nil).Get(t.Context(), plain.URL, requests.Headers{"Connection": "Upgrade", "Upgrade": "other"})
		require.NoError(t, err)
		require.Equal(t, http.StatusUpgradeRequired, r.StatusCode)
	})
	t.Run("fields that do not go together", func(t *testing.T) {
		for _, h := range []requests.Headers{{"Upgrade": "echo"}, {"Connection": "Upgrade"}, {"Connection": "close", "Upgrade": "echo"}} {
			_, err := over(t, nil).Get(t.Context(), plain.URL, h)
			require.ErrorIs(t, err, requests.ErrInvalidHeader)
		}
	})
	t.Run("unasked", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				http.ReadRequest(bufio.NewReader(c))
				io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				c.Close()
			}
		}()
		for name, s := range map[string]*requests.Session{
			"HTTPAdapter": over(t, nil), "RoundTripper": over(t, requests.RoundTripper(new(http.Transport))),
		} {
			_, err = s.Get(t.Context(), "http://"+l.Addr().String())
			require.ErrorIs(t, err, requests.ErrProtocol, name)
			_, err = s.Client().Get("http://" + l.Addr().String())
			require.ErrorIs(t, err, requests.ErrProtocol, name)
		}
	})
}

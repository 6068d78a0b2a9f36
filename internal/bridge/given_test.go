package bridge

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHost(t *testing.T) {
	for _, tt := range []struct{ host, url, want string }{
		{"", "http://a.test/", "a.test"},
		{"", "http://a.test:80/", "a.test:80"},
		{"b.test", "http://a.test/", "b.test"},
		{"bücher.test", "http://a.test/", "xn--bcher-kva.test"},
		{"", "http://[::1]:8080/", "[::1]:8080"},
		{"", "http://[fe80::1%25eth0]/", "[fe80::1]"},
		{"", "http://[fe80::1%25eth0]:8080/", "[fe80::1]:8080"},
		{"/var/run/docker.sock", "http://a.test/", ""},
		{"a b", "http://a.test/", ""},
	} {
		u, err := url.Parse(tt.url)
		require.NoError(t, err)
		require.Equal(t, tt.want, Host(tt.host, u), "Host(%q, %s)", tt.host, u)
	}
}

// A closing counts its closes, and has a trailer.
type closing struct {
	closed  int
	trailer http.Header
}

func (c *closing) Close() error         { c.closed++; return nil }
func (c *closing) Trailer() http.Header { return c.trailer }

var errWrapped = errors.New("wrapped")

// given returns a response that has read from, and counts how often it has ended.
func given(from io.Reader, of *closing) (*http.Response, *int) {
	res, ended := new(http.Response), new(int)
	Give(res, from, of, func() { *ended++ }, func(err error) error {
		if err == nil || err == io.EOF {
			return err
		}
		return errWrapped
	})
	return res, ended
}

func TestGive(t *testing.T) {
	t.Run("read", func(t *testing.T) {
		res, ended := given(strings.NewReader("abc"), &closing{trailer: http.Header{"X-T": {"1"}}})
		n, err := res.Body.Read(make([]byte, 3))
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.Empty(t, res.Trailer)
		require.Zero(t, *ended)
		_, err = res.Body.Read(make([]byte, 3))
		require.Equal(t, io.EOF, err)
		require.Equal(t, http.Header{"X-T": {"1"}}, res.Trailer)
		require.Equal(t, 1, *ended)
	})
	t.Run("broken", func(t *testing.T) {
		res, ended := given(iotest.ErrReader(errors.New("broken")), &closing{trailer: http.Header{"X-T": {"1"}}})
		_, err := res.Body.Read(make([]byte, 3))
		require.Equal(t, errWrapped, err)
		require.Empty(t, res.Trailer)
		require.Equal(t, 1, *ended)
	})
	t.Run("closed", func(t *testing.T) {
		of := new(closing)
		res, ended := given(strings.NewReader("abc"), of)
		require.NoError(t, res.Body.Close())
		require.NoError(t, res.Body.Close())
		require.Equal(t, 1, of.closed)
		require.Equal(t, 1, *ended)
		_, err := res.Body.Read(make([]byte, 3))
		require.Equal(t, http.ErrBodyReadAfterClose, err)
	})
	t.Run("closed while it is read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			of, r, w := new(closing), io.Reader(nil), (*io.PipeWriter)(nil)
			r, w = io.Pipe()
			res, ended := given(r, of)
			go func() {
				time.Sleep(time.Second)
				res.Body.Close()
				require.Equal(t, 1, *ended, "which ends the Read")
				require.Zero(t, of.closed, "that is up to the Read")
				w.CloseWithError(errors.New("ended"))
			}()
			_, err := res.Body.Read(make([]byte, 3))
			require.Equal(t, http.ErrBodyReadAfterClose, err)
			require.Equal(t, 1, of.closed)
		})
	})
}

// A pipe is a connection, which may have a half that can be closed.
type pipe struct{ io.ReadWriteCloser }

type halfPipe struct {
	pipe
	closed bool
}

func (h *halfPipe) CloseWrite() error { h.closed = true; return nil }

func TestUpgradedBody(t *testing.T) {
	ends := 0
	whole := &UpgradedBody{pipe{nopConn{}}, func() { ends++ }}
	require.ErrorIs(t, whole.CloseWrite(), errors.ErrUnsupported)
	require.NoError(t, whole.Close())
	require.Equal(t, 1, ends)
	half := new(halfPipe)
	require.NoError(t, (&UpgradedBody{half, nil}).CloseWrite())
	require.True(t, half.closed)
}

// A nopConn does nothing.
type nopConn struct{ io.ReadWriter }

func (nopConn) Close() error { return nil }

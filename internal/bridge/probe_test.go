package bridge

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A lateBody gives one byte after a while, and then ends.
type lateBody struct {
	after  time.Duration
	given  bool
	closed time.Time
}

func (l *lateBody) Read(b []byte) (int, error) {
	if l.given {
		return 0, io.EOF
	}
	l.given = true
	time.Sleep(l.after)
	b[0] = 'x'
	return 1, nil
}

func (l *lateBody) Close() error { l.closed = time.Now(); return nil }

func TestProbe(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		body io.Reader
		want string
		err  error
	}{
		{"one byte", strings.NewReader("a"), "a", nil},
		{"more", strings.NewReader("abc"), "abc", nil},
		{"the end with the first byte", iotest.DataErrReader(strings.NewReader("a")), "a", nil},
		{"the end with the last byte", iotest.DataErrReader(strings.NewReader("abc")), "abc", nil},
		{"broken", iotest.ErrReader(broken), "", broken},
		{"broken later", io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(broken)), "ab", broken},
		{"late", &lateBody{after: probeTime * 2}, "x", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := Probe(io.NopCloser(tt.body))
				require.NotNil(t, p)
				n, err := p.Read(nil)
				require.Zero(t, n)
				require.NoError(t, err)
				got, err := io.ReadAll(p)
				require.Equal(t, tt.err, err)
				require.Equal(t, tt.want, string(got))
			})
		})
	}
	require.Nil(t, Probe(io.NopCloser(strings.NewReader(""))), "an empty body")
}

// TestProbeWaits is about a body that does not show in time whether it is there.
func TestProbeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, body := time.Now(), &lateBody{after: time.Minute}
		p := Probe(body)
		require.NotNil(t, p)
		require.Equal(t, probeTime, time.Since(start))
		require.NoError(t, p.Close())
		require.Equal(t, probeTime, time.Since(start), "Close does not wait for the Read")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, time.Minute, body.closed.Sub(start), "closed when the Read has returned")
	})
}

func TestLacksBody(t *testing.T) {
	for method, want := range map[string]bool{"": true, "GET": true, "HEAD": true, "DELETE": true, "OPTIONS": true, "PROPFIND": true, "SEARCH": true,
		"POST": false, "PUT": false, "PATCH": false, "get": false} {
		require.Equal(t, want, LacksBody(method), method)
	}
}

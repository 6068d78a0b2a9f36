package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStopwatch tells a stopwatch of events, each of which comes a second after the one
// before.
func TestStopwatch(t *testing.T) {
	const second = time.Second
	dns := func(h *httptrace.ClientTrace) { h.DNSStart(httptrace.DNSStartInfo{}) }
	resolved := func(h *httptrace.ClientTrace) { h.DNSDone(httptrace.DNSDoneInfo{}) }
	connect := func(h *httptrace.ClientTrace) { h.ConnectStart("tcp", "a") }
	connected := func(h *httptrace.ClientTrace) { h.ConnectDone("tcp", "a", nil) }
	refused := func(h *httptrace.ClientTrace) { h.ConnectDone("tcp", "b", errors.New("refused")) }
	hello := func(h *httptrace.ClientTrace) { h.TLSHandshakeStart() }
	finished := func(h *httptrace.ClientTrace) { h.TLSHandshakeDone(tls.ConnectionState{}, nil) }
	wanted := func(h *httptrace.ClientTrace) { h.GetConn("a:80") }
	got := func(h *httptrace.ClientTrace) { h.GotConn(httptrace.GotConnInfo{}) }
	reused := func(h *httptrace.ClientTrace) { h.GotConn(httptrace.GotConnInfo{Reused: true}) }
	first := func(h *httptrace.ClientTrace) { h.GotFirstResponseByte() }
	for _, tt := range []struct {
		name   string
		events []func(*httptrace.ClientTrace)
		want   Times
	}{
		{"nothing", nil, Times{}},
		{"each step", []func(*httptrace.ClientTrace){dns, resolved, connect, connected, hello, finished, got, first},
			Times{DNS: second, Connect: second, TLS: second, FirstByte: 8 * second}},
		{"two addresses at once", []func(*httptrace.ClientTrace){connect, connect, connected, refused, got}, Times{Connect: 2 * second}},
		{"one refuses", []func(*httptrace.ClientTrace){connect, refused, connected, got}, Times{Connect: 2 * second}},
		{"two handshakes", []func(*httptrace.ClientTrace){hello, finished, hello, finished, got}, Times{TLS: 2 * second}},
		{"another connection was sooner", []func(*httptrace.ClientTrace){dns, reused, resolved, first}, Times{FirstByte: 4 * second, Reused: true}},
		{"what the dial took does not count", []func(*httptrace.ClientTrace){dns, resolved, reused, first}, Times{FirstByte: 4 * second, Reused: true}},
		{"the first connection was dead", []func(*httptrace.ClientTrace){wanted, reused, wanted, connect, connected, got, first},
			Times{Connect: second, FirstByte: 7 * second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, c := StartStopwatch(context.Background())
				for _, event := range tt.events {
					time.Sleep(second)
					event(httptrace.ContextClientTrace(ctx))
				}
				require.Equal(t, tt.want, c.Times())
			})
		})
	}
}

func TestStopwatchAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := NewStopwatch(time.Now(), Times{})
		silent.Answered(time.Second)
		require.Equal(t, Times{FirstByte: time.Second}, silent.Times(), "nobody traces")
		traced := NewStopwatch(time.Now(), Times{FirstByte: time.Minute})
		traced.Answered(time.Second)
		require.Equal(t, Times{FirstByte: time.Minute}, traced.Times())
	})
}

func TestTimedBody(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(io.ReadCloser)
	}{
		{"read", func(b io.ReadCloser) { io.Copy(io.Discard, b) }},
		{"closed", func(b io.ReadCloser) { b.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := NewStopwatch(time.Now(), Times{})
				b := &TimedBody{io.NopCloser(strings.NewReader("abc")), c}
				b.Read(make([]byte, 1))
				require.Zero(t, c.Times().Total)
				time.Sleep(time.Second)
				tt.end(b)
				time.Sleep(time.Second)
				b.Close()
				require.Equal(t, time.Second, c.Times().Total, "the first end counts")
			})
		})
	}
}

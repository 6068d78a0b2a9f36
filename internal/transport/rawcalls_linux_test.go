//go:build linux && !386 && !s390x && !race && !msan && !asan

package transport

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A raw call returns what the ordinary one does.
func TestRawCalls(t *testing.T) {
	for name, c := range map[string]*calls{"ordinary": &ordinaryCalls, "raw": &rawCalls} {
		t.Run(name, func(t *testing.T) {
			c1, c2 := pair(t, "tcp")
			client, server := c1.(*net.TCPConn), c2.(*net.TCPConn)
			fd := descriptor(t, client)
			buf := make([]byte, 8)
			check := func(want string, wantErr error) func(n int, err error) {
				return func(n int, err error) {
					t.Helper()
					require.Equal(t, wantErr, err)
					require.Equal(t, want, string(buf[:n]))
				}
			}
			check("", syscall.EAGAIN)(c.peek(fd, buf))
			check("", syscall.EAGAIN)(c.read(fd, buf))

			n, err := c.write(fd, []byte("to the server"))
			require.NoError(t, err)
			got := make([]byte, n)
			_, err = server.Read(got)
			require.NoError(t, err)
			require.Equal(t, "to the server", string(got))

			server.Write([]byte("to the client"))
			await(t, "it arrives", func() bool { n, _ := c.peek(fd, buf); return n == len(buf) })
			check("to the c", nil)(c.peek(fd, buf))
			check("to the c", nil)(c.read(fd, buf))
			check("lient", nil)(c.read(fd, buf))

			full := bytes.Repeat([]byte("x"), 1<<20)
			await(t, "the buffers are full", func() bool { _, err := c.write(fd, full); return err == syscall.EAGAIN })

			server.CloseWrite()
			await(t, "the FIN arrives", func() bool { n, err := c.peek(fd, buf); return n == 0 && err == nil })
			check("", nil)(c.read(fd, buf))
			client.CloseWrite()
			_, err = c.write(fd, full)
			require.Equal(t, syscall.EPIPE, err)
			_, err = c.peek(-1, buf)
			require.Equal(t, syscall.EBADF, err)

			c1, c2 = pair(t, "tcp")
			fd = descriptor(t, c1.(*net.TCPConn))
			c2.(*net.TCPConn).SetLinger(0)
			c2.Close()
			await(t, "the reset arrives", func() bool { _, err := c.peek(fd, buf); return err != syscall.EAGAIN })
			_, err = c.write(fd, full)
			require.Equal(t, syscall.EPIPE, err, "the peek has taken the error of the reset")
		})
	}
}

func descriptor(t *testing.T, c *net.TCPConn) (fd int) {
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(d uintptr) { fd = int(d) }))
	return fd
}

// Calls that follow each other closely are raw ones.
func TestRawCallsAreUsed(t *testing.T) {
	client, server := pair(t, "tcp")
	go echoBytes(server)
	w := newWire(client, false)
	await(t, "a raw call", func() bool {
		require.NoError(t, exchanged(w))
		return w.fold.calls == &rawCalls
	})
}

// The clock of a bubble says nothing of the monitor.
func TestNoRawCallsInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 3 {
			require.Same(t, &ordinaryCalls, cheapestCalls())
			time.Sleep(pulsePeriod / 2)
		}
	})
}

// After a long wait the monitor may sleep, so the answer is read by an ordinary call.
func TestAnswerAfterThePulse(t *testing.T) {
	client, server := pair(t, "tcp")
	answer := make(chan bool, 1)
	go func() {
		for b := make([]byte, 1); ; {
			if _, err := server.Read(b); err != nil {
				return
			}
			<-answer
			server.Write(b)
		}
	}()
	w := newWire(client, false)
	await(t, "a raw call", func() bool {
		answer <- true
		require.NoError(t, exchanged(w))
		return w.fold.calls == &rawCalls
	})
	done := make(chan error, 1)
	go func() { done <- exchanged(w) }()
	await(t, "the pulse ends", func() bool {
		return time.Since(processStart) > time.Duration(monitorPulse.due.Load())+2*pulsePeriod
	})
	answer <- true
	require.NoError(t, <-done)
	require.Same(t, &ordinaryCalls, w.fold.calls)
}

// After the answer to a raw call, the monitor of the runtime wakes up in time to
// interrupt a goroutine that computes. The client is a process of its own, with one
// processor and nobody else who wakes the monitor.
func TestRawCallsLeaveOthersTheirTurn(t *testing.T) {
	const variable = "REQUESTS_TEST_RAW_CALLS"
	if addr := os.Getenv(variable); addr != "" {
		leaveOthersTheirTurn(t, addr)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			echoBytes(c)
		}
	}()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variable+"="+l.Addr().String(), "GOMAXPROCS=1", "GOGC=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func leaveOthersTheirTurn(t *testing.T, addr string) {
	require.Equal(t, 1, runtime.GOMAXPROCS(0))
	client, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer client.Close()
	w := newWire(client, false)
	for raw, tries := 0, 0; raw < 20; tries++ {
		require.Less(t, tries, 10_000, "no raw calls")
		for range 100 { // the monitor falls asleep
			require.NoError(t, exchanged(w))
		}
		if w.fold.calls != &rawCalls {
			continue
		}
		raw++
		var turn atomic.Bool
		go turn.Store(true)
		for n := int64(0); !turn.Load(); n++ {
			if n == 1<<33 { // some seconds
				t.Fatal("another goroutine was not let run")
			}
		}
	}
}

// exchanged sends a byte over w and reads the answer.
func exchanged(w *wire) error {
	w.task = exchange
	w.hold()
	w.Write([]byte("a"))
	_, err := w.Read(make([]byte, 1))
	return err
}

// echoBytes sends back what it reads.
func echoBytes(c net.Conn) {
	b := make([]byte, 1)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

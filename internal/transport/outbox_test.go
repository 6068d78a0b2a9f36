package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// newOutbox returns an outbox and the other end of its connection, which takes
// bytes only when it is read.
func newOutbox(t *testing.T, failed func(error)) (*outbox, net.Conn) {
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	o := new(outbox)
	o.open(newLink(client), failed)
	return o, server
}

func TestOutboxJoinsWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, server := newOutbox(t, nil)
		o.Write([]byte("first"))
		synctest.Wait() // it is being written
		for _, p := range []string{"second", "third", "fourth"} {
			n, err := o.Write([]byte(p))
			require.NoError(t, err)
			require.Len(t, p, n)
		}
		for _, want := range []string{"first", "secondthirdfourth"} { // a pipe gives what one write has
			buf := make([]byte, 100)
			n, err := server.Read(buf)
			require.NoError(t, err)
			require.Equal(t, want, string(buf[:n]))
		}
	})
}

func TestOutboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, server := newOutbox(t, nil)
		o.Write([]byte("first"))
		synctest.Wait()
		for range maxPending / maxJoined {
			o.Write(make([]byte, maxJoined))
		}
		over := false
		go func() {
			o.Write([]byte("last"))
			over = true
		}()
		synctest.Wait()
		require.False(t, over, "a full outbox has taken more")
		all := make([]byte, len("first")+maxPending+len("last"))
		_, err := io.ReadFull(server, all)
		require.NoError(t, err)
		require.Equal(t, "last", string(all[len(all)-len("last"):]))
		synctest.Wait()
		require.True(t, over)
	})
}

// A large write bypasses the buffer, after what is in it.
func TestOutboxWritesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, server := newOutbox(t, nil)
		o.Write([]byte("small"))
		large := bytes.Repeat([]byte("x"), maxJoined+1)
		returned := false
		go func() {
			n, err := o.Write(large)
			returned = n == len(large) && err == nil
		}()
		synctest.Wait()
		require.Nil(t, o.pending, "the large one was copied")
		require.False(t, returned)
		all := make([]byte, len("small")+len(large))
		_, err := io.ReadFull(server, all)
		require.NoError(t, err)
		require.Equal(t, "small"+string(large), string(all))
		synctest.Wait()
		require.True(t, returned)
		require.False(t, o.writing)
	})
}

func TestOutboxFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told error
		o, server := newOutbox(t, func(err error) { told = err })
		server.Close()
		_, err := o.Write([]byte("lost"))
		require.NoError(t, err)
		synctest.Wait()
		require.ErrorIs(t, told, io.ErrClosedPipe)
		require.True(t, o.link.w.aborted.Load(), "the reader would wait for ever")
		_, err = o.Write([]byte("late"))
		require.Equal(t, told, err)
		_, err = o.Write(make([]byte, maxJoined+1))
		require.Equal(t, told, err)
	})
}

func TestOutboxDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, server := newOutbox(t, func(error) {})
		o.drain() // nothing is there
		o.Write([]byte("all of it"))
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			o.drain()
		}()
		synctest.Wait()
		select {
		case <-drained:
			t.Fatal("drained before the write has ended")
		default:
		}
		_, err := io.ReadFull(server, make([]byte, len("all of it")))
		require.NoError(t, err)
		<-drained

		o.Write([]byte("never taken"))
		start := time.Now()
		o.drain()
		require.Equal(t, closeWait, time.Since(start))
		_, err = o.Write(nil)
		require.True(t, errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed), "%v", err)
	})
}

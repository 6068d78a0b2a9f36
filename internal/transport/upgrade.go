package transport

import (
	"errors"
	"io"
	"sync"

	"github.com/go-requests/requests/internal/fault"
)

// handOver gives the connection to the caller after a 101. The limits of the
// call no longer apply, nor does its context: programs often cancel it when the
// handshake is done.
func (x *responseBody) handOver() (io.ReadCloser, error) {
	c := x.conn
	rest := make([]byte, c.reader.Buffered())
	if len(rest) > 0 {
		if _, err := io.ReadFull(&c.reader, rest); err != nil {
			return nil, err
		}
	}
	c.reader.Release()
	if x.stop != nil && !x.stop() {
		return nil, fault.Ended(x.ctx)
	}
	raw, err := c.link.handOver(rest)
	if err != nil {
		return nil, err
	}
	x.err = io.EOF // the exchange is over
	c.call, c.trace = nil, nil
	return &upgraded{ReadWriteCloser: raw, conn: c}, nil
}

// An upgraded connection speaks a protocol other than HTTP. Its pool counts it
// until it is closed.
type upgraded struct {
	io.ReadWriteCloser
	conn *conn
	once sync.Once
}

// Close implements io.Closer.
func (u *upgraded) Close() error {
	err := u.ReadWriteCloser.Close()
	u.once.Do(func() { u.conn.host.pool.discard(u.conn) })
	return err
}

// CloseWrite tells the server that nothing more will be written.
func (u *upgraded) CloseWrite() error {
	if c, ok := u.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

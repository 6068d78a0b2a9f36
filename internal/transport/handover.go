package transport

import (
	"io"
	"time"
)

// A handed link speaks a protocol other than HTTP.
type handed struct {
	*link
	rest []byte
}

var _ io.ReadWriteCloser = (*handed)(nil)

// handOver ends HTTP on the link, after a 101. The result first reads rest,
// then what the link still holds, decrypted or not, and then the connection. It
// writes directly. Both deadlines are cleared. Different goroutines may read,
// write and close it, and it has a CloseWrite.
func (l *link) handOver(rest []byte) (io.ReadWriteCloser, error) {
	if err := l.flush(); err != nil {
		return nil, err
	}
	if err := l.w.renew(time.Time{}); err != nil {
		return nil, err
	}
	return &handed{link: l, rest: rest}, nil
}

func (h *handed) Read(p []byte) (int, error) {
	if len(h.rest) > 0 {
		n := copy(p, h.rest)
		h.rest = h.rest[n:]
		return n, nil
	}
	return h.link.Read(p)
}

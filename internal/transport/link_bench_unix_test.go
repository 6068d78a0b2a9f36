//go:build unix && !aix

package transport

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// An exchanger makes exchanges for benchmarks.
type exchanger interface {
	io.Reader
	begin(deadline time.Time) error
	send(request []byte) error
	end() error
}

type linkExchanger struct{ *link }

func (e linkExchanger) begin(deadline time.Time) error { return e.unpark(deadline) }
func (e linkExchanger) send(request []byte) error      { return e.queue(request) }

func (e linkExchanger) end() error {
	if !e.quiet() {
		return errPartial
	}
	e.park()
	return nil
}

// A connExchanger does what a client without a link does, with a look of its own or
// without one.
type connExchanger struct {
	net.Conn
	peek func() bool
}

func (e connExchanger) begin(deadline time.Time) error {
	if e.peek != nil && !e.peek() {
		return errStale
	}
	return e.SetDeadline(deadline)
}

func (e connExchanger) send(request []byte) error {
	_, err := e.Write(request)
	return err
}

func (connExchanger) end() error { return nil }

// peeker looks with a separate system call.
func peeker(b *testing.B, c net.Conn) func() bool {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	var one [1]byte
	var perr error
	look := func(fd uintptr) { _, perr = ordinaryCalls.peek(int(fd), one[:]) }
	return func() bool { return raw.Control(look) == nil && perr == syscall.EAGAIN }
}

const benchRequest, benchResponse = 300, 1200

// serve answers each request of a connection.
func serve(c net.Conn) {
	request, response := make([]byte, benchRequest), make([]byte, benchResponse)
	for {
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		if _, err := c.Write(response); err != nil {
			return
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	overLink := func(noFold bool) func(*testing.B, net.Conn) exchanger {
		return func(_ *testing.B, c net.Conn) exchanger { return linkExchanger{makeLink(c, noFold)} }
	}
	for _, way := range []struct {
		name string
		over func(*testing.B, net.Conn) exchanger
	}{
		{"fold", overLink(false)},
		{"watch", overLink(true)},
		{"write, read", func(_ *testing.B, c net.Conn) exchanger { return connExchanger{c, nil} }},
		{"peek, write, read", func(b *testing.B, c net.Conn) exchanger { return connExchanger{c, peeker(b, c)} }},
	} {
		b.Run("plain/"+way.name, func(b *testing.B) {
			client, server := pair(b, "tcp")
			server.SetDeadline(time.Time{})
			go serve(server)
			defer server.Close()
			benchExchange(b, way.over(b, client))
		})
		b.Run("TLS/"+way.name, func(b *testing.B) {
			client, server := pair(b, "tcp")
			server.SetDeadline(time.Time{})
			config := &tls.Config{InsecureSkipVerify: true}
			go serve(tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate()}}))
			defer server.Close()
			e := way.over(b, client)
			switch c := e.(type) {
			case linkExchanger:
				if err := c.handshake(b.Context(), config); err != nil {
					b.Fatal(err)
				}
			case connExchanger:
				c.Conn = tls.Client(client, config)
				e = c
			}
			benchExchange(b, e)
		})
	}
}

func benchExchange(b *testing.B, e exchanger) {
	request, response := make([]byte, benchRequest), make([]byte, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		if err := trip(e, request, response); err != nil {
			b.Fatal(err)
		}
	}
}

// trip makes one exchange.
func trip(e exchanger, request, response []byte) error {
	if err := e.begin(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := e.send(request); err != nil {
		return err
	}
	for n := 0; n < benchResponse; {
		m, err := e.Read(response)
		if err != nil {
			return err
		}
		n += m
	}
	return e.end()
}

// Bulk data over TLS passes one more buffer than with crypto/tls alone.
func BenchmarkBulkUnderTLS(b *testing.B) {
	const size = 1 << 20
	for _, over := range []string{"link", "crypto/tls"} {
		b.Run(over, func(b *testing.B) {
			client, server := pair(b, "tcp")
			server.SetDeadline(time.Time{})
			client.SetDeadline(time.Time{})
			defer server.Close()
			go func() {
				c := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate()}})
				chunk := make([]byte, 64<<10)
				for {
					if _, err := c.Write(chunk); err != nil {
						return
					}
				}
			}()
			config := &tls.Config{InsecureSkipVerify: true}
			var r io.Reader = tls.Client(client, config)
			if over == "link" {
				l := newLink(client)
				if err := l.handshake(b.Context(), config); err != nil {
					b.Fatal(err)
				}
				r = l
			}
			body := make([]byte, size)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.ReadFull(r, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

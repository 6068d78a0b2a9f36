package main

import (
	"context"
	"io"
	"net"
	"net/http"
)

// A network is where a client finds every server: whatever host and port a URL names, dial answers, and so does addr.
type network struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	addr string // for clients that this process cannot give a dialer: a listener on loopback
}

// A client is a library in use, as its documentation shows the use. Only its dialer is not its own.
type client interface {
	get(ctx context.Context, url string, fields map[string]string) outcome
	// post sends a body that cannot be read twice.
	post(ctx context.Context, url string, body io.Reader) outcome
	// decode gets JSON into v, by the call that the library has for it.
	decode(ctx context.Context, url string, v any) error
	// upload sends the file at path as multipart/form-data.
	upload(ctx context.Context, url, path string) error
	close()
}

// An outcome is what a call gave: an error, or a response with its body.
type outcome struct {
	status int
	text   string // as the library's own call for text gives it; the bytes where it has none
	err    error
}

// A peer is a library.
type peer struct {
	name   string // the heading of its column
	module string // the path of its module; "" where it has none
	new    func(network) (client, error)
}

var peers = []peer{
	{"this library", "github.com/go-requests/requests", newOurs},
	{"net/http", "", newNetHTTP},
	{"resty v3", "resty.dev/v3", newResty3},
	{"resty v2", "github.com/go-resty/resty/v2", newResty2},
	{"req", "github.com/imroc/req/v3", newReq},
	{"carlmjohnson/requests", "github.com/carlmjohnson/requests", newCarl},
	{pythonName, "", newPython},
}

// plain is a copy of net/http's own transport that dials by n.
func plain(n network) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = n.dial
	return t
}

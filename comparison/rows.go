package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// A row is one thing that a server does, and how to see what a client makes of it.
type row struct {
	server string // "the server …", the first cell
	see    func(ctx context.Context, p peer) (string, error)
}

// waits is how long a client is watched with a server that never answers. The longest limit among the peers is
// the two minutes of req.
const waits = 130 * time.Second

var rows = []row{
	{"never answers", never},
	{"closes after 15 of 1000 bytes", closes},
	{"sends gzip without its last 12 bytes", cutGzip},
	{"answers 404", notFound},
	{"redirects to another port of the host; of `Authorization`, `Cookie`, `X-Api-Key` go along", redirects("http://shop.example:8081/")},
	{"redirects to another host; of `Authorization`, `Cookie`, `X-Api-Key` go along", redirects("http://other.example/")},
	{"answers 307 to a stream that cannot be read twice", redirectsStream},
	{"sends 50 KB of gzip that hold 50 MB", bomb},
	{"sends br ¹", coded("br")},
	{"sends zstd ¹", coded("zstd")},
	{"sends text in windows-1251, and says so", cyrillic},
	{"sends two JSON values, `{\"id\": 1}{\"id\": 2}`", twoValues},
	{"reads an upload of a file as multipart", uploads},
	{"sets a cookie for all of `co.uk` ²", cookie},
	{"cannot be reached, and the URL has `?token=…`", unreachable},
}

const shop = "http://shop.example/"

// with starts the server h and shows it to a client.
func with(p peer, h http.HandlerFunc, see func(client) string) (string, error) {
	srv := httptest.NewServer(h)
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	c, err := p.new(network{addr: addr, dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}})
	if err != nil {
		return "", err
	}
	defer c.close()
	return see(c), nil
}

func never(ctx context.Context, p peer) (string, error) {
	return watch(ctx, p, waits)
}

// watch says whether a client that gets no answer has given up after so long.
func watch(ctx context.Context, p peer, long time.Duration) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n := network{dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			io.Copy(io.Discard, theirs) // until ctx ends, or the client closes
			theirs.Close()
		}()
		context.AfterFunc(ctx, func() { theirs.Close() })
		return ours, nil
	}}
	if p.name == pythonName {
		l, err := net.Listen("tcp", "127.0.0.1:0") // whose backlog takes the connection
		if err != nil {
			return "", err
		}
		defer l.Close()
		n.addr = l.Addr().String()
	}
	c, err := p.new(n)
	if err != nil {
		return "", err
	}
	defer c.close()
	start := time.Now()
	done := make(chan outcome, 1)
	go func() { done <- c.get(ctx, shop, nil) }()
	select {
	case o := <-done:
		if o.err == nil {
			return "", errors.New("a response that nobody sent")
		}
		return fmt.Sprintf("an error after %d s", int(time.Since(start).Seconds())), nil
	case <-time.After(long):
		cancel()
		<-done
		return "**waits**", nil
	}
}

// orError is the text of a cell: "an error", or else that which passed for a whole response.
func (o outcome) orError(passed string) string {
	if o.err != nil {
		return "an error"
	}
	return passed
}

func closes(ctx context.Context, p peer) (string, error) {
	return with(p, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "fifteen letters")
	}, func(c client) string {
		o := c.get(ctx, shop, nil)
		return o.orError(fmt.Sprintf("**%d bytes, no error**", len(o.text)))
	})
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.Bytes()
}

func cutGzip(ctx context.Context, p peer) (string, error) {
	data := zipped(strings.Repeat("one line of text\n", 100))
	data = data[:len(data)-12]
	return with(p, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(data)
	}, func(c client) string {
		return c.get(ctx, shop, nil).orError("**what came, no error**")
	})
}

func notFound(ctx context.Context, p peer) (string, error) {
	return with(p, http.NotFound, func(c client) string {
		return c.get(ctx, shop, nil).orError("a response")
	})
}

// redirects sends a client to another URL, and sees which of its secrets arrive there.
func redirects(to string) func(context.Context, peer) (string, error) {
	secrets := map[string]string{"Authorization": "Bearer t0k3n", "Cookie": "sid=1", "X-Api-Key": "k3y"}
	return func(ctx context.Context, p peer) (string, error) {
		var arrived []string
		return with(p, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(to, "http://"+r.Host+"/") {
				http.Redirect(w, r, to, http.StatusFound)
				return
			}
			for name := range secrets {
				if r.Header.Get(name) != "" {
					arrived = append(arrived, "`"+name+"`")
				}
			}
		}, func(c client) string {
			if o := c.get(ctx, shop, secrets); o.err != nil {
				return "an error"
			}
			switch slices.Sort(arrived); len(arrived) {
			case 0:
				return "nothing"
			case len(secrets):
				return "**all three**"
			}
			return "**" + strings.Join(arrived, ", ") + "**"
		})
	}
}

func redirectsStream(ctx context.Context, p peer) (string, error) {
	const body = "what cannot be read twice"
	var again *string
	return with(p, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
			return
		}
		text := string(data)
		again = &text
	}, func(c client) string {
		o := c.post(ctx, shop, io.MultiReader(strings.NewReader(body)))
		switch {
		case o.err != nil:
			return "an error"
		case again == nil && o.status == http.StatusTemporaryRedirect:
			return "the 307 as the response"
		case again != nil && *again == body:
			return "sends it again, from a copy in memory"
		case again != nil && *again == "":
			return "**sends an empty body**"
		}
		return fmt.Sprintf("%d", o.status)
	})
}

func bomb(ctx context.Context, p peer) (string, error) {
	const size = 50 << 20
	data := zipped(strings.Repeat("\x00", size))
	return with(p, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(data)
	}, func(c client) string {
		o := c.get(ctx, shop, nil)
		if o.err == nil && len(o.text) < size {
			return fmt.Sprintf("%d bytes", len(o.text))
		}
		return o.orError("**50 MB in memory**")
	})
}

// coded sends text in a content coding, whatever the client accepts.
func coded(coding string) func(context.Context, peer) (string, error) {
	const text = "a text that is coded, a text that is coded"
	var b bytes.Buffer
	var w io.WriteCloser = brotli.NewWriter(&b)
	if coding == "zstd" {
		w, _ = zstd.NewWriter(&b) // has an error for options alone
	}
	io.WriteString(w, text)
	w.Close()
	return func(ctx context.Context, p peer) (string, error) {
		return with(p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Write(b.Bytes())
		}, func(c client) string {
			o := c.get(ctx, shop, nil)
			if o.text == text {
				return "the text"
			}
			return o.orError("the coded bytes")
		})
	}
}

func cyrillic(ctx context.Context, p peer) (string, error) {
	return with(p, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=windows-1251")
		io.WriteString(w, "\xcf\xf0\xe8\xe2\xe5\xf2")
	}, func(c client) string {
		o := c.get(ctx, shop, nil)
		if o.text == "Привет" {
			return "the text"
		}
		return o.orError("the bytes")
	})
}

func twoValues(ctx context.Context, p peer) (string, error) {
	return with(p, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id": 1}{"id": 2}`)
	}, func(c client) string {
		var v struct{ ID int }
		switch err := c.decode(ctx, shop, &v); {
		case errors.Is(err, errNone):
			return "–"
		case err != nil:
			return "an error"
		}
		return "**the first, no error**"
	})
}

func uploads(ctx context.Context, p peer) (string, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "upload.bin")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		return "", err
	}
	length := int64(0)
	return with(p, func(w http.ResponseWriter, r *http.Request) {
		length = r.ContentLength
		io.Copy(io.Discard, r.Body)
	}, func(c client) string {
		switch err := c.upload(ctx, shop, path); {
		case errors.Is(err, errNone):
			return "–"
		case err != nil:
			return "an error"
		case length > 0:
			return "its length is known"
		}
		return "chunked"
	})
}

func cookie(ctx context.Context, p peer) (string, error) {
	kept, crossed := false, false
	return with(p, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/set":
			http.SetCookie(w, &http.Cookie{Name: "own", Value: "1", Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "all", Value: "1", Path: "/", Domain: "co.uk"})
		case "/own":
			_, err := r.Cookie("own")
			kept = err == nil
		case "/other":
			_, err := r.Cookie("all")
			crossed = err == nil
		}
	}, func(c client) string {
		for _, url := range []string{"http://shop.co.uk/set", "http://shop.co.uk/own", "http://other.co.uk/other"} {
			if o := c.get(ctx, url, nil); o.err != nil {
				return "an error"
			}
		}
		switch {
		case crossed:
			return "**kept, and sent to other hosts**"
		case kept:
			return "refused"
		}
		return "keeps no cookies"
	})
}

func unreachable(ctx context.Context, p peer) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	l.Close() // nobody listens any more
	c, err := p.new(network{addr: addr, dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}})
	if err != nil {
		return "", err
	}
	defer c.close()
	switch o := c.get(ctx, shop+"?token=t0k3n", nil); {
	case o.err == nil:
		return "", errors.New("a response that nobody sent")
	case strings.Contains(o.err.Error(), "t0k3n"):
		return "**the error shows it**", nil
	}
	return "the error hides it", nil
}

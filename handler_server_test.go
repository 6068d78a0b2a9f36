package requests_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// handlers are what a server of net/http and Handler have to answer alike.
var handlers = map[string]http.HandlerFunc{
	"fields that cannot be sent": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Injected"] = []string{"a\r\nX-Other: b", "\tc \n"}
		w.Header()["x-small"] = []string{"kept"}
		w.Header()["x lower"] = []string{"dropped"}
		w.Header()[""] = []string{"dropped"}
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "1\n2")
		w.Header()[http.TrailerPrefix+"X Bad"] = []string{"dropped"}
	},
	"text":           func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "text") },
	"html":           func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html><body>x") },
	"binary":         func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0, 1, 2, 255}) },
	"nothing":        func(http.ResponseWriter, *http.Request) {},
	"an empty write": func(w http.ResponseWriter, _ *http.Request) { w.Write(nil) },
	"a type of its own": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-own")
		io.WriteString(w, "<html>")
	},
	"no type": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "<html>")
	},
	"coded": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "identity")
		io.WriteString(w, "<html>")
	},
	"large":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 5000)) },
	"2048 bytes": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 2048)) },
	"2049 bytes": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 2049)) },
	"flushed": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		io.WriteString(w, "b")
	},
	"flushed at once": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); io.WriteString(w, "b") },
	"204 with a body": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(204)
		n, err := io.WriteString(w, "body")
		if n != 0 || err != http.ErrBodyNotAllowed {
			panic("it was taken")
		}
	},
	"304 with a body": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("ETag", `"x"`)
		w.WriteHeader(304)
		io.WriteString(w, "body")
	},
	"a status twice": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(404)
		io.WriteString(w, "x")
	},
	"fields too late": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		w.Header().Set("X-Late", "1")
		io.WriteString(w, "x")
	},
	"an odd status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(799) },
	"a wrong length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "x")
		io.WriteString(w, "abc")
	},
	"a length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "abc")
	},
	"less than said": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9")
		io.WriteString(w, "abc")
	},
	"more than said": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "abc")
		io.WriteString(w, "def")
	},
	"length of a HEAD": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1234") },
	"trailer": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-Not")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "1")
	},
	"late trailer": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	},
	"panic": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"panic in the body": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	},
	"Goexit":                 func(http.ResponseWriter, *http.Request) { runtime.Goexit() },
	"Goexit behind the body": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "all"); runtime.Goexit() },
	"a status that is none": func(w http.ResponseWriter, _ *http.Request) {
		defer func() { recover(); panic(http.ErrAbortHandler) }()
		w.WriteHeader(42)
	},
	"redirect":              func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
	"error":                 func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
	"file":                  func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "go.mod") },
	"cookies":               func(w http.ResponseWriter, _ *http.Request) { http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"}) },
	"what it sees of a GET": echo,
	"controller": func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, http.NewResponseController(w).EnableFullDuplex(), http.NewResponseController(w).Flush())
	},
}

// echo tells what a handler finds in its request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Header.Del("Accept-Encoding")
	fields := slices.Sorted(maps.Keys(r.Header))
	fmt.Fprintln(w, r.Method, r.RequestURI, r.URL, r.URL.Host, r.URL.Scheme, r.Proto, r.ContentLength, r.TransferEncoding, r.Close, r.TLS != nil, len(body), err, r.Trailer, r.PostFormValue("a"))
	for _, name := range fields {
		fmt.Fprintln(w, name, r.Header[name])
	}
}

func TestHandlerIsAServer(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		for name, h := range handlers {
			if answer := h; !strings.HasPrefix(name, "what it sees") {
				h = func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body) // a server may close a connection whose request it has not read
					answer(w, r)
				}
			}
			srv, scheme := httptest.NewUnstartedServer(h), "http"
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			if encrypted {
				srv.StartTLS()
				scheme = "https"
			} else {
				srv.Start()
			}
			for _, tt := range []struct {
				method string
				opts   func() []requests.Option
			}{
				{"GET", func() []requests.Option { return []requests.Option{requests.Params{"q": "x y"}} }},
				{"HEAD", func() []requests.Option { return nil }},
				{"POST", func() []requests.Option { return []requests.Option{requests.Form{"a": "b"}} }},
				{"PUT", func() []requests.Option {
					return []requests.Option{requests.Reader(io.MultiReader(strings.NewReader("stream")))}
				}},
				{"DELETE", func() []requests.Option { return nil }},
			} {
				if name == "a wrong length" && tt.method == "HEAD" {
					continue // which net/http's server sends on as it is
				}
				t.Run(fmt.Sprint(scheme, "/", name, "/", tt.method), func(t *testing.T) {
					s := requests.NewSession(requests.TrustEnv(false), requests.TLS{SkipVerify: true}, requests.AllowRedirects(false))
					s.Mount(scheme+"://127.0.0.1", &requests.HTTPAdapter{DisableHTTP2: true})
					s.Mount(scheme+"://mock.test/", requests.Handler(h))
					defer s.Close() // and with it a connection that the server is about to close
					ask := func(base string) string {
						r, err := s.Do(t.Context(), tt.method, base+"/a/b%2Fc", tt.opts()...)
						if err != nil {
							if errors.Is(err, requests.ErrConnectionLost) || errors.Is(err, requests.ErrIncompleteBody) {
								return "broken" // a server may be faster with the end than with what it has flushed
							}
							return err.Error()
						}
						for _, frame := range []string{"Transfer-Encoding", "Connection", "Date"} {
							r.Header.Del(frame)
						}
						return fmt.Sprintf("%d %s %v %q %v %t", r.StatusCode, r.Reason, r.Header, r.Text(), r.Trailer(), r.TLS != nil)
					}
					require.Equal(t, ask(srv.URL), ask(scheme+"://mock.test"))
				})
			}
			srv.Close()
		}
	}
}

package requests_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/go-requests/requests"
)

// A value is one segment of the path, whatever is in it.
func ExamplePathParams() {
	s := requests.NewSession(requests.BaseURL("mock://api/v1/"))
	s.Mount("mock://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.EscapedPath())
	})))
	defer s.Close()

	r, err := s.Get(context.Background(), "repos/{owner}/{repo}/contents/{+path}",
		requests.PathParams{"owner": "go-requests", "repo": "a/b", "path": "docs/read me.md"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())

	_, err = s.Get(context.Background(), "users/{id}", requests.PathParams{"id": "../admin"})
	fmt.Println(errors.Is(err, requests.ErrInvalidURL))
	// Output:
	// /v1/repos/go-requests/a%2Fb/contents/docs/read%20me.md
	// true
}

// A body that is made while it is sent: a CSV file of any length, compressed, with
// nothing of it kept in memory.
func ExampleWriter() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		zr, _ := gzip.NewReader(r.Body)
		rows, _ := csv.NewReader(zr).ReadAll()
		fmt.Fprintf(w, "%s, %d rows", r.Header.Get("Content-Encoding"), len(rows))
	}))
	defer server.Close()

	r, err := requests.Post(context.Background(), server.URL,
		requests.Headers{"Content-Type": "text/csv", "Content-Encoding": "gzip"},
		requests.Writer(func(w io.Writer) error {
			zw := gzip.NewWriter(w)
			rows := csv.NewWriter(zw)
			for i := range 1000 {
				rows.Write([]string{strconv.Itoa(i), strconv.Itoa(i * i)})
			}
			rows.Flush()
			return errors.Join(rows.Error(), zw.Close())
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	// Output: gzip, 1000 rows
}

// What an iterator gives is a body by three lines.
func ExampleWriter_iterator() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	defer server.Close()
	chunks := func(chunks iter.Seq[[]byte]) requests.Body {
		return requests.Writer(func(w io.Writer) error {
			for c := range chunks {
				if _, err := w.Write(c); err != nil {
					return err
				}
			}
			return nil
		})
	}

	r, err := requests.Post(context.Background(), server.URL, chunks(slices.Values([][]byte{[]byte("one "), []byte("two")})))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	// Output: one two
}

// XML and other formats are written by their own encoders.
func ExampleWriter_xml() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	defer server.Close()
	type Order struct {
		ID int `xml:"id,attr"`
	}

	r, err := requests.Post(context.Background(), server.URL, requests.Headers{"Content-Type": "application/xml"},
		requests.Writer(func(w io.Writer) error { return xml.NewEncoder(w).Encode(Order{ID: 7}) }))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	// Output: <Order id="7"></Order>
}

// A server that says in a field of its own when to come back. What Retry-After and
// the usual fields of rate limits say is waited for without it.
func ExampleRetry_wait() {
	busy := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if busy {
			busy = false
			w.Header().Set("X-Backoff-Ms", "20")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()

	r, err := requests.Get(context.Background(), server.URL, requests.Retry{
		Total: 3, StatusCodes: []int{http.StatusServiceUnavailable}, Backoff: time.Second,
		Wait: func(a requests.Attempt) time.Duration {
			if a.Response == nil {
				return a.Wait // what Backoff makes it
			}
			ms, err := strconv.Atoi(a.Response.Header.Get("X-Backoff-Ms"))
			if err != nil {
				return a.Wait
			}
			return time.Duration(ms) * time.Millisecond
		}},
		requests.OnRetry(func(_ context.Context, a requests.Attempt) error {
			fmt.Println("wait", a.Wait)
			return nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.StatusCode)
	// Output:
	// wait 20ms
	// 200
}

// A key that is the same in each try tells the server that it is one order.
func ExampleIdempotencyKey() {
	orders := make(map[string]int)
	lost := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		if orders[key] == 0 {
			orders[key] = len(orders) + 1
		}
		if lost { // the order is there, and its answer gets lost
			lost = false
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, "order %d of %d", orders[key], len(orders))
	}))
	defer server.Close()

	r, err := requests.Post(context.Background(), server.URL, requests.JSON(map[string]int{"article": 7}),
		requests.IdempotencyKey(true), requests.Retry{Total: 2, StatusCodes: []int{502, 503, 504}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	// Output: order 1 of 1
}

// What an API says of an error.
func ExampleHTTPError_JSON() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"message": "the name is taken"}`)
	}))
	defer server.Close()

	_, err := requests.As[struct{ ID int }](requests.Post(context.Background(), server.URL, requests.JSON("ann")))
	if e, ok := errors.AsType[*requests.HTTPError](err); ok {
		var problem struct{ Message string }
		fmt.Println(e.Response.StatusCode, e.JSON(&problem), problem.Message)
	}
	// Output: 422 <nil> the name is taken
}

// A struct of parameters, as github.com/google/go-querystring makes url.Values of it,
// and the form and the header of a request that a server has got.
func ExampleFrom() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.RawQuery, " ", r.Header.Get("X-Trace"))
	}))
	defer server.Close()
	values := url.Values{"q": {"go"}, "sort": {"stars", "forks"}} // values, err := query.Values(search)
	header := http.Header{"X-Trace": {"a1"}}

	r, err := requests.Get(context.Background(), server.URL,
		requests.From[requests.Params](values), requests.From[requests.Headers](header))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text())
	// Output: q=go&sort=stars&sort=forks a1
}

// timeout=5 of Requests limits connecting and each silence of the server, and one
// number for the whole is Total.
func ExampleTimeout_oneNumber() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()

	each := 200 * time.Millisecond
	_, err := requests.Get(context.Background(), server.URL, requests.Timeout{Connect: each, Read: each})
	fmt.Println(errors.Is(err, requests.ErrReadTimeout), errors.Is(err, requests.ErrTimeout))

	_, err = requests.Get(context.Background(), server.URL, requests.Timeout{Total: 20 * time.Millisecond})
	fmt.Println(errors.Is(err, requests.ErrTotalTimeout), errors.Is(err, requests.ErrTimeout))
	// Output:
	// true true
	// true true
}

// The connections of a pool wait for the next call for a while, unless they are closed.
func ExampleSession_CloseIdleConnections() {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	adapter := new(requests.HTTPAdapter)
	s := requests.NewSession()
	s.Mount("http://", adapter)
	defer s.Close()

	if _, err := s.Get(context.Background(), server.URL); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(adapter.Stats().Idle, "idle")
	s.CloseIdleConnections() // requests.CloseIdleConnections() closes those of the package functions
	fmt.Println(adapter.Stats().Idle, "idle")
	// Output:
	// 1 idle
	// 0 idle
}

// See what goes over the wire, without the secrets.
func ExampleDump() {
	s := requests.NewSession(
		requests.Dump{To: os.Stdout},
		requests.Headers{"User-Agent": "example/1.0", "Accept-Encoding": nil})
	s.Mount("https://api.example.com/", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header()["Date"] = nil
		io.WriteString(w, `{"id": 7, "token": "s3cr3t"}`)
	})))
	_, err := s.Post(context.Background(), "https://api.example.com/orders",
		requests.BearerAuth("s3cr3t"),
		requests.JSON(map[string]any{"item": "tea", "password": "s3cr3t"}))
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// #1 > POST /orders HTTP/1.1
	// #1 > Host: api.example.com
	// #1 > User-Agent: example/1.0
	// #1 > Content-Length: 34
	// #1 > Accept: */*
	// #1 > Authorization: ***
	// #1 > Content-Type: application/json
	// #1 >
	// #1 > {"item":"tea","password":"***"}
	// #1 < HTTP/1.1 200 OK
	// #1 < Content-Length: 28
	// #1 < Content-Type: application/json
	// #1 <
	// #1 < {"id": 7, "token": "***"}
}

// Log the calls of a session.
func ExampleLogger() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug, // or none of them is wanted
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "elapsed" { // which differ each time
				return slog.Attr{}
			}
			return a
		},
	}))
	s := requests.NewSession(requests.Logger{To: logger})
	s.Mount("https://api.example.com/", requests.Handler(http.RedirectHandler("/new", http.StatusFound)))
	s.Get(context.Background(), "https://api.example.com/old?token=s3cr3t", requests.MaxRedirects(1))
	// Output:
	// level=DEBUG msg=request method=GET url="https://api.example.com/old?token=***" status=302
	// level=DEBUG msg=redirect status=302 url="https://api.example.com/old?token=***" method=GET to=https://api.example.com/new
	// level=DEBUG msg=request method=GET url=https://api.example.com/new status=302
}

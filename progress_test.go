package requests

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests/internal/progress"
)

// A report is what an OnProgress was told, and when.
type report struct {
	done, total int64
	at          time.Duration
}

func reports(list *[]report) OnProgress {
	start := time.Now()
	return func(done, total int64) { *list = append(*list, report{done, total, time.Since(start)}) }
}

// TestOnProgressInTime has a body of ten parts come in a second.
func TestOnProgressInTime(t *testing.T) {
	for _, tt := range []struct {
		name  string
		head  string
		every time.Duration
		total int64
		want  []int64 // the done of each report
	}{
		{"every part", "Content-Length: 10\r\n", 100 * time.Millisecond, 10, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"some parts", "Content-Length: 10\r\n", 40 * time.Millisecond, 10, []int64{1, 4, 7, 10}},
		{"all at once", "Content-Length: 10\r\n", 0, 10, []int64{1, 10}},
		{"unknown length", "Transfer-Encoding: chunked\r\n", 40 * time.Millisecond, -1, []int64{1, 4, 7, 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parts := []any{"HTTP/1.1 200 OK\r\n" + tt.head + "\r\n"}
				for range 10 {
					if tt.total < 0 {
						parts = append(parts, "1\r\nx\r\n", tt.every)
					} else {
						parts = append(parts, "x", tt.every)
					}
				}
				if tt.total < 0 {
					parts = append(parts, "0\r\n\r\n")
				}
				var got []report
				s := pipes{serve: script(parts...)}.session(t)
				if _, err := s.Get(context.Background(), "http://example.com/", reports(&got)); err != nil {
					t.Fatal(err)
				}
				var done []int64
				for i, r := range got {
					done = append(done, r.done)
					if r.total != tt.total {
						t.Errorf("total = %d; want %d", r.total, tt.total)
					}
					if i > 0 && i < len(got)-1 && r.at-got[i-1].at < progress.Every {
						t.Errorf("report %d came %v after the one before", i, r.at-got[i-1].at)
					}
				}
				if !slices.Equal(done, tt.want) {
					t.Errorf("done = %d; want %d", done, tt.want)
				}
			})
		})
	}
}

func TestOnProgress(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/take", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write(large)
	})
	mux.HandleFunc("/give", serveLarge)
	mux.HandleFunc("/empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Location", "/take")
		w.WriteHeader(http.StatusTemporaryRedirect)
		w.Write(large)
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(gzipped(t, large))
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	n, coded := int64(len(large)), int64(len(gzipped(t, large)))
	for _, tt := range []struct {
		name, path string
		body       func() Body
		ends       [][2]int64 // where done is as large as it gets
	}{
		{name: "response", path: "/give", ends: [][2]int64{{n, n}}},
		{name: "no body at all", path: "/empty", ends: [][2]int64{{0, 0}}},
		{name: "of the bytes on the wire", path: "/gzip", ends: [][2]int64{{coded, coded}}},
		{name: "request", path: "/take", body: func() Body { return Reader(bytes.NewReader(large)) }, ends: [][2]int64{{n, n}}},
		{name: "request in memory", path: "/take", body: func() Body { return Bytes(large) }, ends: [][2]int64{{n, n}}},
		{name: "request of unknown length", path: "/take", body: func() Body { return Reader(io.MultiReader(bytes.NewReader(large))) }, ends: [][2]int64{{n, -1}}},
		{name: "redirected request", path: "/moved", body: func() Body { return Reader(bytes.NewReader(large)) }, ends: [][2]int64{{n, n}, {n, n}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []report
			s := NewSession(reports(&got))
			defer s.Close()
			opts := []Option{}
			if tt.body != nil {
				opts = append(opts, tt.body())
			}
			r, err := s.Post(context.Background(), srv.URL+tt.path, opts...)
			if err != nil {
				t.Fatal(err)
			}
			var ends [][2]int64
			for i, p := range got {
				if i+1 == len(got) || got[i+1].done < p.done {
					ends = append(ends, [2]int64{p.done, p.total})
				}
			}
			if !slices.Equal(ends, tt.ends) {
				t.Errorf("%v: it ended at %d; want %d", r, ends, tt.ends)
			}
			got = nil
			if tt.body != nil {
				opts[0] = tt.body()
			}
			if _, err := s.Post(context.Background(), srv.URL+tt.path, append(opts, OnProgress(nil))...); err != nil || got != nil {
				t.Errorf("OnProgress(nil): %v, and it was told of %v", err, got)
			}
		})
	}
}

func TestOnProgressPanics(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	defer srv.Close()
	s := NewSession()
	defer s.Close()
	_, err := s.Post(context.Background(), srv.URL, Text("x"), OnProgress(func(int64, int64) { panic("oh") }))
	if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Error(), "panic in OnProgress: oh") {
		t.Errorf("Post with an OnProgress that panics = %v", err)
	}
}

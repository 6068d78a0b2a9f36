package requests_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-requests/requests"
)

// served is a session in which h answers everything below mock://.
func served(h http.HandlerFunc) *requests.Session {
	s := requests.NewSession()
	s.Mount("mock://", requests.Handler(h))
	return s
}

// Lines that are looked at and let go need no copy.
func ExampleResponse_IterLineBytes() {
	s := served(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "GET / 200\nGET /missing 404\nPOST / 200\n")
	})
	defer s.Close()
	r, err := s.Get(context.Background(), "mock://logs/", requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	bad := 0
	for line, err := range r.IterLineBytes() {
		if err != nil {
			log.Fatal(err)
		}
		if !bytes.HasSuffix(line, []byte(" 200")) {
			bad++
		}
	}
	fmt.Println(bad)
	// Output: 1
}

func ExampleResponse_IterSplit() {
	s := served(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a.txt\x00b\nc.txt\x00") })
	defer s.Close()
	r, err := s.Get(context.Background(), "mock://files/")
	if err != nil {
		log.Fatal(err)
	}
	for name, err := range r.IterSplit("\x00") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", name)
	}
	// Output:
	// "a.txt"
	// "b\nc.txt"
	// ""
}

// Text is shown as it arrives, and no character is cut in two.
func ExampleResponse_IterText() {
	s := served(func(w http.ResponseWriter, _ *http.Request) {
		for _, part := range []string{"caf\xc3", "\xa9, s'il", " vous pla\xc3\xaet"} {
			io.WriteString(w, part)
			w.(http.Flusher).Flush()
		}
	})
	defer s.Close()
	r, err := s.Get(context.Background(), "mock://chat/", requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for piece, err := range r.IterText(0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", piece)
	}
	// Output:
	// "caf"
	// "é, s'il"
	// " vous plaît"
}

// A stream that goes on where it was when its connection ends, until the
// server says that it is over.
func ExampleSession_Events() {
	s := served(func(w http.ResponseWriter, r *http.Request) {
		last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
		if last == 3 {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "retry: 10\nid: %d\ndata: event %[1]d\n\n", last+1)
	})
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ev, err := range s.Events(ctx, "mock://prices/") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev.Data)
	}
	// Output:
	// event 1
	// event 2
	// event 3
}

// A model answers by a stream of events, which POST asks for. The loop ends with
// the answer, so that it is not asked again.
func ExampleMethod() {
	s := served(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		prompt, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "data: %s by %s\n\ndata: [DONE]\n\n", prompt, r.Method)
	})
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ev, err := range s.Events(ctx, "mock://model/", requests.Method("POST"), requests.JSON("tell")) {
		if err != nil {
			log.Fatal(err)
		}
		if ev.Data == "[DONE]" {
			break
		}
		fmt.Println(ev.Data)
	}
	// Output: "tell" by POST
}

// The cookies that one response set, as told from all in the jar.
func ExampleResponse_Cookies() {
	s := served(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark", Path: "/"})
	})
	defer s.Close()
	r, err := s.Get(context.Background(), "mock://site/")
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range r.Cookies() {
		fmt.Println(c.Name, c.Value, c.Path)
	}
	// Output: theme dark /
}

func ExampleResponse_Text() {
	s := served(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! \xca\xe0\xea \xe4\xe5\xeb\xe0?")
	})
	defer s.Close()
	r, err := s.Get(context.Background(), "mock://site/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q %s\n", r.Encoding, r.ApparentEncoding()) // the header does not say
	fmt.Println(r.Text())
	r.Encoding = "koi8-r" // which is wrong
	fmt.Println(r.Text())
	// Output:
	// "" windows-1251
	// Привет, мир! Как дела?
	// оПХБЕР, ЛХП! йЮЙ ДЕКЮ?
}

func ExampleResponse_WriteTo() {
	s := served(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	defer s.Close()
	r, err := s.Get(context.Background(), "mock://files/", requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := r.WriteTo(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

// The bytes as they came, for a program that stores them in their content coding.
func ExampleResponse_Raw() {
	s := served(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "hello")
		z.Close()
	})
	defer s.Close()
	r, err := s.Get(context.Background(), "mock://files/", requests.Stream(true))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	raw, err := r.Raw()
	if err != nil {
		log.Fatal(err)
	}
	z, err := gzip.NewReader(raw)
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(z)
	fmt.Println(string(text), err)
	// Output: hello <nil>
}

func ExampleResponse_Trailer() {
	s := served(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Checksum")
		io.WriteString(w, "hello")
		w.Header().Set("Checksum", "abc")
	})
	defer s.Close()
	r, err := s.Get(context.Background(), "mock://files/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Trailer().Get("Checksum"))
	// Output: abc
}

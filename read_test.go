package requests

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// coded is text in a content coding.
func coded(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "flate":
		w, _ = flate.NewWriter(&b, flate.BestCompression)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// reply is a response with a body in the codings of the header lines.
func reply(body string, codings ...string) string {
	head := ok
	for _, c := range codings {
		head += "Content-Encoding: " + c + "\r\n"
	}
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

func TestContentCoding(t *testing.T) {
	const text = "the text, the text and nothing but the text"
	gz := coded(t, "gzip", text)
	broken := func(i int) string { // the i-th byte from the end is another one
		b := []byte(gz)
		b[len(b)-i] ^= 0xff
		return string(b)
	}
	for _, tt := range []struct {
		name, sent string
		want       string
		err        error
	}{
		{name: "B110 gzip", sent: reply(gz, "gzip"), want: text},
		{name: "B110 GZIP", sent: reply(gz, "GZIP"), want: text},
		{name: "B110 x-gzip", sent: reply(gz, "x-gzip"), want: text},
		{name: "B111 deflate as zlib", sent: reply(coded(t, "zlib", text), "deflate"), want: text},
		{name: "B111 deflate as it is", sent: reply(coded(t, "flate", text), "deflate"), want: text},
		{name: "B112 br", sent: reply(coded(t, "br", text), "br"), want: text},
		{name: "B112 zstd", sent: reply(coded(t, "zstd", text), "zstd"), want: text},
		{name: "B113 plain text labelled gzip", sent: reply(text, "gzip"), err: ErrContentDecoding},
		{name: "B114 cut gzip", sent: reply(gz[:len(gz)-12], "gzip"), err: ErrContentDecoding},
		{name: "B114 header alone", sent: reply(gz[:10], "gzip"), err: ErrContentDecoding},
		{name: "B115 wrong checksum", sent: reply(broken(8), "gzip"), err: ErrContentDecoding},
		{name: "B115 wrong size", sent: reply(broken(4), "gzip"), err: ErrContentDecoding},
		{name: "B116 garbage behind", sent: reply(gz+"garbage", "gzip"), want: text},
		{name: "B116 zeros behind", sent: reply(gz+strings.Repeat("\x00", 512), "gzip"), want: text},
		{name: "B117 two members", sent: reply(gz+gz, "gzip"), want: text + text},
		{name: "B118 twice in one line", sent: reply(coded(t, "gzip", gz), "gzip, gzip"), want: text},
		{name: "B118 twice in two lines", sent: reply(coded(t, "gzip", gz), "gzip", "gzip"), want: text},
		{name: "B118 two codings in their order", sent: reply(coded(t, "br", gz), "gzip", "br"), want: text},
		{name: "B119 six codings (A190)", sent: reply(gz, "gzip, gzip, gzip", "gzip, gzip, gzip"), err: ErrContentDecoding},
		{name: "B119 thousands of codings (A190)", sent: reply(gz, strings.Repeat("gzip, ", 10_000)+"gzip"), err: ErrContentDecoding},
		{name: "B120 unknown coding", sent: reply(text, "foo"), want: text},
		{name: "B120 unknown among others", sent: reply(gz, "foo, gzip"), err: ErrContentDecoding},
		{name: "B121 length shorter than the coded text", sent: strings.Replace(reply(gz, "gzip"), fmt.Sprintf("Length: %d", len(gz)), fmt.Sprintf("Length: %d", len(gz)-2), 1), err: ErrContentDecoding},
		{name: "B121 length longer than the coded text", sent: strings.Replace(reply(gz, "gzip"), fmt.Sprintf("Length: %d", len(gz)), fmt.Sprintf("Length: %d", len(gz)+2), 1), err: ErrIncompleteBody},
		{name: "B121 chunked without the last chunk", sent: ok + "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(gz), gz), err: ErrIncompleteBody},
		{name: "B122 bomb (A191)", sent: reply(coded(t, "gzip", strings.Repeat("\x00", 64<<20)), "gzip"), err: ErrBodyTooLarge},
		{name: "B122 bomb in a bomb", sent: reply(coded(t, "gzip", coded(t, "gzip", strings.Repeat("\x00", 256<<20))), "gzip, gzip"), err: ErrBodyTooLarge},
		{name: "B122 zstd with a window of 1 GiB (A192)", sent: reply("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00", "zstd"), err: ErrBodyTooLarge},
		{name: "B123 empty members (A193)", sent: reply(strings.Repeat(coded(t, "gzip", ""), 100_000), "gzip"), err: ErrContentDecoding},
		{name: "B125 a range of coded bytes", sent: strings.Replace(reply(gz[5:20], "gzip"), "200 OK", "206 Partial Content", 1), want: gz[5:20]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := pipes{serve: raw(tt.sent)}.session(t)
			r, err := s.Get(context.Background(), "http://a.test/")
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Errorf("Get: error %v; want %v", err, tt.err)
				}
				r, err = s.Get(context.Background(), "http://a.test/", Stream(true))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.WriteTo(io.Discard); !errors.Is(err, tt.err) {
					t.Errorf("streamed: error %v; want %v", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("Get: error %v; want none", err)
			}
			if string(r.Content()) != tt.want {
				t.Fatalf("Get: body %.60q, error %v; want %q", r.Content(), err, tt.want)
			}
			if strings.Contains(tt.sent, "Content-Encoding") != (r.Header.Get("Content-Encoding") != "") {
				t.Error("the header is not as it was sent")
			}
		})
	}
}

// B112: what is announced is what is decoded; B124: who announces it by hand
// has it decoded all the same.
func TestAcceptEncoding(t *testing.T) {
	var asked []string
	mux := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, coded(t, "gzip", "text"))
	})
	s := NewSession()
	defer s.Close()
	s.Mount("mock://", Handler(mux))
	for _, h := range []Headers{nil, {"Accept-Encoding": "gzip"}} {
		if r, err := s.Get(context.Background(), "mock://a/", h); err != nil || r.Text() != "text" {
			t.Errorf("with %v: %q, error %v; want it decoded", h, r.Text(), err)
		}
	}
	if want := []string{"gzip, deflate, br, zstd", "gzip"}; fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("Accept-Encoding was %q; want %q", asked, want)
	}
}

// B113: the coded bytes can be had, before anything was read.
func TestRaw(t *testing.T) {
	gz := coded(t, "gzip", "text")
	s := pipes{serve: raw(reply(gz, "gzip"))}.session(t)
	r, err := s.Get(context.Background(), "http://a.test/", Stream(true))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range 2 {
		b, err := r.Raw()
		if err != nil {
			t.Fatal(err)
		}
		want := gz[:4]
		if i > 0 {
			want = gz[4:]
		}
		got, err := io.ReadAll(io.LimitReader(b, int64(len(want))))
		if err != nil || string(got) != want {
			t.Errorf("Raw() gives %q, error %v; want %q", got, err, want)
		}
	}
	if r, err = s.Get(context.Background(), "http://a.test/"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Raw(); !errors.Is(err, ErrStreamConsumed) {
		t.Errorf("Raw() of a body in memory: error %v; want %v", err, ErrStreamConsumed)
	}
}

// B126: a bomb that is read byte by byte needs no more memory; B127: closing it
// decodes nothing.
func TestBombByByte(t *testing.T) {
	bomb := coded(t, "gzip", strings.Repeat("\x00", 64<<20))
	s := pipes{serve: raw(reply(bomb, "gzip"))}.session(t)
	r, err := s.Get(context.Background(), "http://a.test/", Stream(true))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if _, err := r.Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	if _, err := r.Body.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Read after Close: error %v; want %v", err, ErrClosed)
	}
}

package dump

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/transport"
)

const secret = "s3cr3t"

// tapped returns an exchange, and where it is shown.
func tapped(maxBody int) (*Exchange, *bytes.Buffer) {
	b := new(bytes.Buffer)
	return New(b, maxBody, func(error) string { return "a kind" }, new(Log)).Exchange(), b
}

func TestHeads(t *testing.T) {
	for _, tt := range []struct{ name, head, want string }{
		{"origin form", "GET /a?token=" + secret + "&b=1 HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic " + secret + "\r\n\r\n",
			"#1 > GET /a?token=***&b=1 HTTP/1.1\n#1 > Host: a.test\n#1 > Authorization: ***\n#1 >\n"},
		{"absolute form", "GET http://u:" + secret + "@a.test/ HTTP/1.1\r\n\r\n", "#1 > GET http://a.test/ HTTP/1.1\n#1 >\n"},
		{"the end of a password", "GET /2@a.test/ HTTP/1.1\r\nHost: user:1\r\n\r\n", "#1 > GET /*** HTTP/1.1\n#1 > Host: user:1\n#1 >\n"},
		{"an at that is none", "GET /users/@me HTTP/1.1\r\nHost: a.test\r\n\r\n", "#1 > GET /users/@me HTTP/1.1\n#1 > Host: a.test\n#1 >\n"},
		{"signs", "GET / HTTP/1.1\r\nX: a\x1b[31m\r\n\r\n", "#1 > GET / HTTP/1.1\n#1 > X: a\\x1b[31m\n#1 >\n"},
		{"CORS", "OPTIONS / HTTP/1.1\r\nAccess-Control-Request-Headers: authorization\r\nAccess-Control-: x\r\n\r\n",
			"#1 > OPTIONS / HTTP/1.1\n#1 > Access-Control-Request-Headers: authorization\n#1 > Access-Control-: x\n#1 >\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x, b := tapped(100)
			x.Sent([]byte(tt.head))
			require.Equal(t, tt.want, b.String())
		})
	}
}

func TestAnswers(t *testing.T) {
	x, b := tapped(100)
	x.Sent([]byte("GET / HTTP/1.1\r\n\r\n"))
	b.Reset()
	x.Informational(103, http.Header{"Link": {"</a>"}})
	x.Answered(&transport.Response{Proto: "HTTP/1.1", Status: "200 OK", Header: http.Header{"X-B": {"2", "3"}, "X-A": {"1"}, "Set-Cookie": {"a=" + secret}}})
	x.Response("HTTP/2.0", "200 OK", nil)
	x.Remark("a remark")
	require.Equal(t, "#1 < HTTP/1.1 103 Early Hints\n#1 < Link: </a>\n#1 <\n"+
		"#1 < HTTP/1.1 200 OK\n#1 < Set-Cookie: ***\n#1 < X-A: 1\n#1 < X-B: 2\n#1 < X-B: 3\n#1 <\n"+
		"#1 < HTTP/2.0 200\n#1 <\n#1 * a remark\n", b.String())
}

func TestTunnel(t *testing.T) {
	x, b := tapped(100)
	x.Tunnel([]byte("CONNECT a.test:443 HTTP/1.1\r\nProxy-Authorization: "+secret+"\r\n\r\n"), []byte("HTTP/1.1 200 OK\r\nVia:  here\r\n\r\n"))
	x.Tunnel([]byte("CONNECT a.test:443 HTTP/1.1\r\n\r\n"), nil)
	require.Equal(t, "#1 > CONNECT a.test:443 HTTP/1.1\n#1 > Proxy-Authorization: ***\n#1 >\n#1 < HTTP/1.1 200 OK\n#1 < Via: here\n#1 <\n"+
		"#2 > CONNECT a.test:443 HTTP/1.1\n#2 >\n#2 * the proxy has not answered\n", b.String())
}

// gzipped is text in the coding gzip.
func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

var bodies = []struct {
	name   string
	header http.Header
	body   string
	want   []string // the lines
}{
	{"nothing", nil, "", nil},
	{"text", nil, "one\ntwo\r\nthree", []string{"one", "two", "three"}},
	{"a secret in a line", nil, "a=1\ntoken=" + secret + "\n", []string{"a=1", "token=***"}},
	{"form", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "a=1&password=" + secret, []string{"a=1&password=***"}},
	{"JSON", http.Header{"Content-Type": {"application/json"}}, `{"a":1,"token":"` + secret + `"}`, []string{`{"a":1,"token":"***"}`}},
	{"JSON of a kind", http.Header{"Content-Type": {"application/problem+json"}}, `{"pin":"` + secret + `"}`, []string{`{"pin":"***"}`}},
	{"JSON that nobody has named", nil, " {\"pin\":\n\"" + secret + "\"}", []string{" {\"pin\":", "\"***\"}"}},
	{"JSON lines", nil, "{\"pin\":\"" + secret + "\"}\n{\"a\":2}\n", []string{`{"pin":"***"}`, `{"a":2}`}},
	{"no JSON", http.Header{"Content-Type": {"application/json"}}, "<p>token=" + secret, []string{"<p>token=***"}},
	{"JSON cut off", http.Header{"Content-Type": {"application/json"}}, `{"a":"` + secret, []string{`{"a"***`}},
	{"binary", nil, "\x00\x01", []string{"00000000  00 01                                             |..|"}},
	{"signs", nil, "\x1b[31m\u202e\a\n", []string{`\x1b[31m\u202e\a`}},
	{"gzip", http.Header{"Content-Encoding": {"gzip"}}, gzipped("token=" + secret), []string{"token=***"}},
	{"unknown coding", http.Header{"Content-Encoding": {"gzip, exi"}}, secret, []string{"a body whose coding cannot be undone"}},
	{"broken coding", http.Header{"Content-Encoding": {"gzip"}}, secret, []string{"a body whose coding cannot be undone"}},
}

// TestBodies has each body come at once and byte by byte, which are shown alike.
func TestBodies(t *testing.T) {
	for _, tt := range bodies {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1, 3, len(tt.body) + 1} {
				x, b := tapped(1000)
				x.Body(tt.header, true, func() http.Header { return nil })
				for rest := []byte(tt.body); len(rest) > 0; {
					n := min(size, len(rest))
					x.Read(rest[:n])
					rest = rest[n:]
				}
				x.End(nil)
				want := ""
				for _, line := range tt.want {
					want += "#0 < " + line + "\n"
				}
				require.Equal(t, want, b.String(), "in pieces of %d", size)
			}
		})
	}
}

func TestBodyIsBounded(t *testing.T) {
	for maxBody, want := range map[int]string{
		-1: "#0 * 10 more bytes\n", 0: "#0 * 10 more bytes\n", 4: "#0 < 0123\n#0 * 6 more bytes\n", 10: "#0 < 0123456789\n", 11: "#0 < 0123456789\n",
	} {
		x, b := tapped(maxBody)
		x.Body(nil, false, nil)
		x.Read([]byte("01234"))
		x.Read([]byte("56789"))
		x.End(nil)
		require.Equal(t, want, b.String(), "%d", maxBody)
	}
}

func TestEnds(t *testing.T) {
	t.Run("trailer", func(t *testing.T) {
		x, b := tapped(100)
		x.Body(nil, false, func() http.Header { return http.Header{"X-Token": {secret}, "X-Sum": {"7"}} })
		x.End(nil)
		require.Equal(t, "#0 < X-Sum: 7\n#0 < X-Token: ***\n", b.String())
	})
	t.Run("broken", func(t *testing.T) {
		x, b := tapped(100)
		x.Body(nil, false, func() http.Header { return http.Header{"X-Sum": {"7"}} })
		x.Read([]byte("half"))
		x.End(errors.New(secret))
		require.Equal(t, "#0 < half\n#0 * a kind\n", b.String())
	})
	t.Run("before anything was sent", func(t *testing.T) {
		x, b := tapped(100)
		x.Fail(errors.New(secret))
		require.Equal(t, "#1 * a kind\n", b.String())
	})
	t.Run("raw", func(t *testing.T) {
		x, b := tapped(100)
		x.Body(nil, false, func() http.Header { return nil })
		x.Raw(http.Header{"Content-Encoding": {"gzip"}})
		x.Read([]byte(gzipped("text")))
		x.End(nil)
		require.Equal(t, "#0 < text\n", b.String())
	})
}

// TestAttach shows bodies of requests as the engine sends them.
func TestAttach(t *testing.T) {
	head := []byte("POST / HTTP/1.1\r\n\r\n")
	t.Run("in memory", func(t *testing.T) {
		x, b := tapped(100)
		told := 0
		c := transport.Call{Up: func(n int) error { told += n; return nil }}
		c.Body.Bytes = []byte("one\ntwo\n")
		x.Attach(&c)
		for range 2 { // the second time on another connection
			x.Sent(head)
			b.Reset()
			for _, n := range []int{0, 4, 4, -1} {
				require.NoError(t, c.Up(n))
			}
			require.Contains(t, b.String(), "> one\n")
			require.Contains(t, b.String(), "> two\n")
		}
		require.Equal(t, 14, told, "and the other one is told as well")
	})
	t.Run("a stream", func(t *testing.T) {
		x, b := tapped(100)
		var c transport.Call
		c.Body.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("one\n")), nil }
		x.Attach(&c)
		login, err := c.Body.Open() // read for a login, and not sent
		require.NoError(t, err)
		io.Copy(io.Discard, login)
		require.Empty(t, b.String())
		body, err := c.Body.Open()
		require.NoError(t, err)
		x.Sent(head)
		b.Reset()
		login, err = c.Body.Open()
		require.NoError(t, err)
		io.Copy(io.Discard, login)
		require.Empty(t, b.String(), "of what is sent nothing was read yet")
		io.Copy(io.Discard, body)
		require.Equal(t, "#1 > one\n", b.String())
	})
}

func TestNothingIsWanted(t *testing.T) {
	var none *Tap
	x := none.Exchange()
	require.Nil(t, x)
	x.Read(nil)
	x.Raw(nil)
	x.End(nil)
	x.Fail(nil)
	tap := New(io.Discard, 1, nil, new(Log))
	require.False(t, tap.Used())
	tap.Exchange()
	require.True(t, tap.Used())
}

// FuzzBody: whatever comes in whatever pieces, each line has its number, and no
// control character gets out.
func FuzzBody(f *testing.F) {
	for _, tt := range bodies {
		f.Add(tt.header.Get("Content-Type"), tt.header.Get("Content-Encoding"), []byte(tt.body), uint8(3))
	}
	f.Fuzz(func(t *testing.T, contentType, coding string, body []byte, size uint8) {
		x, b := tapped(200)
		x.Body(http.Header{"Content-Type": {contentType}, "Content-Encoding": {coding}}, true, func() http.Header { return nil })
		for rest := body; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			x.Read(rest[:n])
			rest = rest[n:]
		}
		x.End(nil)
		for line := range strings.Lines(b.String()) {
			if !strings.HasPrefix(line, "#0 <") && !strings.HasPrefix(line, "#0 *") || !strings.HasSuffix(line, "\n") {
				t.Fatalf("%q is shown as %q", body, b)
			}
			if strings.ContainsFunc(line[:len(line)-1], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				t.Fatalf("%q is shown as %q", body, line)
			}
		}
	})
}

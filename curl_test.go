package requests

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-requests/requests/internal/redact"
)

// TestCurl compares the whole command.
func TestCurl(t *testing.T) {
	for _, tt := range []struct {
		name, method, url string
		opts              []Option
		show              bool
		want              string
	}{
		{name: "nothing but a URL", method: "GET", url: "http://a.test",
			want: `curl 'http://a.test/' -H 'User-Agent:' -H 'Accept:'`},
		{name: "query and fragment", method: "GET", url: "http://a.test/x?a=1&b=it's#part",
			want: `curl 'http://a.test/x?a=1&b=it'\''s' -H 'User-Agent:' -H 'Accept:'`},
		{name: "glob and dots", method: "GET", url: "http://[::1]:80/{a}[1-3]?{b}",
			want: `curl --globoff 'http://[::1]:80/%7Ba%7D%5B1-3%5D?%7Bb%7D' -H 'User-Agent:' -H 'Accept:'`},
		{name: "header", method: "GET", url: "http://a.test/", opts: []Option{Headers{"User-Agent": "x", "Accept": "*/*", "Accept-Encoding": "gzip", "X-B": []int{1, 2}, "X-A": "$HOME `id` \\ ! it's", "X-Empty": ""}},
			want: "curl 'http://a.test/' -H 'Accept: */*' -H 'Accept-Encoding: gzip' -H 'User-Agent: x' -H 'X-A: $HOME `id` \\ ! it'\\''s' -H 'X-B: 1' -H 'X-B: 2' -H 'X-Empty;' --compressed"},
		{name: "bytes that are no text", method: "GET", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "caf\xe9 \u202e\u009b2J'é"}},
			want: `curl 'http://a.test/' -H 'Accept: x' -H 'User-Agent: caf'"$(printf '\351')"' '"$(printf '\342\200\256\302\233')"'2J'\''é'`},
		{name: "HEAD", method: "HEAD", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y"}},
			want: `curl --head 'http://a.test/' -H 'Accept: x' -H 'User-Agent: y'`},
		{name: "POST of nothing", method: "POST", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y"}},
			want: `curl -X POST 'http://a.test/' -H 'Accept: x' -H 'User-Agent: y' -H 'Content-Length: 0'`},
		{name: "method of other characters", method: "A|B'C", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y"}},
			want: `curl -X 'A|B'\''C' 'http://a.test/' -H 'Accept: x' -H 'User-Agent: y' -H 'Content-Length: 0'`},
		{name: "JSON", method: "PUT", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y"}, JSON(map[string]any{"a": "it's\n", "b": []int{1}})},
			want: `curl -X PUT 'http://a.test/' -H 'Accept: x' -H 'Content-Type: application/json' -H 'User-Agent: y' --data-binary '{"a":"it'\''s\n","b":[1]}'`},
		{name: "text of several lines", method: "POST", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y"}, Text("a\n\tb\n")},
			want: "curl -X POST 'http://a.test/' -H 'Accept: x' -H 'User-Agent: y' -H 'Content-Type:' --data-binary 'a\n\tb\n'"},
		{name: "binary", method: "POST", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y"}, Bytes([]byte("-%\\'\x00\xff1é\r\n"))},
			want: `printf '\055%%\\\047\000\3771é\015\n' | curl -X POST 'http://a.test/' -H 'Accept: x' -H 'User-Agent: y' -H 'Content-Type:' --data-binary @-`},
		{name: "text that would name a file", method: "POST", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y", "Content-Type": "t/t"}, Text("@/etc/passwd")},
			want: `printf '@/etc/passwd' | curl -X POST 'http://a.test/' -H 'Accept: x' -H 'Content-Type: t/t' -H 'User-Agent: y' --data-binary @-`},
		{name: "stream", method: "POST", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y", "Content-Type": "t/t"}, Reader(strings.NewReader("x"))},
			want: `curl -X POST 'http://a.test/' -H 'Accept: x' -H 'Content-Type: t/t' -H 'User-Agent: y' --data-binary @-`},
		{name: "stream of unknown length", method: "GET", url: "http://a.test/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y", "Content-Type": "t/t"}, Reader(iotest.HalfReader(strings.NewReader("x")))},
			want: `curl -X GET 'http://a.test/' -H 'Accept: x' -H 'Content-Type: t/t' -H 'User-Agent: y' -H 'Expect:' -H 'Transfer-Encoding: chunked' --data-binary @-`},
		{name: "host with a dot", method: "GET", url: "http://a.test.:81/", opts: []Option{Headers{"Accept": "x", "User-Agent": "y"}},
			want: `curl 'http://a.test.:81/' -H 'Host: a.test:81' -H 'Accept: x' -H 'User-Agent: y'`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := NewRequest(tt.method, tt.url, tt.opts...).Prepare(bg)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Curl(ShowSecrets(tt.show)); got != tt.want {
				t.Errorf("Curl() = %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestCurlSecrets has a secret in each place where one may be.
func TestCurlSecrets(t *testing.T) {
	const secret = "hunter2"
	for _, tt := range []struct {
		name string
		url  string
		opts []Option
	}{
		{"Basic", "http://a.test/", []Option{BasicAuth("user", secret)}},
		{"userinfo", "http://user:" + secret + "@a.test/", nil},
		{"Bearer", "http://a.test/", []Option{BearerAuth(secret)}},
		{"Authorization", "http://a.test/", []Option{Headers{"authorization": secret}}},
		{"Proxy-Authorization", "http://a.test/", []Option{Headers{"Proxy-Authorization": secret}}},
		{"Cookie", "http://a.test/", []Option{Cookies{"id": secret}}},
		{"Cookie by hand", "http://a.test/", []Option{Headers{"Cookie": "id=" + secret}}},
		{"field of a likely name", "http://a.test/", []Option{Headers{"X-Api-Key": []string{secret, secret + "2"}}}},
		{"query", "http://a.test/?a=1&access_token=" + secret, nil},
		{"param", "http://a.test/", []Option{Params{"api_key": secret}}},
		{"form", "http://a.test/", []Option{Form{"grant_type": "password", "password": secret}}},
		{"JSON", "http://a.test/", []Option{JSON(map[string]any{"user": map[string]any{"password": []string{secret}}})}},
		{"JSON of another type", "http://a.test/", []Option{JSON(map[string]any{"client_secret": secret}), Headers{"Content-Type": "application/vnd.api+json; charset=utf-8"}}},
		{"JSON that is none", "http://a.test/", []Option{Text(`{"password": ` + secret), Headers{"Content-Type": "application/json"}}},
		{"fragment", "http://a.test/#access_token=" + secret, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := NewRequest("POST", tt.url, tt.opts...).Prepare(bg)
			if err != nil {
				t.Fatal(err)
			}
			for name, got := range map[string]string{
				"Curl()": p.Curl(), "Curl(ShowSecrets(false))": p.Curl(ShowSecrets(true), ShowSecrets(false)),
			} {
				for _, encoded := range []string{secret, "dXNlcjpodW50ZXIy"} {
					if strings.Contains(got, encoded) || !strings.Contains(got, redact.Mask) && tt.name != "fragment" {
						t.Errorf("%s = %s; want %s in place of %s", name, got, redact.Mask, encoded)
					}
				}
			}
			if got := p.Curl(ShowSecrets(true)); strings.Contains(got, redact.Mask) {
				t.Errorf("Curl(ShowSecrets(true)) = %s; want the secret", got)
			}
		})
	}
}

// A request that would not be sent is no command, whatever stands in it.
func TestCurlOfInvalidRequest(t *testing.T) {
	for name, change := range map[string]func(*PreparedRequest){
		"line end in a value": func(p *PreparedRequest) { p.Header.Set("X-A", "1\r\nrm -rf /") },
		"line end in a name":  func(p *PreparedRequest) { p.Header["X\nrm -rf /"] = []string{"1"} },
		"NUL in a value":      func(p *PreparedRequest) { p.Header.Set("X-A", "\x00") },
		"method":              func(p *PreparedRequest) { p.Method = "GET\nrm -rf /" },
		"no URL":              func(p *PreparedRequest) { p.URL = nil },
		"line end in the URL": func(p *PreparedRequest) { p.URL.Host = "a\nrm -rf /" },
		"userinfo":            func(p *PreparedRequest) { p.URL.User = url.UserPassword("user", "hunter2") },
	} {
		t.Run(name, func(t *testing.T) {
			p := prepareUpload(t)
			change(p)
			if got := p.Curl(); !strings.HasPrefix(got, "# ") || strings.ContainsAny(got, "\r\n\x00") || strings.Contains(got, "hunter2") {
				t.Errorf("Curl() = %q; want a comment of one line", got)
			}
		})
	}
}

// Curl leaves the request as it is.
func TestCurlChangesNothing(t *testing.T) {
	p := prepareUpload(t, Reader(bytes.NewBufferString("once")), BasicAuth("user", "hunter2"))
	u, header := p.URL, p.Header.Clone()
	p.Curl()
	if p.URL != u || !reflect.DeepEqual(p.Header, header) {
		t.Errorf("URL %v and header %v; want %v and %v", p.URL, p.Header, u, header)
	}
	if got := string(readBody(t, p)); got != "once" {
		t.Errorf("body = %q; want %q", got, "once")
	}
}

// seen is what a server was sent.
type seen struct {
	Method, URI, Host string
	Header            http.Header
	TransferEncoding  []string
	Body              string
}

// TestCurlRuns has the real curl send each command, and compares what a server
// sees with what it sees of the request itself.
func TestCurlRuns(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	requests := make(chan seen, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- seen{r.Method, r.RequestURI, r.Host, r.Header, r.TransferEncoding, string(body)}
	}))
	defer server.Close()
	odd := "it's \"$HOME\" `id` $(id) \\ \\n %s ! # ~ * ? é \u202e\xe9\xff"
	for _, tt := range []struct {
		name, method, path string
		opts               []Option
	}{
		{"plain", "GET", "/", nil},
		{"path and query", "GET", "/a/../b/./c%20d/{x}[1]/é?q=1&q=it's&x[]={1,2}&token=s3cr3t#fragment", nil},
		{"fields", "GET", "/", []Option{Headers{"X-Odd": odd, "X-Two": []string{"1", "2"}, "X-Empty": "", "Accept-Encoding": "gzip", "User-Agent": "@me"}}},
		{"host", "GET", "/", []Option{Headers{"Host": "other.test:8080"}}},
		{"secrets", "GET", "/", []Option{BasicAuth("user", odd), Cookies{"a": "b"}, Headers{"X-Api-Key": "k"}}},
		{"HEAD", "HEAD", "/", nil},
		{"other method", "MKCOL", "/", nil},
		{"odd method", "M'$|!", "/", nil},
		{"POST of nothing", "POST", "/", nil},
		{"DELETE of nothing", "DELETE", "/", nil},
		{"PUT of an empty body", "PUT", "/", []Option{Bytes(nil), Headers{"Content-Type": "text/plain"}}},
		{"form", "POST", "/", []Option{Form{"a b": odd, "password": "x&y"}}},
		{"JSON", "PATCH", "/", []Option{JSON(map[string]any{"a": odd, "token": "t"})}},
		{"text", "POST", "/", []Option{Text("@ of\n\nlines\n\n")}},
		{"text with a line end last", "POST", "/", []Option{Text("lines\n\n")}},
		{"every byte", "POST", "/", []Option{Bytes(everyByte())}},
		{"option of printf", "POST", "/", []Option{Bytes([]byte("-v\x00"))}},
		{"digits after an escape", "POST", "/", []Option{Bytes([]byte("\x011\x00\x007\xff8"))}},
		{"long text", "POST", "/", []Option{Text(strings.Repeat("0123456789'", 20_000))}},
		{"above a megabyte", "POST", "/", []Option{Text(strings.Repeat("0123456789abcdef", 70_000))}},
		{"body of GET", "GET", "/", []Option{Text("body")}},
		{"stream", "POST", "/", []Option{Reader(strings.NewReader("streamed\x00"))}},
		{"stream of unknown length", "POST", "/", []Option{Reader(iotest.DataErrReader(strings.NewReader("streamed")))}},
		{"multipart", "POST", "/", []Option{Form{"a": odd}, Files{{Field: odd[:20], Path: writeFile(t, "f.bin", "\x00\r\n"), ContentType: "a/b"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := NewRequest(tt.method, server.URL+tt.path, tt.opts...).Prepare(bg)
			if err != nil {
				t.Fatal(err)
			}
			s := new(Session)
			defer s.Close()
			if _, err := s.Send(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			want := <-requests
			command := p.Curl(ShowSecrets(true))
			cmd := exec.CommandContext(t.Context(), "sh", writeFile(t, "command", command))
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
			cmd.Stdin = strings.NewReader(want.Body)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%.500s: %v\n%.500s", command, err, out)
			}
			if got := <-requests; !reflect.DeepEqual(got, want) {
				t.Errorf("%.500s\nsent %.1000s\nwant %.1000s", command, fmt.Sprint(got), fmt.Sprint(want))
			}
		})
	}
}

func everyByte() []byte {
	b := make([]byte, 0, 512)
	for i := range 256 {
		b = append(b, byte(i), byte(255-i))
	}
	return b
}

// FuzzCurl runs each command with a curl that prints its arguments and its input.
func FuzzCurl(f *testing.F) {
	f.Add("GET", "http://a.test/?q=it's", "X-A", "it's", "text/plain", []byte("text"), true)
	f.Add("POST", "http://[::1]/{a}/../b#c", "Accept", "$(id)\t`id`\\", "", everyByte(), true)
	f.Add("M'!", "https://é.test/?token=x&a=%27", "Cookie", "\xff\u202e", "application/json", []byte(`{"password":"'"}`), false)
	f.Add("PUT", "http://a.test", "X", "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89", "application/x-www-form-urlencoded", []byte("@a=1&password='"), false)
	f.Fuzz(func(t *testing.T, method, address, name, value, contentType string, body []byte, show bool) {
		p, err := NewRequest(method, address, Headers{name: value, "Content-Type": contentType}, Bytes(body)).Prepare(bg)
		if err != nil {
			return
		}
		checked := *p
		if err := checked.check(); err != nil {
			return
		}
		c := newCurlCommand(&checked, show)
		script := `curl() { for a; do printf '%s\0' "$a"; done; if [ "$a" = @- ]; then cat; fi; }` + "\n" + p.Curl(ShowSecrets(show))
		out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		want := strings.Join(append(slices.Clone(c.args), c.input), "\x00")
		if got := string(out); got != want {
			t.Errorf("%s\nhas the arguments %q\nwant %q", script, got, want)
		}
		if show && len(body) > 0 && c.input != string(body) && c.args[len(c.args)-1] != string(body) {
			t.Errorf("%s\nlacks the body %q", script, body)
		}
		if i := strings.IndexFunc(p.Curl(), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("%q has a control character at %d", p.Curl(), i)
		}
	})
}

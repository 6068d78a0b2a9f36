package requests_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-requests/requests"
	external "github.com/go-requests/requests/internal/suite"
)

// TestRedirectMethods is the table of methods and bodies. B142
func TestRedirectMethods(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TESTING"} {
			for _, body := range []string{"", "b"} {
				want, wantBody := method, body
				if status == 303 && method != "HEAD" && method != "GET" || status <= 302 && method == "POST" {
					want, wantBody = "GET", ""
				}
				t.Run(fmt.Sprintf("%d %s %q", status, method, body), func(t *testing.T) {
					s, sent := scripted(t, replies(reply{status: status, header: http.Header{"Location": {"/2"}}}, ok()))
					opts := []requests.Option{requests.AllowRedirects(true)}
					if body != "" {
						opts = append(opts, requests.Text(body), requests.Headers{
							"Content-Type": "text/x", "Content-Encoding": "x", "Content-Language": "en", "Content-MD5": "x", "Digest": "x", "Range": "bytes=0-1"})
					}
					r, err := s.Do(t.Context(), method, "http://a.test/1", opts...)
					if err != nil || r.StatusCode != 200 {
						t.Fatalf("Do = %v, %v", r, err)
					}
					got := sent.sent[1]
					if got.method != want || got.body != wantBody {
						t.Errorf("then came %s with %q; want %s with %q", got.method, got.body, want, wantBody)
					}
					for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Md5", "Digest"} {
						if has := got.header.Get(name) != ""; has != (wantBody != "") {
							t.Errorf("field %s is there: %v", name, has) // A008
						}
					}
					if body != "" && got.header.Get("Range") == "" {
						t.Error("field Range is lost")
					}
				})
			}
		}
	}
}

// TestRedirectContentFields drops what describes a body that is not there, but
// not where the request is to be repeated as it is.
func TestRedirectContentFields(t *testing.T) {
	for status, kept := range map[int]bool{301: false, 302: false, 303: false, 307: true, 308: true} {
		s, sent := scripted(t, replies(reply{status: status, header: http.Header{"Location": {"/2"}}}, ok()))
		given := requests.Headers{"Content-Type": "text/x", "Digest": "sha-256=x", "Repr-Digest": "sha-256=:eA==:", "Expect": "100-continue"}
		get(t, s, "http://a.test/", given)
		for name, value := range given {
			if got := sent.sent[1].header.Get(name); (got == value) != kept || (got == "") == kept {
				t.Errorf("after %d %s is %q; kept is %t", status, name, got, kept)
			}
		}
	}
}

// TestRedirectLocations follows what a Location can be. B131 to B138, B141
func TestRedirectLocations(t *testing.T) {
	const from = "http://a.test/x/y?q#top"
	for _, tt := range []struct {
		name, location string
		want           string // "" if it is not followed
		wantErr        error
	}{
		{"path", "/p", "http://a.test/p#top", nil},
		{"relative", "z", "http://a.test/x/z#top", nil},
		{"up", "../../../z", "http://a.test/z#top", nil},
		{"dot", "./z/.", "http://a.test/x/z/#top", nil},
		{"query", "?z=1", "http://a.test/x/y?z=1#top", nil},
		{"fragment", "#end", "http://a.test/x/y?q#end", nil},
		{"fragment of its own", "/p#end", "http://a.test/p#end", nil},
		{"absolute", "https://b.test/p?q=1", "https://b.test/p?q=1#top", nil},
		{"without a scheme", "//b.test/p", "http://b.test/p#top", nil},
		{"capitals", "HTTPS://B.test", "https://b.test/#top", nil},
		{"host in another script", "http://bücher.test/", "http://xn--bcher-kva.test/#top", nil},
		{"userinfo", "http://eve:pw@a.test/p", "http://a.test/p#top", nil},
		{"colon in a path", "./a:b", "http://a.test/x/a:b#top", nil},
		{"B131", "", "", nil},
		{"B132 file", "file:///etc/passwd", "", requests.ErrInvalidScheme},
		{"B132 ftp", "ftp://b.test/x", "", requests.ErrInvalidScheme},
		{"B132 gopher", "gopher://b.test/x", "", requests.ErrInvalidScheme},
		{"B132 data", "data:,x", "", requests.ErrInvalidScheme},
		{"B132 javascript", "javascript:alert(1)", "", requests.ErrInvalidScheme},
		{"B132 unix", "unix:/run/x.sock", "", requests.ErrInvalidScheme},
		{"B132 mailto", "mailto:a@b.test", "", requests.ErrInvalidScheme},
		{"A050 scp", "scp://b.test/x", "", requests.ErrInvalidScheme},
		{"A051 mounted socket", "mock://%2Frun%2Fx.sock/", "", requests.ErrInvalidScheme},
		{"B133 no host", "http://", "", requests.ErrInvalidURL},
		{"B133 empty host", "http:///x", "", requests.ErrInvalidURL},
		{"B133 no slashes", "http:x", "", requests.ErrInvalidURL},
		{"B133 backslashes", `http:\\evil.test`, "", requests.ErrInvalidURL},
		{"B134 slashes alone", "//", "", requests.ErrInvalidURL},
		{"B134 three slashes", "///x", "", requests.ErrInvalidURL},
		{"B135 TAB", "/a\tb", "", requests.ErrInvalidURL},
		{"B135 bad escape", "/a%zz", "http://a.test/a%25zz#top", nil},
		{"B135 space in host", "http://a b.test/", "", requests.ErrInvalidURL},
		{"B135 bad port", "http://a.test:x/", "", requests.ErrInvalidURL},
		{"B135 bracket", "http://[::1", "", requests.ErrInvalidURL},
		{"B136 port 99999", "http://a.test:99999/", "", requests.ErrInvalidURL},
		{"B137 UTF-8", "/caf\xc3\xa9", "http://a.test/caf%C3%A9#top", nil},
		{"B137 Latin-1", "/caf\xe9", "http://a.test/caf%E9#top", nil},
		{"B137 0xff in the query", "/?\xff=\xff", "http://a.test/?%FF=%FF#top", nil},
		{"B137 space", "/a b", "http://a.test/a%20b#top", nil},
		{"escapes", "/%7e%2f%e9", "http://a.test/~%2F%E9#top", nil},
		{"B138 backslashes", `\\evil.test\x`, "http://a.test/x/%5C%5Cevil.test%5Cx#top", nil},
		{"B138 slash and backslash", `/\evil.test`, "http://a.test/%5Cevil.test#top", nil},
		{"B139 too long", "/" + strings.Repeat("x", 1<<20), "", requests.ErrInvalidURL},
		{"A047", "//evil.test/..//a.test", "http://evil.test//a.test#top", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(redirectTo(tt.location), ok()))
			s.Mount("mock://", sent)
			r, err := s.Get(t.Context(), from)
			switch {
			case tt.wantErr != nil:
				if e, ok := errors.AsType[*requests.Error](err); !errors.Is(err, tt.wantErr) || !ok || e.Op != "redirect" {
					t.Errorf("Get = %v; want a redirect error that is %v", err, tt.wantErr)
				} else if len(err.Error()) > 1<<10+200 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
				if len(sent.sent) != 1 {
					t.Errorf("%d requests; want 1", len(sent.sent))
				}
			case err != nil:
				t.Errorf("Get = %v", err)
			case tt.want == "":
				if r.StatusCode != 302 || len(sent.sent) != 1 {
					t.Errorf("Get = %v after %d requests; want the redirect itself", r, len(sent.sent))
				}
			case r.URL.String() != tt.want:
				t.Errorf("Get led to %s; want %s", r.URL, tt.want)
			}
		})
	}
}

func TestRedirectStatuses(t *testing.T) {
	for _, tt := range []struct {
		status                        int
		follows, redirects, permanent bool
	}{
		{200, false, false, false}, {201, false, false, false}, {300, false, false, false}, {304, false, false, false}, // B141
		{305, false, false, false}, {306, false, false, false}, {404, false, false, false},
		{301, true, true, true}, {302, true, true, false}, {303, true, true, false}, {307, true, true, false}, {308, true, true, true},
	} {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			s, sent := scripted(t, replies(reply{status: tt.status, header: http.Header{"Location": {"/2"}}}, ok()))
			r := get(t, s, "http://a.test/", requests.AllowRedirects(false))
			if r.StatusCode != tt.status || r.IsRedirect() != tt.redirects || r.IsPermanentRedirect() != tt.permanent {
				t.Errorf("%v: IsRedirect %v, IsPermanentRedirect %v; want %v, %v", r, r.IsRedirect(), r.IsPermanentRedirect(), tt.redirects, tt.permanent)
			}
			sent.sent = nil
			if get(t, s, "http://a.test/"); (len(sent.sent) == 2) != tt.follows {
				t.Errorf("%d requests; want it followed: %v", len(sent.sent), tt.follows)
			}
		})
	}
	t.Run("B140", func(t *testing.T) { // two Locations: the first
		s, _ := scripted(t, replies(reply{status: 302, header: http.Header{"Location": {"/a", "/b"}}}, ok()))
		if r := get(t, s, "http://a.test/"); r.URL.Path != "/a" {
			t.Errorf("led to %s; want /a", r.URL)
		}
	})
	t.Run("HEAD", func(t *testing.T) {
		s, _ := scripted(t, replies(redirectTo("/2"), ok()))
		if r, err := s.Head(t.Context(), "http://a.test/"); err != nil || r.StatusCode != 302 {
			t.Errorf("Head = %v, %v; want 302", r, err)
		}
	})
}

// TestRedirectLimit ends loops. B130
func TestRedirectLimit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		session []requests.Option
		call    []requests.Option
		want    int // redirects followed
	}{
		{"B130 default", nil, nil, 30},
		{"session", []requests.Option{requests.MaxRedirects(2)}, nil, 2},
		{"call", []requests.Option{requests.MaxRedirects(2)}, []requests.Option{requests.MaxRedirects(3)}, 3},
		{"A011 none", []requests.Option{requests.MaxRedirects(0)}, nil, 0},
		{"negative", []requests.Option{requests.MaxRedirects(-1)}, nil, 0},
		{"negative of a call", []requests.Option{requests.MaxRedirects(2)}, []requests.Option{requests.MaxRedirects(-7)}, 0},
		{"stream", []requests.Option{requests.Stream(true)}, []requests.Option{requests.MaxRedirects(1)}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			loop := redirectTo("/")
			loop.body = "moved"
			s, sent := scripted(t, replies(loop), tt.session...)
			_, err := s.Get(t.Context(), "http://a.test/", tt.call...)
			e, ok := errors.AsType[*requests.RedirectError](err)
			if !ok || !errors.Is(err, requests.ErrTooManyRedirects) || len(sent.sent) != tt.want+1 {
				t.Fatalf("Get = %v after %d requests; want ErrTooManyRedirects after %d", err, len(sent.sent), tt.want+1)
			}
			if r := e.Response; r.StatusCode != 302 || len(r.History) != tt.want || r.Text() != "moved" {
				t.Errorf("Response %v, %d before it, %q; want 302, %d, moved", r, len(r.History), r.Text(), tt.want)
			}
			if want := fmt.Sprintf("Exceeded %d redirects.", tt.want); !strings.HasSuffix(err.Error(), want) {
				t.Errorf("error %q; want %q", err, want)
			}
			if next, err := e.Response.Next(); err != nil || next.URL.String() != "http://a.test/" {
				t.Errorf("Next = %v, %v", next, err)
			}
		})
	}
	t.Run("A011 off", func(t *testing.T) {
		s, sent := scripted(t, replies(redirectTo("/")), requests.AllowRedirects(false))
		if r := get(t, s, "http://a.test/"); r.StatusCode != 302 || len(sent.sent) != 1 {
			t.Errorf("Get = %v after %d requests; want 302 after 1", r, len(sent.sent))
		}
		if _, err := s.Get(t.Context(), "http://a.test/", requests.AllowRedirects(true)); !errors.Is(err, requests.ErrTooManyRedirects) {
			t.Errorf("Get with AllowRedirects(true) = %v; want ErrTooManyRedirects", err)
		}
	})
}

// TestHistory is in order and free of loops. A058
func TestHistory(t *testing.T) {
	step := func(status int, to string) reply {
		return reply{status: status, header: http.Header{"Location": {to}}, body: "at " + to}
	}
	s, _ := scripted(t, replies(step(301, "/1"), step(302, "https://b.test/2"), step(307, "/3"), ok()))
	r := get(t, s, "http://a.test/0")
	if got := fmt.Sprint(statuses(r.History)); got != "[301 302 307]" {
		t.Errorf("history %s", got)
	}
	for i, h := range r.History {
		if len(h.History) != i || i > 0 && h.History[i-1] != r.History[i-1] {
			t.Errorf("history %d has %d before it", i, len(h.History))
		}
		if want := "at " + h.Header.Get("Location"); h.Text() != want {
			t.Errorf("history %d reads %q; want %q", i, h.Text(), want)
		}
		if h.Request == r.Request || h.Request.URL != h.URL {
			t.Errorf("history %d has the request of another", i)
		}
		_ = append(h.History, r) // must not reach into the others
	}
	if r.History[1].StatusCode != 302 || r.History[2].StatusCode != 307 {
		t.Error("histories share their memory")
	}
}

// TestRedirectBodies are sent again byte by byte, or not at all. A035
func TestRedirectBodies(t *testing.T) {
	for _, status := range []int{307, 308} {
		to := reply{status: status, header: http.Header{"Location": {"/2"}}}
		for _, tt := range []struct {
			name string
			body func() requests.Option
			want string
		}{
			{"text", func() requests.Option { return requests.Text("b") }, "b"},
			{"form", func() requests.Option { return requests.Form{"k": "v"} }, "k=v"},
			{"seekable", func() requests.Option {
				r := strings.NewReader("0123456789")
				r.Seek(3, io.SeekStart)
				return requests.Reader(r)
			}, "3456789"},
		} {
			t.Run(fmt.Sprint(status, tt.name), func(t *testing.T) {
				s, sent := scripted(t, replies(to, ok()))
				if _, err := s.Post(t.Context(), "http://a.test/", tt.body()); err != nil {
					t.Fatal(err)
				}
				if a, b := sent.sent[0].body, sent.sent[1].body; a != tt.want || b != tt.want {
					t.Errorf("bodies %q, %q; want %q", a, b, tt.want)
				}
			})
		}
		t.Run(fmt.Sprint(status, "once"), func(t *testing.T) {
			s, sent := scripted(t, replies(to, ok()))
			_, err := s.Post(t.Context(), "http://a.test/", once("b"))
			if e, ok := errors.AsType[*requests.Error](err); !errors.Is(err, requests.ErrBodyNotReplayable) || !ok || e.Op != "redirect" {
				t.Errorf("Post = %v after %d requests; want a redirect error that is ErrBodyNotReplayable", err, len(sent.sent))
			}
		})
	}
	t.Run("dropped", func(t *testing.T) { // not needed again
		s, _ := scripted(t, replies(reply{status: 303, header: http.Header{"Location": {"/2"}}}, ok()))
		if r, err := s.Post(t.Context(), "http://a.test/", once("b")); err != nil || r.StatusCode != 200 {
			t.Errorf("Post = %v, %v", r, err)
		}
	})
}

// TestRedirectCookies are those of the URL that set them. A052, A053, B145
func TestRedirectCookies(t *testing.T) {
	set := func(to, cookie string) reply {
		r := redirectTo(to)
		r.header.Set("Set-Cookie", cookie)
		return r
	}
	t.Run("B145", func(t *testing.T) {
		s, sent := scripted(t, replies(set("/", "gate=1"), ok()))
		get(t, s, "http://a.test/", requests.Cookies{"own": "2"})
		if got := sent.sent[1].header.Get("Cookie"); !strings.Contains(got, "gate=1") || !strings.Contains(got, "own=2") {
			t.Errorf("Cookie %q; want gate and own", got)
		}
	})
	t.Run("A052", func(t *testing.T) {
		s, sent := scripted(t, replies(set("http://b.test/", "a=1"), redirectTo("http://a.test/"), ok()))
		get(t, s, "http://a.test/")
		if b, a := sent.sent[1].header.Get("Cookie"), sent.sent[2].header.Get("Cookie"); b != "" || a != "a=1" {
			t.Errorf("b.test got %q, a.test %q; want none and a=1", b, a)
		}
	})
	t.Run("given by hand", func(t *testing.T) {
		s, sent := scripted(t, replies(set("/", "a=1"), ok()))
		get(t, s, "http://a.test/", requests.Headers{"Cookie": "own=2"})
		if got := sent.sent[1].header.Get("Cookie"); got != "own=2" {
			t.Errorf("Cookie %q; want own=2", got)
		}
	})
}

// TestNext steps from redirect to redirect by hand.
func TestNext(t *testing.T) {
	t.Run("steps", func(t *testing.T) {
		seeOther := redirectTo("/3")
		seeOther.status = 303
		to := redirectTo("/2")
		to.status = 307
		to.header.Set("Set-Cookie", "c=1")
		s, sent := scripted(t, replies(to, seeOther, ok()), requests.AllowRedirects(false))
		r, err := s.Post(t.Context(), "http://a.test/1", requests.Text("b"), requests.BasicAuth("u", "p"))
		for range 2 {
			if err != nil {
				t.Fatal(err)
			}
			var p *requests.PreparedRequest
			if p, err = r.Next(); err == nil {
				r, err = s.Send(t.Context(), p)
			}
		}
		if err != nil || r.StatusCode != 200 {
			t.Fatalf("Send = %v, %v", r, err)
		}
		if got := sent.sent[1]; got.method != "POST" || got.body != "b" || got.header.Get("Cookie") != "c=1" || got.header.Get("Authorization") == "" {
			t.Errorf("first %+v; want POST with body, cookie and Authorization", got)
		}
		if got := sent.sent[2]; got.method != "GET" || got.url != "http://a.test/3" || got.body != "" || got.header.Get("Authorization") == "" {
			t.Errorf("second %+v; want GET /3", got)
		}
		if p, err := r.Next(); p != nil || err != nil {
			t.Errorf("Next of the last = %v, %v; want none", p, err)
		}
	})
	t.Run("scope", func(t *testing.T) { // what is dropped does not come back with Send, nor on the way back
		for _, c := range credentials() {
			s, sent := scripted(t, replies(redirectTo("http://b.test/"), redirectTo("http://a.test/"), ok()), c.session...)
			r := get(t, s, "http://a.test/", append(c.call, requests.AllowRedirects(false))...)
			p, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Send(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			for _, hop := range sent.sent[1:] {
				if c.carried(hop) {
					t.Errorf("%s went on to %s", c.name, hop.url)
				}
			}
		}
	})
	t.Run("cookies without a domain", func(t *testing.T) { // are for the host that the caller named
		s, sent := scripted(t, replies(redirectTo("http://b.test/"), redirectTo("http://b.test/2"), redirectTo("http://a.test/3"), ok()), requests.Cookies{"sid": secret})
		p, err := get(t, s, "http://a.test/", requests.AllowRedirects(false)).Next()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"sid=" + secret, "", "", "sid=" + secret} {
			if got := sent.sent[i].header.Get("Cookie"); got != want {
				t.Errorf("%s got Cookie %q; want %q", sent.sent[i].url, got, want)
			}
		}
	})
	t.Run("stream", func(t *testing.T) { // leaves the body alone
		to := redirectTo("/2")
		to.body = "moved"
		s, _ := scripted(t, replies(to, ok()), requests.AllowRedirects(false))
		r := get(t, s, "http://a.test/", requests.Stream(true))
		defer r.Close()
		p, err := r.Next()
		if err != nil || p.URL.Path != "/2" || r.Text() != "moved" {
			t.Errorf("Next = %v, %v; then the body is %q", p, err, r.Text())
		}
	})
	t.Run("bad", func(t *testing.T) {
		s, _ := scripted(t, replies(redirectTo("ftp://a.test/")), requests.AllowRedirects(false))
		if p, err := get(t, s, "http://a.test/").Next(); p != nil || !errors.Is(err, requests.ErrInvalidScheme) {
			t.Errorf("Next = %v, %v; want ErrInvalidScheme", p, err)
		}
	})
	t.Run("made by hand", func(t *testing.T) {
		if p, err := (&requests.Response{StatusCode: 302, Header: http.Header{"Location": {"/"}}}).Next(); p != nil || err != nil {
			t.Errorf("Next = %v, %v; want nothing", p, err)
		}
	})
}

// TestTotalSpansRedirects proves that a chain has one Total limit, also with an
// adapter that knows no more of it than its context says.
func TestTotalSpansRedirects(t *testing.T) {
	noEnvironment(t)
	synctest.Test(t, func(t *testing.T) {
		s := requests.NewSession(requests.Timeout{Total: time.Second})
		sent := &script{answer: func(int, *requests.PreparedRequest) reply {
			time.Sleep(400 * time.Millisecond)
			return redirectTo("/")
		}}
		s.Mount("http://", sent)
		_, err := s.Get(t.Context(), "http://a.test/")
		if !errors.Is(err, requests.ErrTotalTimeout) || len(sent.sent) != 3 {
			t.Errorf("Get = %v after %d requests; want ErrTotalTimeout after 3", err, len(sent.sent))
		}
	})
}

// TestFetchRedirects runs the rows of web-platform-tests.
func TestFetchRedirects(t *testing.T) {
	var rows struct {
		Method []struct {
			Desc, Method, Body string
			Status             int
			Want               string `json:"expected_method"`
			Stripped           bool   `json:"body_headers_stripped"`
		}
		Location []struct {
			Desc, Mode string
			Location   *string
			Status     int
			Pass       bool
		}
	}
	external.Read(t, "external/wpt-fetch/redirects.json", &rows)
	if len(rows.Method) == 0 || len(rows.Location) == 0 {
		t.Fatal("the suite is empty")
	}
	for _, tt := range rows.Method {
		t.Run(tt.Desc, func(t *testing.T) {
			s, sent := scripted(t, replies(reply{status: tt.Status, header: http.Header{"Location": {"/2"}}}, ok()))
			opts := []requests.Option{requests.AllowRedirects(true), requests.Headers{"Content-Language": "en"}}
			if tt.Body != "" {
				opts = append(opts, requests.Text(tt.Body))
			}
			if _, err := s.Do(t.Context(), tt.Method, "http://a.test/", opts...); err != nil {
				t.Fatal(err)
			}
			got := sent.sent[1]
			if got.method != tt.Want || tt.Stripped && (got.body != "" || got.header.Get("Content-Language") != "") || !tt.Stripped && got.body != tt.Body {
				t.Errorf("then came %+v; want %s, stripped %v", got, tt.Want, tt.Stripped)
			}
		})
	}
	for _, tt := range rows.Location {
		t.Run(tt.Desc, func(t *testing.T) {
			header := http.Header{}
			if tt.Location != nil {
				header.Set("Location", *tt.Location)
			}
			s, _ := scripted(t, replies(reply{status: tt.Status, header: header}))
			r, err := s.Get(t.Context(), "http://a.test/", requests.AllowRedirects(tt.Mode == "follow"))
			if (err == nil) != tt.Pass || err == nil && r.StatusCode != tt.Status {
				t.Errorf("Get = %v, %v; want it to pass: %v", r, err, tt.Pass)
			}
		})
	}
}

package requests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// pageServer answers with the Link field that next gives for a request, and
// keeps what it was asked.
func pageServer(t *testing.T, next func(r *http.Request) string, opts ...Option) (s *Session, asked func() []*http.Request) {
	var seen []*http.Request
	s = NewSession(opts...)
	t.Cleanup(func() { s.Close() })
	s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r)
		if link := next(r); link != "" {
			w.Header().Set("Link", link)
		}
		io.WriteString(w, r.URL.String())
	})))
	return s, func() []*http.Request { return seen }
}

func TestPages(t *testing.T) {
	s, asked := pageServer(t, func(r *http.Request) string {
		switch r.URL.Query().Get("page") {
		case "":
			return `<?page=2&per=10>; rel="next", <?page=3>; rel=last`
		case "2":
			return `<http://a.test/list?page=3>; rel="next"`
		}
		return `<?page=2>; rel=prev`
	}, BasicAuth("user", "pass"), Params{"key": "v"})
	s.Cookies.Set("c", "1", CookieDomain("a.test"))
	var got []string
	for r, err := range s.Pages(t.Context(), "http://a.test/list", Params{"per": 10}, Headers{"X-Own": "x"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.URL.String())
	}
	want := []string{"http://a.test/list?key=v&per=10", "http://a.test/list?page=2&per=10", "http://a.test/list?page=3"}
	if !slices.Equal(got, want) {
		t.Errorf("Pages gives %q; want %q", got, want)
	}
	for _, r := range asked() {
		if user, _, ok := r.BasicAuth(); !ok || user != "user" || r.Header.Get("X-Own") != "x" || r.Header.Get("Cookie") != "c=1" {
			t.Errorf("%s was asked for with %v; want what the first was", r.URL, r.Header)
		}
	}
}

// A next page of another origin gets nothing that is bound to the first one,
// and neither does one that leads back from there.
func TestPagesOfAnotherOrigin(t *testing.T) {
	s, asked := pageServer(t, func(r *http.Request) string {
		switch r.URL.Path {
		case "/1":
			return "<http://b.test/2>; rel=next"
		case "/2":
			return "<http://a.test/3>; rel=next"
		}
		return ""
	}, BasicAuth("user", "pass"))
	s.Cookies.Set("c", "1", CookieDomain("a.test"))
	s.Cookies.Set("everywhere", "1")
	for _, err := range s.Pages(t.Context(), "http://a.test/1", Headers{"X-Api-Key": "k", "X-Plain": "p"}, Cookies{"own": "1"}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := asked()
	if len(seen) != 3 {
		t.Fatalf("%d pages were asked for; want 3", len(seen))
	}
	if h := seen[1].Header; h.Get("Authorization") != "" || h.Get("X-Api-Key") != "" || h.Get("Cookie") != "" || h.Get("X-Plain") != "p" {
		t.Errorf("the other origin was asked with %v", h)
	}
	if h := seen[2].Header; h.Get("Authorization") != "" || h.Get("X-Api-Key") != "" || strings.Contains(h.Get("Cookie"), "own") {
		t.Errorf("back at the first origin it was asked with %v; what was dropped stays dropped", h)
	}
}

func TestPagesEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		next  func(*http.Request) string
		pages int
		err   error
	}{
		{"itself", func(*http.Request) string { return "</list#more>; rel=next" }, 1, ErrProtocol},
		{"in a circle", func(r *http.Request) string {
			return map[string]string{"/list": "</2>; rel=next", "/2": "</3>; rel=next", "/3": "</2>; rel=next"}[r.URL.Path]
		}, 3, ErrProtocol},
		{"no URL", func(*http.Request) string { return "<http://[::1>; rel=next" }, 1, ErrInvalidURL},
		{"file", func(*http.Request) string { return "<file:///etc/passwd>; rel=next" }, 1, ErrInvalidScheme},
		{"of something else", func(*http.Request) string { return "</2>; rel=next; anchor=\"/other\"" }, 1, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := pageServer(t, tt.next)
			pages := 0
			var last error
			for r, err := range s.Pages(t.Context(), "http://a.test/list") {
				if last = err; err == nil && r.OK() {
					pages++
				}
			}
			if pages != tt.pages || !errors.Is(last, tt.err) {
				t.Errorf("%d pages, error %v; want %d, %v", pages, last, tt.pages, tt.err)
			}
		})
	}
}

func TestPagesStop(t *testing.T) {
	s, asked := pageServer(t, func(r *http.Request) string { return fmt.Sprintf("<%sx>; rel=next", r.URL.Path) })
	n := 0
	for r, err := range s.Pages(t.Context(), "http://a.test/x", Stream(true)) {
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if n++; n == 3 {
			break
		}
	}
	if len(asked()) != 3 {
		t.Errorf("%d pages were asked for; want 3", len(asked()))
	}
	for r, err := range s.Pages(t.Context(), "nowhere") {
		if r != nil || !errors.Is(err, ErrMissingScheme) {
			t.Errorf("Pages of no URL gives %v, %v; want %v", r, err, ErrMissingScheme)
		}
	}
}

// TestPagesOptions holds each page, not the first alone, to the options of the call.
func TestPagesOptions(t *testing.T) {
	three := func(r *http.Request) string {
		return map[string]string{"/1": "</2>; rel=next", "/2": "</3>; rel=next"}[r.URL.Path]
	}
	t.Run("hooks", func(t *testing.T) {
		s, _ := pageServer(t, three)
		var sent, came []string
		for r, err := range s.Pages(t.Context(), "http://a.test/1", OnRequest(func(_ context.Context, p *PreparedRequest) error {
			sent = append(sent, p.URL.Path)
			return nil
		}), OnResponse(func(_ context.Context, r *Response) (*Response, error) {
			came = append(came, r.URL.Path)
			return nil, nil
		})) {
			if err != nil {
				t.Fatal(r, err)
			}
		}
		want := []string{"/1", "/2", "/3"}
		if !slices.Equal(sent, want) || !slices.Equal(came, want) {
			t.Errorf("the hooks saw %q and %q; want %q", sent, came, want)
		}
	})
	for _, tt := range []struct {
		name  string
		opts  []Option
		pages int
		err   error
	}{
		{"RaiseForStatus", []Option{RaiseForStatus(true)}, 1, new(HTTPError)},
		{"without it", nil, 3, nil},
		{"MaxBody", []Option{MaxBody(20)}, 1, ErrBodyTooLarge},
		{"Timeout", []Option{Timeout{Read: time.Second}}, 2, ErrReadTimeout},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			s, _ := pageServer(t, three)
			s.Mount("http://", Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Link", three(r))
				switch r.URL.Path {
				case "/2":
					w.WriteHeader(http.StatusTeapot)
					io.WriteString(w, strings.Repeat("x", 100))
				case "/3":
					select {
					case <-time.After(5 * time.Second):
					case <-r.Context().Done():
					}
				}
			})))
			pages := 0
			var last error
			for _, err := range s.Pages(t.Context(), "http://a.test/1", tt.opts...) {
				if last = err; err == nil {
					pages++
				}
			}
			_, isStatus := tt.err.(*HTTPError)
			_, gotStatus := last.(*HTTPError)
			if pages != tt.pages || isStatus != gotStatus || !isStatus && !errors.Is(last, tt.err) {
				t.Errorf("%d pages, error %v; want %d, %v", pages, last, tt.pages, tt.err)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	link := func(url, ref, rel string, params map[string]string) Link {
		if params == nil {
			params = map[string]string{}
		}
		return Link{URL: url, Ref: ref, Rel: rel, Params: params}
	}
	for _, tt := range []struct {
		name   string
		fields []string
		want   map[string]Link
	}{
		{name: "none", want: map[string]Link{}},
		{
			name:   "absolute and relative",
			fields: []string{`<https://b.test/x?p=1;q>; rel="next"`, `</y>; rel=prev, <z#a>; rel=last`},
			want: map[string]Link{
				"next": link("https://b.test/x?p=1;q", "https://b.test/x?p=1;q", "next", nil),
				"prev": link("http://a.test/y", "/y", "prev", nil),
				"last": link("http://a.test/dir/z#a", "z#a", "last", nil),
			},
		},
		{
			name:   "several relations, and parameters",
			fields: []string{`</y>; rel="Next prefetch"; title="plain"; title*=UTF-8''caf%C3%A9; hreflang=de; hreflang=en`},
			want: map[string]Link{
				"next":     link("http://a.test/y", "/y", "Next prefetch", map[string]string{"title": "caf\u00e9", "hreflang": "de"}),
				"prefetch": link("http://a.test/y", "/y", "Next prefetch", map[string]string{"title": "caf\u00e9", "hreflang": "de"}),
			},
		},
		{name: "no relation", fields: []string{"</y>"}, want: map[string]Link{"/y": link("http://a.test/y", "/y", "", nil)}},
		{name: "the last of several", fields: []string{"</y>; rel=next, </z>; rel=next"}, want: map[string]Link{"next": link("http://a.test/z", "/z", "next", nil)}},
		{name: "from elsewhere", fields: []string{`</y>; rel=next; anchor="/other", </z>; rel=prev; anchor="page", </w>; rel=last; anchor="#top"`}, want: map[string]Link{"prev": link("http://a.test/z", "/z", "prev", nil)}},
		{name: "userinfo", fields: []string{"<http://user:pass@b.test/>; rel=next"}, want: map[string]Link{"next": link("http://b.test/", "http://user:pass@b.test/", "next", nil)}},
		{name: "no URL", fields: []string{"<http://[::1>; rel=next"}, want: map[string]Link{"next": link("", "http://[::1", "next", nil)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := unread(strings.NewReader(""), "", 0)
			r.URL.Path, r.URL.Fragment = "/dir/page", "top"
			r.Header = http.Header{"Link": tt.fields}
			if got := r.Links(); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Links() of %q = %+v; want %+v", tt.fields, got, tt.want)
			}
		})
	}
}

func TestTrailer(t *testing.T) {
	s := pipes{serve: raw(chunked + "5\r\nhello\r\n0\r\nChecksum: abc\r\n\r\n")}.session(t, Stream(true))
	r, err := s.Get(t.Context(), "http://a.test/")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Trailer()) != 0 {
		t.Errorf("Trailer() before the body = %v; want none", r.Trailer())
	}
	if r.Text() != "hello" || r.Trailer().Get("Checksum") != "abc" {
		t.Errorf("the text is %q, Trailer() = %v; want hello and a Checksum", r.Text(), r.Trailer())
	}
	if (&Response{}).Trailer() != nil {
		t.Error("a Response made by hand has a Trailer")
	}
}

func TestResponseCookies(t *testing.T) {
	s := pipes{serve: raw(ok + "Set-Cookie: a=1; Path=/x\r\nSet-Cookie: b=2; Max-Age=0\r\nSet-Cookie: c=3; Domain=other.test\r\nContent-Length: 0\r\n\r\n")}.session(t)
	r, err := s.Get(t.Context(), "http://a.test/x/y")
	if err != nil {
		t.Fatal(err)
	}
	got := r.Cookies()
	if len(got) != 1 || got[0].Name != "a" || got[0].Value != "1" || got[0].Path != "/x" || got[0].Domain != "a.test" {
		t.Errorf("Cookies() = %v; want a alone", got)
	}
}

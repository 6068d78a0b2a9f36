package requests

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

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

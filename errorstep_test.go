package requests_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-requests/requests"
)

// TestErrorOnce leaves by each door, and wants one Error with the step around
// what is no Error itself.
func TestErrorOnce(t *testing.T) {
	boom := errors.New("boom")
	fails := requests.OnRequest(func(_ context.Context, p *requests.PreparedRequest) error { p.Method = ""; return nil })
	stream := func(s *requests.Session) *requests.Response {
		return get(t, s, "http://a.test/", requests.Stream(true))
	}
	read := func(s *requests.Session) *requests.Response { return get(t, s, "http://a.test/") }
	second := func(_ any, err error) error { return err }
	for _, tt := range []struct {
		name, op string
		reply    reply
		leave    func(s *requests.Session) error
	}{
		{"Get", "prepare", ok(), func(s *requests.Session) error { return second(s.Get(t.Context(), "a.test")) }},
		{"option", "prepare", ok(), func(s *requests.Session) error {
			return second(s.Get(t.Context(), "http://a.test", requests.MaxBody(-1)))
		}},
		{"nil context", "prepare", ok(), func(s *requests.Session) error {
			//lint:ignore SA1012 that is what is tested
			return second(s.Get(nil, "http://a.test"))
		}},
		{"Prepare", "prepare", ok(), func(s *requests.Session) error {
			return second(s.Prepare(t.Context(), requests.NewRequest("GET", "a.test")))
		}},
		{"Prepare(nil)", "prepare", ok(), func(s *requests.Session) error { return second(s.Prepare(t.Context(), nil)) }},
		{"Request.Prepare", "prepare", ok(), func(*requests.Session) error {
			return second(requests.NewRequest("GET", "a.test").Prepare(t.Context()))
		}},
		{"Send(nil)", "prepare", ok(), func(s *requests.Session) error { return second(s.Send(t.Context(), nil)) }},
		{"Send", "prepare", ok(), func(s *requests.Session) error { return second(s.Send(t.Context(), &requests.PreparedRequest{})) }},
		{"Adapter", "prepare", ok(), func(s *requests.Session) error { return second(s.Adapter("ftp://a.test")) }},
		{"hook", "prepare", ok(), func(s *requests.Session) error { return second(s.Get(t.Context(), "http://a.test", fails)) }},
		{"no mount", "send", ok(), func(s *requests.Session) error { return second(s.Get(t.Context(), "ftp://a.test")) }},
		{"proxy", "send", ok(), func(s *requests.Session) error {
			return second(s.Get(t.Context(), "http://a.test", requests.Proxies{"all": "ftp://p.test"}))
		}},
		{"redirect", "redirect", redirectTo("http://a.test:x/"), func(s *requests.Session) error { return second(s.Get(t.Context(), "http://a.test")) }},
		{"redirects", "redirect", redirectTo("/"), func(s *requests.Session) error { return second(s.Get(t.Context(), "http://a.test")) }},
		{"Next", "redirect", redirectTo("http://a.test:x/"), func(s *requests.Session) error {
			return second(get(t, s, "http://a.test", requests.AllowRedirects(false)).Next())
		}},
		{"too large", "read", ok(), func(s *requests.Session) error {
			return second(s.Get(t.Context(), "http://a.test", requests.MaxBody(1)))
		}},
		{"JSON", "read", ok(), func(s *requests.Session) error { return read(s).JSON(new(int)) }},
		{"Raw", "read", reply{status: 200, body: "x", header: http.Header{"Content-Encoding": {"gzip"}}}, func(s *requests.Session) error {
			r := stream(s)
			r.Content()
			return second(r.Raw())
		}},
		{"consumed", "read", ok(), func(s *requests.Session) error {
			r := stream(s)
			if err := second(r.WriteTo(new(strings.Builder))); err != nil {
				return err
			}
			return second(r.WriteTo(new(strings.Builder)))
		}},
		{"closed", "read", ok(), func(s *requests.Session) error {
			r := stream(s)
			r.Close()
			return second(r.Body.Read(make([]byte, 1)))
		}},
		{"decoding", "read", reply{status: 200, body: "x", header: http.Header{"Content-Encoding": {"gzip"}}}, func(s *requests.Session) error {
			return second(s.Get(t.Context(), "http://a.test"))
		}},
		{"SaveFile", "read", ok(), func(s *requests.Session) error {
			return second(read(s).SaveFile(filepath.Join(t.TempDir(), "no", "such", "folder")))
		}},
		{"IterSplit", "read", ok(), func(s *requests.Session) (err error) {
			for _, err = range read(s).IterSplit("") {
			}
			return err
		}},
		{"Download", "prepare", ok(), func(s *requests.Session) error {
			return second(s.Download(t.Context(), "a.test", filepath.Join(t.TempDir(), "f")))
		}},
		{"Pages", "prepare", reply{status: 200, header: http.Header{"Link": {`<http://a.test:x/>; rel="next"`}}}, func(s *requests.Session) (err error) {
			for _, err = range s.Pages(t.Context(), "http://a.test") {
			}
			return err
		}},
		{"Events", "read", ok(), func(s *requests.Session) (err error) {
			for _, err = range s.Events(t.Context(), "http://a.test") {
			}
			return err
		}},
		{"AuthFunc", "prepare", ok(), func(s *requests.Session) error {
			return second(s.Get(t.Context(), "http://a.test", requests.AuthFunc(func(context.Context, *requests.PreparedRequest) error { return boom })))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := scripted(t, replies(tt.reply))
			err := tt.leave(s)
			e, ok := err.(*requests.Error)
			if !ok || e.Op != tt.op {
				t.Fatalf("error %#v; want an *Error of %q", err, tt.op)
			}
			if inner, ok := errors.AsType[*requests.Error](e.Err); ok {
				t.Errorf("%v has the Error %v in it", err, inner)
			}
			if !errors.Is(err, requests.ErrRequest) {
				t.Errorf("%v is not ErrRequest", err)
			}
			if strings.Count(err.Error(), "requests: ") != 1 {
				t.Errorf("the error says %s", err)
			}
		})
	}
	t.Run("what hooks give", func(t *testing.T) {
		for name, opt := range map[string]requests.Option{
			"OnRequest":  requests.OnRequest(func(context.Context, *requests.PreparedRequest) error { return boom }),
			"OnResponse": requests.OnResponse(func(context.Context, *requests.Response) (*requests.Response, error) { return nil, boom }),
			"OnRedirect": requests.OnRedirect(func(context.Context, *requests.Response, *requests.PreparedRequest) error { return boom }),
		} {
			s, _ := scripted(t, replies(redirectTo("/2"), ok()))
			if _, err := s.Get(t.Context(), "http://a.test", opt); err != boom {
				t.Errorf("%s: error %#v; want it as it is", name, err)
			}
			s, _ = scripted(t, replies(redirectTo("/2"), ok()))
			if _, err := s.Download(t.Context(), "http://a.test", filepath.Join(t.TempDir(), "f"), opt); err != boom {
				t.Errorf("%s, Download: error %#v; want it as it is", name, err)
			}
		}
	})
	t.Run("attempts", func(t *testing.T) {
		var seen []error
		note := func(a requests.Attempt) bool { seen = append(seen, a.Err); return true }
		s := requests.NewSession(requests.TrustEnv(false))
		defer s.Close()
		s.Mount("http://", requests.RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) { return nil, boom })))
		_, err := s.Get(t.Context(), "http://a.test/?token=s3cr3t", requests.Retry{Total: 1, If: note},
			requests.OnRetry(func(_ context.Context, a requests.Attempt) error { note(a); return nil }))
		all, ok := errors.AsType[*requests.RetryError](err)
		if !ok || len(seen) != 3 {
			t.Fatalf("Get = %v, seen %v", err, seen)
		}
		for _, a := range all.Attempts {
			seen = append(seen, a.Err)
		}
		for _, err := range seen {
			if e, ok := err.(*requests.Error); !ok || e.Op != "send" || e.URL != "http://a.test/?token=***" {
				t.Errorf("the error of an attempt is %#v; want an *Error", err)
			}
		}
		if want := "requests: send http://a.test/?token=***: retries exhausted after 2 attempts: adapter failed: boom"; err.Error() != want {
			t.Errorf("Get = %v; want %s", err, want)
		}
	})
	t.Run("beneath", func(t *testing.T) {
		s, _ := scripted(t, replies(ok()))
		if _, err := read(s).SaveFile(filepath.Join(t.TempDir(), "no", "f")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("SaveFile = %v", err)
		}
	})
}

// TestErrRequest holds all that is an error of the package to its root, beside
// what TestErrorOnce has.
func TestErrRequest(t *testing.T) {
	second := func(_ any, err error) error { return err }
	var jar requests.CookieJar
	for _, cookie := range []string{"a.test", "b.test"} {
		if err := jar.Set("two", "1", requests.CookieDomain(cookie)); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(t.TempDir(), "no", "file")
	s, _ := scripted(t, replies(reply{status: 404}))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"HTTPError":           get(t, s, "http://a.test").RaiseForStatus(),
		"RaiseForStatus":      second(s.Get(t.Context(), "http://a.test", requests.RaiseForStatus(true))),
		"As":                  second(requests.As[int](s.Get(t.Context(), "http://a.test"))),
		"canceled":            second(s.Get(canceled, "http://a.test")),
		"RetryError":          &requests.RetryError{Attempts: []requests.Attempt{{Err: context.Canceled}}},
		"RedirectError":       &requests.RedirectError{Response: new(requests.Response)},
		"ProxyError":          &requests.ProxyError{},
		"CookieFileError":     &requests.CookieFileError{},
		"no cookie":           second(jar.Get("none")),
		"two cookies":         second(jar.Get("two")),
		"bad cookie":          jar.Set("a b", ""),
		"load of nothing":     jar.Load(nil),
		"load that fails":     jar.Load(iotest.ErrReader(errors.New("boom"))),
		"load of a bad line":  jar.Load(strings.NewReader("x\n")),
		"load of bad lines":   jar.Load(strings.NewReader("x\ny\n")),
		"load of bad JSON":    jar.Load(strings.NewReader("{")),
		"no file":             jar.LoadFile(missing),
		"no folder":           jar.SaveFile(missing),
		"save to nothing":     jar.Save(nil),
		"save that fails":     jar.Save(closedWriter{}),
		"unknown file format": jar.Save(new(strings.Builder), requests.CookieFormat(9)),
		"SetBody":             new(requests.PreparedRequest).SetBody(requests.JSON(func() {})),
	} {
		if err == nil || !errors.Is(err, requests.ErrRequest) {
			t.Errorf("%s: %v is not ErrRequest", name, err)
		}
	}
	if errors.Is(context.Canceled, requests.ErrRequest) || errors.Is(requests.ErrRequest, requests.ErrTimeout) {
		t.Error("ErrRequest is too wide")
	}
	if err := second(s.Get(canceled, "http://a.test")); !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v; want context.Canceled", err)
	}
	if err := jar.LoadFile(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("LoadFile = %v; want os.ErrNotExist", err)
	}
	if _, err := jar.Get("none"); !errors.Is(err, http.ErrNoCookie) || err.Error() != `http: named cookie not present: "none"` {
		t.Errorf("Get = %v; want http.ErrNoCookie", err)
	}
}

// closedWriter takes nothing.
type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

package requests_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// functions are those of the package that take something which can be nil, by
// their names in testdata/api.txt.
var functions = map[string]any{
	"As": requests.As[any], "AuthFunc": requests.AuthFunc, "Bytes": requests.Bytes, "Delete": requests.Delete, "Do": requests.Do, "Many": requests.Many, "URLs": requests.URLs,
	"Download": requests.Download, "Get": requests.Get, "Handler": requests.Handler, "Head": requests.Head, "IterJSON": requests.IterJSON[any],
	"From": requests.From[requests.Params, url.Values],
	"JSON": requests.JSON, "NewAuth": requests.NewAuth, "NewRequest": requests.NewRequest, "NewResponse": requests.NewResponse,
	"NewSession": requests.NewSession, "Options": requests.Options, "Patch": requests.Patch, "Post": requests.Post, "Put": requests.Put,
	"PublicOnly": requests.PublicOnly, "Reader": requests.Reader, "Writer": requests.Writer, "RoundTripper": requests.RoundTripper,
}

// receivers have the methods, and are as empty as they can be.
var receivers = map[string]func() any{
	"nil Session":          func() any { return (*requests.Session)(nil) },
	"zero Session":         func() any { return new(requests.Session) },
	"Session":              func() any { return requests.NewSession() },
	"zero CookieJar":       func() any { return new(requests.CookieJar) },
	"zero PreparedRequest": func() any { return new(requests.PreparedRequest) },
	"zero Request":         func() any { return new(requests.Request) },
	"zero Response":        func() any { return new(requests.Response) },
	"Response":             func() any { return requests.NewResponse(200, nil, strings.NewReader("{}")) },
	"redirect": func() any {
		return requests.NewResponse(302, http.Header{"Location": {"/a"}, "Link": {"<b>; rel=next"}, "Set-Cookie": {"a=b"}}, nil)
	},
	"zero HTTPAdapter":     func() any { return new(requests.HTTPAdapter) },
	"zero Error":           func() any { return &requests.Error{Err: io.EOF} },
	"zero HTTPError":       func() any { return &requests.HTTPError{} },
	"zero RedirectError":   func() any { return &requests.RedirectError{} },
	"zero RetryError":      func() any { return new(requests.RetryError) },
	"zero ProxyError":      func() any { return new(requests.ProxyError) },
	"zero CookieFileError": func() any { return new(requests.CookieFileError) },
	"zero Cookie":          func() any { return new(requests.Cookie) },
	"zero Auth":            func() any { return new(requests.Auth) },
	"zero Attempt":         func() any { return new(requests.Attempt) },
	"zero BaseURL":         func() any { return new(requests.BaseURL) },
	"zero Cookies":         func() any { return new(requests.Cookies) },
	"zero File":            func() any { return new(requests.File) },
	"zero Form":            func() any { return new(requests.Form) },
	"zero Headers":         func() any { return new(requests.Headers) },
	"zero Params":          func() any { return new(requests.Params) },
	"zero PathParams":      func() any { return new(requests.PathParams) },
	"zero Proxies":         func() any { return new(requests.Proxies) },
	"zero RawQuery":        func() any { return new(requests.RawQuery) },
	"zero Result":          func() any { return new(requests.Result) },
	"zero SendOptions":     func() any { return new(requests.SendOptions) },
}

// nil, whatever it is given for, is no reason to panic, and neither is a value
// that is empty or was made by hand.
func TestNil(t *testing.T) {
	t.Chdir(t.TempDir())
	tried := make(map[string]bool)
	for name, f := range functions {
		tried["func "+name] = true
		callWithNil(t, name, reflect.ValueOf(f))
	}
	for name, receiver := range receivers {
		kind := reflect.TypeOf(receiver())
		for i := range kind.NumMethod() {
			method := kind.Method(i).Name
			tried["method (*"+kind.Elem().Name()+") "+method] = true
			tried["method ("+kind.Elem().Name()+") "+method] = true
			if method == "Format" { // called by package fmt alone
				continue
			}
			callWithNil(t, name+"."+method, reflect.ValueOf(receiver()).Method(i))
		}
	}
	data, err := os.ReadFile(filepath.Join(root, "testdata", "api.txt"))
	require.NoError(t, err)
	signature := regexp.MustCompile(`^(func|method \(\*?\w+\)) (\w+)(\[.*?\])?\((.*?)\)`)
	for line := range strings.Lines(string(data)) {
		m := signature.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := m[1] + " " + m[2]
		if strings.ContainsAny(m[4], "*.[") || strings.Contains(m[4], "any") || m[1] != "func" {
			require.True(t, tried[name], "%s has no row", name)
		}
	}
}

// root is the folder of the package, from which TestNil goes away.
var root, _ = os.Getwd()

// callWithNil calls f with nil for all that can be nil, and ranges over what it returns.
func callWithNil(t *testing.T, name string, f reflect.Value) {
	kind := f.Type()
	last := kind.NumIn() - 1
	for _, variadic := range []bool{false, true} {
		if variadic && !kind.IsVariadic() {
			continue
		}
		for _, background := range []bool{false, true} {
			var args []reflect.Value
			for i := range kind.NumIn() {
				in := kind.In(i)
				switch {
				case i == last && kind.IsVariadic() && variadic:
					args = append(args, reflect.Zero(in.Elem()))
				case i == last && kind.IsVariadic():
				case background && in == reflect.TypeFor[context.Context]():
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					args = append(args, reflect.ValueOf(ctx))
				case in.Kind() == reflect.String:
					args = append(args, reflect.ValueOf("http://127.0.0.1:1/").Convert(in))
				default:
					args = append(args, reflect.Zero(in))
				}
			}
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%s%v panics: %v\n%.900s", name, args, p, afterPanic(debug.Stack()))
					}
				}()
				for _, result := range f.Call(args) {
					consume(result)
				}
			}()
		}
	}
}

// afterPanic is the part of a stack that led to a panic.
func afterPanic(stack []byte) []byte {
	_, after, _ := bytes.Cut(stack, []byte("\npanic("))
	return after
}

// consume ranges over an iterator and prints anything else.
func consume(v reflect.Value) {
	if kind := v.Type(); kind.Kind() == reflect.Func && kind.CanSeq2() {
		n := 0
		for range v.Seq2() {
			if n++; n == 3 {
				return
			}
		}
		return
	} else if kind.Kind() == reflect.Func && kind.CanSeq() {
		for range v.Seq() {
			return
		}
	}
}

// What is given as nil is named by an error, or does nothing.
func TestNilIsAnError(t *testing.T) {
	var jar requests.CookieJar
	for name, err := range map[string]error{
		"As":           second(requests.As[any](nil, nil)),
		"IterJSON":     firstError(requests.IterJSON[any](nil)),
		"Jar.Load":     jar.Load(nil),
		"Jar.Save":     jar.Save(nil),
		"WriteTo":      second(requests.NewResponse(200, nil, strings.NewReader("text")).WriteTo(nil)),
		"literal body": second(requests.Post(t.Context(), "http://127.0.0.1:1/", requests.Reader(nil))),
	} {
		t.Run(name, func(t *testing.T) { require.ErrorIs(t, err, requests.ErrInvalidOption) })
	}
	require.NoError(t, jar.Set("a", "b", nil, requests.CookieDomain("a.test"), nil))
	jar.Update(nil)
	require.Equal(t, 1, jar.Len())
	got, err := jar.Get("a", nil)
	require.NoError(t, err)
	require.Equal(t, "a.test", got.Domain)
	require.NoError(t, jar.Save(io.Discard, nil))
	require.Equal(t, 0, jar.Delete("a", nil, requests.CookieDomain("b.test")))
	require.Equal(t, 1, jar.Clear(nil))

	r := &requests.Response{Header: http.Header{"Link": {"</b>; rel=next, <http://c.test/>; rel=c"}, "Set-Cookie": {"a=b; Path=/"}}}
	require.Equal(t, "/b", r.Links()["next"].Ref)
	require.Equal(t, "", r.Links()["next"].URL, "there is nothing to resolve it against")
	require.Equal(t, "http://c.test/", r.Links()["c"].URL)
	require.Empty(t, r.Cookies(), "no host they are of")
}

func second[T any](_ T, err error) error { return err }

func firstError[T any](seq func(func(T, error) bool)) error {
	for _, err := range seq {
		return err
	}
	return nil
}

// TestNilHooks gives nil as a hook in each way: it cannot be called, and to leave
// it out without a word would hide a mistake. OnProgress(nil) has a meaning.
func TestNilHooks(t *testing.T) {
	for name, h := range map[string]requests.Hooks{
		"OnRequest":       {Request: []requests.OnRequest{nil}},
		"OnResponse":      {Response: []requests.OnResponse{nil}},
		"OnRedirect":      {Redirect: []requests.OnRedirect{nil}},
		"OnRetry":         {Retry: []requests.OnRetry{nil}},
		"OnInformational": {Informational: []requests.OnInformational{nil}},
	} {
		alone := map[string]requests.Option{
			"OnRequest": requests.OnRequest(nil), "OnResponse": requests.OnResponse(nil), "OnRedirect": requests.OnRedirect(nil),
			"OnRetry": requests.OnRetry(nil), "OnInformational": requests.OnInformational(nil),
		}[name]
		field, _ := scripted(t, replies(ok()))
		field.Hooks = h
		literal := &requests.Session{Hooks: h}
		s, sent := scripted(t, replies(ok()))
		for way, do := range map[string]func() error{
			"call":       func() error { _, err := s.Get(t.Context(), "http://a.test/", alone); return err },
			"Hooks":      func() error { _, err := s.Get(t.Context(), "http://a.test/", h); return err },
			"NewSession": func() error { _, err := requests.NewSession(alone).Get(t.Context(), "http://a.test/"); return err },
			"With":       func() error { _, err := s.With(alone).Get(t.Context(), "http://a.test/"); return err },
			"field":      func() error { _, err := field.Get(t.Context(), "http://a.test/"); return err },
			"literal":    func() error { _, err := literal.Get(t.Context(), "http://a.test/"); return err },
			"Prepare": func() error {
				_, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://a.test/", alone))
				return err
			},
			"request": func() error {
				_, err := requests.NewRequest("GET", "http://a.test/", alone).Prepare(t.Context())
				return err
			},
		} {
			err := do()
			require.ErrorIs(t, err, requests.ErrInvalidOption, name+"/"+way)
			require.ErrorContains(t, err, name+" is nil")
		}
		require.Empty(t, sent.sent)
	}
	told := 0
	tell := requests.OnProgress(func(_, _ int64) { told++ })
	s := requests.NewSession(tell, requests.TrustEnv(false))
	defer s.Close()
	for _, opt := range []requests.Option{requests.OnProgress(nil), requests.Hooks{Progress: []requests.OnProgress{tell, nil}}} {
		_, err := s.Get(t.Context(), httpbin+"/bytes/10", opt)
		require.NoError(t, err)
		_, err = s.With(opt).Get(t.Context(), httpbin+"/bytes/10")
		require.NoError(t, err)
	}
	require.Zero(t, told)
	_, err := s.With(requests.OnProgress(nil), tell).Get(t.Context(), httpbin+"/bytes/10")
	require.NoError(t, err)
	require.NotZero(t, told)
}

// TestNilPointersToOptions: the pointer to an option has its methods, and nil has none to call.
func TestNilPointersToOptions(t *testing.T) {
	s := requests.NewSession()
	s.Mount("http://", requests.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	for _, o := range []requests.Option{(*requests.Params)(nil), (*requests.MaxBody)(nil), new(requests.Hooks), (*requests.Overwrite)(nil), (*requests.Concurrency)(nil)} {
		_, err := s.Get(t.Context(), "http://a.test/", o)
		require.ErrorIs(t, err, requests.ErrInvalidOption)
		require.ErrorContains(t, err, "is a pointer to an option, not an option")
	}
	path := filepath.Join(t.TempDir(), "f")
	_, err := requests.NewResponse(200, nil, strings.NewReader("x")).SaveFile(path, (*requests.Overwrite)(nil), (*requests.Checksum)(nil))
	require.NoError(t, err)
	_, err = s.Download(t.Context(), "http://a.test/", path, (*requests.Overwrite)(nil))
	require.NoError(t, err)
	var jar requests.CookieJar
	require.NoError(t, jar.Set("a", "b", (*requests.CookiePath)(nil)))
	require.Len(t, jar.Map((*requests.CookieDomain)(nil)), 1)
	require.NoError(t, jar.Save(new(bytes.Buffer), (*requests.SessionCookies)(nil)))
}

// TestZeroOptions: a zero value says nothing where it is no value of its own.
func TestZeroOptions(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []requests.Option
		body string
		kind string
	}{
		{"Body after a body", []requests.Option{requests.JSON(1), requests.Body{}}, "1", "application/json"},
		{"Body before a body", []requests.Option{requests.Body{}, requests.JSON(1)}, "1", "application/json"},
		{"Body beside a form", []requests.Option{requests.Form{"a": 1}, requests.Body{}}, "a=1", "application/x-www-form-urlencoded"},
		{"Form beside a body", []requests.Option{requests.JSON(1), requests.Form(nil)}, "1", "application/json"},
		{"Files beside a body", []requests.Option{requests.JSON(1), requests.Files{}, requests.Files(nil)}, "1", "application/json"},
		{"Body alone", []requests.Option{requests.Body{}}, "", ""},
		{"Form alone", []requests.Option{requests.Form(nil)}, "", ""},
		{"empty Form alone", []requests.Option{requests.Form{}}, "", ""},
		{"of a map", []requests.Option{requests.Params(nil), requests.Headers(nil), requests.Cookies(nil), requests.Proxies(nil), requests.Hooks{}, nil}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(ok()))
			_, err := s.Post(t.Context(), "http://a.test/", tt.opts...)
			require.NoError(t, err)
			require.Equal(t, tt.body, sent.sent[0].body)
			require.Equal(t, tt.kind, sent.sent[0].header.Get("Content-Type"))
		})
	}
	s, _ := scripted(t, replies(ok()))
	for _, opts := range [][]requests.Option{{requests.JSON(1), requests.JSON(2)}, {requests.JSON(1), requests.Form{}}} {
		_, err := s.Post(t.Context(), "http://a.test/", opts...)
		require.ErrorIs(t, err, requests.ErrInvalidOption)
	}
	_, err := requests.NewSession(requests.Body{}, requests.Form(nil), requests.Files{}, requests.RawQuery("")).Adapter("http://a.test/")
	require.NoError(t, err)
}

// TestNothingToSendBy: what cannot send says so.
func TestNothingToSendBy(t *testing.T) {
	for name, a := range map[string]requests.Adapter{
		"Handler(nil)": requests.Handler(nil), "Handler of a nil": requests.Handler(http.HandlerFunc(nil)), "RoundTripper(nil)": requests.RoundTripper(nil), "nil": nil,
	} {
		s := requests.NewSession()
		s.Mount("mock://", a)
		_, err := s.Get(t.Context(), "mock://a/")
		require.ErrorIs(t, err, requests.ErrInvalidOption, name)
	}
	negative := &requests.Session{MaxBody: -1}
	_, err := negative.Get(t.Context(), "http://127.0.0.1:1/")
	require.ErrorIs(t, err, requests.ErrInvalidOption)
	_, err = (*requests.Request)(nil).Prepare(t.Context())
	require.ErrorIs(t, err, requests.ErrInvalidOption)
}

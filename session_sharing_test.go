package requests

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// sharedFields are those of a session that With shares, and why.
var sharedFields = map[string]string{
	"Cookies":    "the jar is shared by design",
	"Auth":       "its state is what was learned of challenges",
	"proxyAuth":  "likewise",
	"TLS.Config": "its address tells connections apart",
	"TLS.trust":  "likewise",
	"TLS.client": "likewise",
	"Logger":     "it is for many goroutines",
	"Dump.To":    "it is the caller's",
	"mounts":     "the pools are shared by design",
	"netrc":      "the file is the same for all",
	"err":        "an error does not change",
}

// TestWithOwnsItsFields fills every field of a session, exported or not, and
// looks at what another one made by With has in it. A new field needs no word
// here, unless it is one to be shared.
func TestWithOwnsItsFields(t *testing.T) {
	s := new(Session)
	fillFields(reflect.ValueOf(s).Elem())
	s.ready = 0
	s.Auth.proxy = false // or it would be another field's
	d := s.With()

	fields := reflect.TypeFor[Session]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		a, b := reflect.ValueOf(s).Elem().Field(i), reflect.ValueOf(d).Elem().Field(i)
		require.False(t, a.IsZero(), "fillFields leaves %s empty", name)
		require.True(t, equalValues(a, b), "With drops %s", name)
		for _, path := range sharedPaths(name, a, b) {
			if !slices.ContainsFunc(sharedKeys(), func(k string) bool { return path == k || strings.HasPrefix(path, k+".") }) {
				t.Errorf("a session and one made of it by With share %s", path)
			}
		}
	}
}

func sharedKeys() (keys []string) {
	for k := range sharedFields {
		keys = append(keys, k)
	}
	return keys
}

// equalValues is [reflect.DeepEqual], but for functions that are the same.
func equalValues(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Func:
		return a.Pointer() == b.Pointer()
	case reflect.Pointer:
		return a.Pointer() == b.Pointer() || !b.IsNil() && equalValues(a.Elem(), b.Elem())
	case reflect.Slice:
		for i := range a.Len() {
			if i >= b.Len() || !equalValues(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return a.Len() == b.Len()
	case reflect.Struct:
		for i := range a.NumField() {
			if !equalValues(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(open(a).Interface(), open(b).Interface())
}

// open makes the value of an unexported field readable.
func open(v reflect.Value) reflect.Value {
	if v.CanInterface() || !v.CanAddr() {
		return v
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// fillFields gives everything in v a value that is not zero.
func fillFields(v reflect.Value) {
	v = open(v)
	switch v.Kind() {
	case reflect.String:
		v.SetString("X")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillFields(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillFields(key)
		fillFields(value)
		v.SetMapIndex(key, value)
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { panic("not called") }))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Type() == reflect.TypeFor[*Retry]() {
			fillFields(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fillFields(v.Field(i))
		}
	case reflect.Interface:
		switch v.Type() {
		case reflect.TypeFor[any]():
			v.Set(reflect.ValueOf([][]byte{[]byte("x")}))
		case reflect.TypeFor[error]():
			v.Set(reflect.ValueOf(ErrInvalidOption))
		case reflect.TypeFor[io.Writer]():
			v.Set(reflect.ValueOf(new(bytes.Buffer)))
		case reflect.TypeFor[Authenticator]():
			v.Set(reflect.ValueOf(&bearer{"x"}))
		}
	}
}

// sharedPaths lists where a and b lead to the same memory. What is below that
// is not looked at.
func sharedPaths(path string, a, b reflect.Value) (paths []string) {
	switch a, b = open(a), open(b); a.Kind() {
	case reflect.Map:
		if a.Pointer() == b.Pointer() {
			return []string{path}
		}
		for _, key := range a.MapKeys() {
			paths = append(paths, sharedPaths(path+"."+key.String(), a.MapIndex(key), b.MapIndex(key))...)
		}
	case reflect.Slice:
		if a.Pointer() == b.Pointer() {
			return []string{path}
		}
		for i := range a.Len() {
			paths = append(paths, sharedPaths(path, a.Index(i), b.Index(i))...)
		}
	case reflect.Pointer:
		if a.Pointer() == b.Pointer() {
			return []string{path}
		}
		paths = sharedPaths(path, a.Elem(), b.Elem())
	case reflect.Interface:
		paths = sharedPaths(path, a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			paths = append(paths, sharedPaths(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))...)
		}
	}
	return paths
}

// TestWithWritesToNoHooks derives from a session whose list of hooks has room.
func TestWithWritesToNoHooks(t *testing.T) {
	room := make([]OnRequest, 2)
	s := NewSession()
	s.Hooks.Request = room[:1:2]
	s.With(OnRequest(func(context.Context, *PreparedRequest) error { return nil }))
	require.Nil(t, room[1], "With has written into the list of the session")
}

// TestSessionOwnsItsOptions changes what a session was given afterwards.
func TestSessionOwnsItsOptions(t *testing.T) {
	tags, raw, nested := []string{"a"}, []byte("a"), [][]byte{[]byte("a")}
	params := Params{"tags": tags, "raw": raw, "nested": nested}
	fields := []string{"a"}
	headers := Headers{"X-A": fields}
	proxies := Proxies{"http": "http://a.test"}
	codes, methods := []int{500}, []string{"GET"}
	hooks := Hooks{Request: []OnRequest{nil}[:0]}
	config := new(tls.Config)
	logger := slog.New(slog.DiscardHandler)
	for name, s := range map[string]*Session{
		"NewSession": NewSession(params, headers, proxies, Retry{Total: 1, StatusCodes: codes, Methods: methods}, hooks, TLS{Config: config}),
		"With":       new(Session).With(params, headers, proxies, Retry{Total: 1, StatusCodes: codes, Methods: methods}, hooks, TLS{Config: config}),
		"again":      NewSession().With(params, headers, proxies, Retry{Total: 1, StatusCodes: codes, Methods: methods}).With(),
	} {
		s.Logger = logger
		tags[0], raw[0], nested[0][0], fields[0], codes[0], methods[0] = "b", 'b', 'b', "b", 501, "PUT"
		params["more"], headers["X-B"], proxies["https"] = 1, 1, "http://b.test"
		require.Equal(t, Params{"tags": []string{"a"}, "raw": []byte("a"), "nested": [][]byte{[]byte("a")}}, s.Params, name)
		require.Equal(t, []string{"a"}, s.Headers["X-A"], name)
		require.NotContains(t, s.Headers, "X-B", name)
		require.Equal(t, Proxies{"http": "http://a.test"}, s.Proxies, name)
		require.Equal(t, []int{500}, s.Retry.StatusCodes, name)
		require.Equal(t, []string{"GET"}, s.Retry.Methods, name)

		tags[0], raw[0], nested[0][0], fields[0], codes[0], methods[0] = "a", 'a', 'a', "a", 500, "GET"
		delete(params, "more")
		delete(headers, "X-B")
		delete(proxies, "https")
	}
}

// echo answers with what the tests of sharing look at.
func echo(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.SetCookie(w, &http.Cookie{Name: "served", Value: r.Header.Get("X-Caller")})
		io.WriteString(w, r.Header.Get("X-Base")+" "+r.Header.Get("X-Caller")+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestSharedSession is B243, to be run by the race detector: calls, derived
// sessions, cookies and option values are used by many goroutines at once, and
// none sees what another has set.
func TestSharedSession(t *testing.T) {
	url := echo(t)
	s := NewSession(Headers{"X-Base": "base"}, Params{"p": "1"})
	defer s.Close()
	shared := Headers{"X-Shared": "1"} // one value in many calls
	retry, form := Retry{Total: 1}, Form{"k": "v"}
	var calls sync.WaitGroup
	for i := range 16 {
		calls.Go(func() {
			me := strconv.Itoa(i)
			token := BearerAuth(me)
			derived := s.With(Headers{"X-Caller": me}, token, Proxies{"all": ""})
			for range 5 {
				want := "base " + me + " Bearer " + me + " k=v"
				r, err := s.Post(bg, url, shared, Headers{"X-Caller": me}, token, retry, form, Cookies{"mine": me})
				if err != nil || r.Text() != want {
					t.Errorf("got %v, %v; want %q", r, err, want)
				}
				if r, err = derived.Post(bg, url, shared, retry, form); err != nil || r.Text() != want {
					t.Errorf("derived: got %v, %v; want %q", r, err, want)
				}
				derived.Headers.Set("X-Own", me) // its own copy
				if err := s.Cookies.Set("c"+me, me); err != nil {
					t.Error(err)
				}
				s.Cookies.Get("served")
				s.Cookies.Delete("c" + me)
			}
		})
	}
	calls.Wait()
	if got := s.Headers.Get("X-Caller") + s.Headers.Get("X-Own") + s.Headers.Get("Authorization"); got != "" {
		t.Errorf("the session has %q of the derived ones", got)
	}
	if len(shared) != 1 || len(form) != 1 {
		t.Errorf("the options have become %v and %v", shared, form)
	}
}

// TestSharedRequest is B244: a request, prepared or not, may be used again and
// by many at once, but for a body that can be read only once.
func TestSharedRequest(t *testing.T) {
	url := echo(t)
	s := NewSession()
	defer s.Close()
	request := NewRequest("POST", url, Headers{"X-Caller": "r"}, Text("body"))
	p, err := s.Prepare(bg, request)
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range 16 {
		calls.Go(func() {
			own, err := s.Prepare(bg, request)
			if err != nil {
				t.Error(err)
				return
			}
			own.Header.Set("X-Base", "own")
			for _, tt := range []struct {
				p    *PreparedRequest
				want string
			}{{p, " r  body"}, {own, "own r  body"}, {p, " r  body"}} {
				if r, err := s.Send(bg, tt.p); err != nil || r.Text() != tt.want {
					t.Errorf("got %v, %v; want %q", r, err, tt.want)
				}
			}
		})
	}
	calls.Wait()
	if len(p.Header["Cookie"]) > 0 {
		t.Errorf("the request has become one with %q", p.Header["Cookie"])
	}

	t.Run("B244 a body that is gone", func(t *testing.T) {
		p, err := s.Prepare(bg, NewRequest("POST", url, Reader(io.MultiReader(strings.NewReader("body")))))
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 4)
		for range cap(errs) {
			calls.Go(func() {
				r, err := s.Send(bg, p)
				if err == nil && !strings.HasSuffix(r.Text(), " body") {
					t.Errorf("the server got %q", r.Text())
				}
				errs <- err
			})
		}
		calls.Wait()
		sent := 0
		for range cap(errs) {
			switch err := <-errs; {
			case err == nil:
				sent++
			case !errors.Is(err, ErrBodyNotReplayable):
				t.Errorf("error %v; want ErrBodyNotReplayable", err)
			}
		}
		if sent != 1 {
			t.Errorf("%d of the sends brought the body; want 1", sent)
		}
	})
}

package requests

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// custom is a type of a caller's own with a text.
type custom struct{ text string }

func (c *custom) String() string { return c.text }

type level string

// The row C044 and the rules of Params: what becomes of each value in the query.
func TestParams(t *testing.T) {
	n := 7
	for _, tt := range []struct {
		name string
		opts []Option
		want string // of the target; "error" if it is refused
	}{
		{"nil map", []Option{Params(nil)}, "/"},
		{"empty map", []Option{Params{}}, "/"},
		{"sorted", []Option{Params{"b": 1, "a": 2, "c": 3}}, "/?a=2&b=1&c=3"},
		{"in the order given", []Option{Params{"b": 1}, Params{"a": 2}}, "/?b=1&a=2"},
		{"key twice", []Option{Params{"a": 1}, Params{"a": 2}}, "/?a=1&a=2"},
		{"empty key", []Option{Params{"": "v"}}, "/?=v"},
		{"empty value", []Option{Params{"a": ""}}, "/?a="},
		{"nil", []Option{Params{"a": nil, "b": "1"}}, "/?b=1"},
		{"list", []Option{Params{"a": []string{"1", "2"}}}, "/?a=1&a=2"},
		{"empty list", []Option{Params{"a": []string{}, "b": 1}}, "/?b=1"},
		{"list of any", []Option{Params{"a": []any{1, nil, "x", true}}}, "/?a=1&a=x&a=true"},
		{"list of numbers", []Option{Params{"a": []float64{1.5, 2}}}, "/?a=1.5&a=2"},
		{"bool", []Option{Params{"a": true}}, "/?a=true"},
		{"numbers", []Option{Params{"a": int64(-5), "b": uint8(200), "c": float32(0.5), "d": 1e21}}, "/?a=-5&b=200&c=0.5&d=1000000000000000000000"},
		{"big number", []Option{Params{"a": new(big.Int).Lsh(big.NewInt(1), 70), "b": json.Number("12345678901234567890")}}, "/?a=1180591620717411303424&b=12345678901234567890"},
		{"time", []Option{Params{"a": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}, "/?a=2026-01-02T03%3A04%3A05Z"},
		{"duration", []Option{Params{"a": 90 * time.Second}}, "/?a=1m30s"},
		{"Stringer", []Option{Params{"a": &custom{"x y"}}}, "/?a=x+y"},
		{"nil Stringer", []Option{Params{"a": (*custom)(nil), "b": 1}}, "/?b=1"},
		{"named string", []Option{Params{"a": level("high")}}, "/?a=high"},
		{"pointer", []Option{Params{"a": &n}}, "/?a=7"},
		{"nil pointer", []Option{Params{"a": (*int)(nil), "b": 1}}, "/?b=1"},
		{"bytes", []Option{Params{"a": []byte{0xff, 'x'}}}, "/?a=%FFx"},
		{"escapes", []Option{Params{"q": "a&b=c+d%e#f/g?h i\x00\r\n~-._!*'()é"}}, "/?q=a%26b%3Dc%2Bd%25e%23f%2Fg%3Fh+i%00%0D%0A~-._%21%2A%27%28%29%C3%A9"},
		{"raw query", []Option{RawQuery("a=1&b= 2&c=é#x")}, "/?a=1&b=%202&c=%C3%A9"},
		{"raw query and params", []Option{Params{"b": 2}, RawQuery("a=1")}, "/?a=1&b=2"},
		{"raw query with CRLF", []Option{RawQuery("a\r\nX: 1")}, "error"},
		{"struct", []Option{Params{"a": struct{}{}}}, "error"},
		{"map", []Option{Params{"a": map[string]int{"b": 1}}}, "error"},
		{"list of lists", []Option{Params{"a": [][]int{{1}}}}, "error"},
		{"NaN", []Option{Params{"a": math.NaN()}}, "error"},
		{"infinity", []Option{Params{"a": []float64{math.Inf(1)}}}, "error"},
		{"channel", []Option{Params{"a": make(chan int)}}, "error"},
		{"function", []Option{Params{"a": func() {}}}, "error"},
		{"pointer to a pointer", []Option{Params{"a": new(*int)}}, "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := NewRequest("GET", "http://h.test/", tt.opts...).Prepare(bg)
			if tt.want == "error" {
				if !errors.Is(err, ErrInvalidOption) {
					t.Errorf("Prepare = %v, want ErrInvalidOption", err)
				}
				return
			}
			if err != nil || p.URL.RequestURI() != tt.want {
				t.Errorf("Prepare = %v, %v; want the target %q", p, err, tt.want)
			}
		})
	}
}

// The params of the session keep their place, those of the call replace them.
func TestSessionParams(t *testing.T) {
	s := NewSession(Params{"a": 1, "b": 2}, Params{"a": 3})
	defer s.Close()
	for _, tt := range []struct {
		name string
		url  string
		opts []Option
		want string
	}{
		{"none", "http://h.test/", nil, "/?a=3&b=2"},
		{"after the query", "http://h.test/?u=0", nil, "/?u=0&a=3&b=2"},
		{"replaced", "http://h.test/?u=0", []Option{Params{"a": 9, "c": 4}}, "/?u=0&a=9&b=2&c=4"},
		{"removed", "http://h.test/", []Option{Params{"a": nil}}, "/?b=2"},
		{"replaced by two", "http://h.test/", []Option{Params{"a": 8}, Params{"a": 9}}, "/?a=8&a=9&b=2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := s.Prepare(bg, NewRequest("GET", tt.url, tt.opts...))
			if err != nil || p.URL.RequestURI() != tt.want {
				t.Errorf("Prepare = %v, %v; want the target %q", p, err, tt.want)
			}
		})
	}
}

// The rows C090 and C100 to C105: options that cannot be used are reported by
// the call, before a dial.
func TestWrongOptions(t *testing.T) {
	w := newHeadServer(t)
	var nilReader *strings.Reader
	for _, tt := range []struct {
		name    string
		session []Option
		call    []Option
		kind    error
	}{
		{name: "C090 two bodies", call: []Option{JSON(1), Text("x")}, kind: ErrInvalidOption},
		{name: "C090 a body and a form", call: []Option{Bytes(nil), Form{"a": 1}}, kind: ErrInvalidOption},
		{name: "C090 nil reader", call: []Option{Reader(nil)}, kind: ErrInvalidOption},
		{name: "C090 typed nil reader", call: []Option{Reader(nilReader)}, kind: ErrInvalidOption},
		{name: "C094 channel as JSON", call: []Option{JSON(make(chan int))}, kind: ErrInvalidOption},
		{name: "C094 NaN as JSON", call: []Option{JSON(math.NaN())}, kind: ErrInvalidOption},
		{name: "C101 negative MaxBody", call: []Option{MaxBody(-1)}, kind: ErrInvalidOption},
		{name: "C101 negative MaxBody of the session", session: []Option{MaxBody(-1)}, kind: ErrInvalidOption},
		{name: "body for a session", session: []Option{JSON(1)}, kind: ErrInvalidOption},
		{name: "form for a session", session: []Option{Form{"a": 1}}, kind: ErrInvalidOption},
		{name: "header of the session", session: []Option{Headers{"X T": "1"}}, kind: ErrInvalidHeader},
		{name: "form value", call: []Option{Form{"a": struct{}{}}}, kind: ErrInvalidOption},
		{name: "base URL", session: []Option{BaseURL("example.com")}, kind: ErrMissingScheme},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := w.session(t, tt.session...)
			_, err := s.Post(context.Background(), "http://h.test/", tt.call...)
			dials, _ := w.seen()
			checkRefused(t, err, tt.kind, dials)
			if e, ok := errors.AsType[*Error](err); !ok || e.Op != "prepare" {
				t.Errorf("%#v is no *Error of preparing", err)
			}
		})
	}
	t.Run("C105 nil context", func(t *testing.T) {
		s := w.session(t)
		_, err := s.Get(nil, "http://h.test/") //lint:ignore SA1012 this is the row
		dials, _ := w.seen()
		checkRefused(t, err, ErrInvalidOption, dials)
	})
	t.Run("nil option", func(t *testing.T) {
		if _, err := w.session(t).Get(context.Background(), "http://h.test/", nil); err != nil {
			t.Error(err)
		}
	})
}

// A setting that cannot be is refused with the same words however it is given.
func TestOneCheckForEachSetting(t *testing.T) {
	const url = "http://h.test/"
	w := newHeadServer(t)
	for name, tt := range map[string]struct {
		opt     Option
		good    Option // undoes opt, so that only a session that has refused it fails
		field   func(s *Session)
		adapter *SendOptions // nil: it is not for adapters
		want    string
	}{
		"MaxBody": {MaxBody(-1), MaxBody(0), func(s *Session) { s.MaxBody = -1 }, &SendOptions{MaxBody: -1}, "MaxBody is negative"},
		"Retry": {Retry{Total: 1, Jitter: -1}, Retry{}, func(s *Session) { s.Retry = &Retry{Total: 1, Jitter: -1} },
			&SendOptions{Retry: &Retry{Total: 1, Jitter: -1}}, "Retry.Jitter is negative"},
		"TLS": {TLS{Verify: true, SkipVerify: true}, TLS{Verify: true}, func(s *Session) { s.TLS = TLS{Verify: true, SkipVerify: true} },
			&SendOptions{TLS: TLS{Verify: true, SkipVerify: true}}, "TLS has both SkipVerify and Verify"},
		"OnRequest":       {OnRequest(nil), nil, func(s *Session) { s.Hooks.Request = []OnRequest{nil} }, nil, "OnRequest is nil"},
		"OnResponse":      {OnResponse(nil), nil, func(s *Session) { s.Hooks.Response = []OnResponse{nil} }, nil, "OnResponse is nil"},
		"OnRedirect":      {Hooks{Redirect: []OnRedirect{nil}}, nil, func(s *Session) { s.Hooks.Redirect = []OnRedirect{nil} }, nil, "OnRedirect is nil"},
		"OnRetry":         {OnRetry(nil), nil, func(s *Session) { s.Hooks.Retry = []OnRetry{nil} }, nil, "OnRetry is nil"},
		"OnInformational": {OnInformational(nil), nil, func(s *Session) { s.Hooks.Informational = []OnInformational{nil} }, nil, "OnInformational is nil"},
		"OnProgress":      {nil, nil, func(s *Session) { s.Hooks.Progress = []OnProgress{nil} }, nil, "OnProgress is nil"}, // as an option it ends the reports
	} {
		get := func(s *Session, opts ...Option) error {
			_, err := s.Get(t.Context(), url, opts...)
			return err
		}
		prepared := func() *PreparedRequest { return mustPrepare(t, url) }
		ways := map[string]func() error{
			"a call":           func() error { return get(w.session(t), tt.opt) },
			"a session":        func() error { return get(w.session(t, tt.opt), tt.good) },
			"With":             func() error { return get(w.session(t).With(tt.opt), tt.good) },
			"Session.Send":     func() error { _, err := w.session(t).Send(t.Context(), prepared(), tt.opt); return err },
			"Request.Prepare":  func() error { _, err := NewRequest("GET", url, tt.opt).Prepare(t.Context()); return err },
			"Session.Prepare":  func() error { _, err := w.session(t).Prepare(t.Context(), NewRequest("GET", url, tt.opt)); return err },
			"a field":          func() error { s := w.session(t); tt.field(s); return get(s) },
			"a field and With": func() error { s := w.session(t); tt.field(s); return get(s.With(Params{"a": 1})) },
		}
		if tt.adapter != nil {
			ways["an adapter"] = func() error {
				a, err := w.session(t).Adapter(url)
				require.NoError(t, err)
				_, err = a.Send(t.Context(), prepared(), *tt.adapter)
				return err
			}
		}
		for way, do := range ways {
			if tt.opt == nil && !strings.HasPrefix(way, "a field") {
				continue
			}
			t.Run(name+" of "+way, func(t *testing.T) {
				err := do()
				dials, _ := w.seen()
				checkRefused(t, err, ErrInvalidOption, dials)
				if err != nil && !strings.HasSuffix(err.Error(), tt.want) {
					t.Errorf("the error is %q; want %q at its end", err, tt.want)
				}
			})
		}
	}
}

// The rows C104: a session after its Close, and one that shares what was closed.
func TestClosedSession(t *testing.T) {
	w := newHeadServer(t)
	s := w.session(t)
	d := s.With(Headers{"X-T": "1"})
	if _, err := d.Get(context.Background(), "http://h.test/"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for name, closed := range map[string]*Session{"the session": s, "the derived one": d} {
		if _, err := closed.Get(context.Background(), "http://h.test/"); !errors.Is(err, ErrClosed) {
			t.Errorf("Get of %s after Close = %v, want ErrClosed", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("the second Close = %v", err)
	}
}

// A session that is closed before its first call is closed all the same, and what
// is mounted on it afterwards is not on any other.
func TestClosedBeforeTheFirstCall(t *testing.T) {
	w := newHeadServer(t)
	for name, s := range map[string]*Session{"NewSession": NewSession(), "zero": new(Session)} {
		require.NoError(t, s.Close(), name)
		require.NoError(t, s.Close(), name)
		s.Mount("http://", new(HTTPAdapter))
		s.CloseIdleConnections()
		require.Nil(t, s.netrc, name) // or all of them would share one
		for _, closed := range []*Session{s, s.With(Headers{"X-T": "1"})} {
			_, err := closed.Get(context.Background(), "http://h.test/")
			require.ErrorIs(t, err, ErrClosed, name)
		}
		_, err := w.session(t).Get(context.Background(), "http://h.test/")
		require.NoError(t, err, name)
	}
	require.False(t, noMounts.Serves("http"))
}

// The row C106: what a RoundTripper returns against its contract.
func TestWrongRoundTripper(t *testing.T) {
	for _, tt := range []struct {
		name string
		rt   roundTripFunc
		kind error
	}{
		{"nothing", func(*http.Request) (*http.Response, error) { return nil, nil }, ErrAdapter},
		{"response and error", func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: http.NoBody}, errors.New("mine")
		}, ErrAdapter},
		{"no body, but a length", func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ContentLength: 5}, nil
		}, nil},
		{"length above the body", func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ContentLength: 5, Body: http.NoBody}, nil
		}, ErrIncompleteBody},
		{"negative length", func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ContentLength: -7, Body: http.NoBody}, nil
		}, nil},
		{"status 0", func(*http.Request) (*http.Response, error) {
			return &http.Response{Body: http.NoBody}, nil
		}, ErrProtocol},
		{"nil", nil, ErrInvalidOption},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSession()
			defer s.Close()
			var rt http.RoundTripper
			if tt.rt != nil {
				rt = tt.rt
			}
			s.Mount("http://", RoundTripper(rt))
			r, err := s.Get(context.Background(), "http://h.test/")
			if tt.kind == nil && (err != nil || len(r.Content()) > 0) {
				t.Errorf("Get = %v, %v; want an empty response", r, err)
			}
			if tt.kind != nil && !errors.Is(err, tt.kind) {
				t.Errorf("Get = %v, want %v", err, tt.kind)
			}
		})
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestMount(t *testing.T) {
	named := func(name string) Adapter {
		return Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(name)) }))
	}
	s := NewSession()
	defer s.Close()
	for _, prefix := range []string{"http://", "http://a.test/v1", "mock://"} {
		s.Mount(prefix, named(prefix))
	}
	for url, want := range map[string]string{
		"http://A.test/V1/x":   "http://a.test/v1",
		"http://a.test/v10":    "http://",
		"mock://anything/at?q": "mock://",
	} {
		r, err := s.Get(context.Background(), url)
		if err != nil || r.Text() != want {
			t.Errorf("Get(%q) = %v, %v; want the answer of %q", url, r, err, want)
		}
	}
	if _, err := s.Adapter("gopher://x/"); !errors.Is(err, ErrInvalidScheme) {
		t.Errorf("Adapter of no prefix = %v, want ErrInvalidScheme", err)
	}
	if a, err := s.Adapter("mock://x/"); a == nil || err != nil {
		t.Errorf("Adapter = %v, %v", a, err)
	}
	s.Mount("no scheme", named("x"))
	if _, err := s.Get(context.Background(), "mock://x/"); !errors.Is(err, ErrInvalidOption) {
		t.Errorf("Get after a wrong Mount = %v, want ErrInvalidOption", err)
	}
}

// TestDataURL is A199: no bound on a response holds for a URL that brings its
// own, so that none is requested, be it named by the caller or by a redirect.
func TestDataURL(t *testing.T) {
	const data = "data:text/plain;base64,QUFB"
	s := NewSession(MaxBody(1))
	defer s.Close()
	s.Mount("http://", Handler(http.RedirectHandler(data, http.StatusFound)))
	for _, url := range []string{data, "DATA:,x", "data://text/plain,x", "http://a.test/"} {
		r, err := s.Get(context.Background(), url)
		if r != nil || !errors.Is(err, ErrInvalidURL) {
			t.Errorf("A199 Get(%s) = %v, %v; want ErrInvalidURL", url, r, err)
		}
	}
}

// TestNestedValues is A204: what is nested or refers to itself is refused, and
// not followed to the end of the stack.
func TestNestedValues(t *testing.T) {
	list := []any{nil}
	list[0] = list
	table := map[string]any{}
	table["self"] = table
	type node struct{ Next *node }
	ring := &node{}
	ring.Next = ring
	var pointer any
	pointer = &pointer
	deep := any("x")
	for range 100_000 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{"list": list, "map": table, "ring": ring, "pointer": pointer, "deep": deep} {
		opts := map[string]Option{"Params": Params{"a": v}, "Headers": Headers{"A": v}, "Form": Form{"a": v}}
		if name != "deep" { // which encoding/json writes
			opts["JSON"] = JSON(v)
		}
		for kind, opt := range opts {
			_, err := NewRequest("POST", "http://a.test/", opt).Prepare(bg)
			if !errors.Is(err, ErrInvalidOption) && !errors.Is(err, ErrInvalidHeader) {
				t.Errorf("A204 %s of a %s: %v; want ErrInvalidOption", kind, name, err)
			}
		}
	}
}

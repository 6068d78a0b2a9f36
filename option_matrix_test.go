package requests_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/types"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// An optionRow says of one type of option what each of its values does, however
// it is given. What is seen is a text that look makes of a call.
type optionRow struct {
	look   func(*observed) string
	url    string // "" is http://a.test/v/start
	unset  string // what is seen without the option
	states map[string]optionState
	field  func(s *requests.Session, opt requests.Option) // sets the field of a session; nil: there is none
	where  place
}

// An optionState is one value, perhaps given in several options, and what is seen of it.
type optionState struct {
	opts    []requests.Option
	want    string // "invalid": ErrInvalidOption
	session string // what is wanted of a session that has it; "": the same
}

// place says where an option may be given.
type place int

const (
	everywhere place = iota
	notSend          // it shapes the request
	callOnly         // it belongs to one request
	nowhere          // it is of another function
)

func one(want string, opts ...requests.Option) optionState {
	return optionState{opts: opts, want: want}
}

// observed is what came of a call: a POST that is redirected once, to a 404.
type observed struct {
	sent  []sentRequest
	told  requests.SendOptions
	r     *requests.Response
	err   error
	heard string // by hooks
	kept  string // in the jar of the session
}

func (o *observed) first() sentRequest {
	if len(o.sent) == 0 {
		return sentRequest{header: http.Header{}}
	}
	return o.sent[0]
}

// observe sends one call with s and opts; send says how.
func observe(t *testing.T, s *requests.Session, url string, h *string, send func(url string) (*requests.Response, error)) *observed {
	o := &observed{}
	a := &toldAdapter{Adapter: &script{answer: func(n int, _ *requests.PreparedRequest) reply {
		if n == 0 {
			return setCookie(redirectTo("/v/next"), "set=1")
		}
		return reply{status: 404, body: `{"n": 1}`}
	}}}
	s.Mount("http://", a)
	*h = ""
	if url == "" {
		url = "http://a.test/v/start"
	}
	o.r, o.err = send(url)
	o.heard, o.sent = *h, a.Adapter.(*script).sent
	if len(a.told) > 0 {
		o.told = a.told[0]
	}
	if s.Cookies != nil {
		o.kept = fmt.Sprint(s.Cookies.Map())
	}
	if o.r != nil {
		o.r.Close()
	}
	return o
}

// A heardWriter notes once that it was written to.
type heardWriter struct {
	heard *string
	name  string
}

func (w heardWriter) Write(b []byte) (int, error) {
	if !strings.HasSuffix(*w.heard, w.name) {
		*w.heard += w.name
	}
	return len(b), nil
}

// optionRows has a row for each type of option, by its name. heard collects what hooks hear.
func optionRows(t *testing.T, heard *string) map[string]optionRow {
	hear := func(name string) { *heard += name }
	jar := func(name string) *requests.CookieJar {
		j := new(requests.CookieJar)
		require.NoError(t, j.Set(name, "1"))
		return j
	}
	header := func(o *observed, name string) string { return o.first().header.Get(name) }
	onRequest := func(name string) requests.OnRequest {
		return func(context.Context, *requests.PreparedRequest) error { hear(name); return nil }
	}
	onResponse := func(name string) requests.OnResponse {
		return func(context.Context, *requests.Response) (*requests.Response, error) { hear(name); return nil, nil }
	}
	onRedirect := func(name string) requests.OnRedirect {
		return func(context.Context, *requests.Response, *requests.PreparedRequest) error { hear(name); return nil }
	}
	onRetry := requests.OnRetry(func(context.Context, requests.Attempt) error { return nil })
	onProgress := requests.OnProgress(func(_, _ int64) {})
	onInformational := requests.OnInformational(func(context.Context, int, http.Header) error { return nil })
	decoder := func(name string) requests.JSONDecoder {
		return func(_ []byte, v any) error { *v.(*string) = name; return nil }
	}
	decoded := func(o *observed) string {
		var v string
		if o.r == nil || o.r.JSON(&v) != nil {
			return "default"
		}
		return v
	}
	loggers := map[string]*slog.Logger{"a": slog.New(slog.DiscardHandler), "b": slog.New(slog.DiscardHandler)}
	logger := func(name string) *slog.Logger { return loggers[name] }
	refused := map[string]optionState{}

	return map[string]optionRow{
		"Params": {
			look:  func(o *observed) string { _, q, _ := strings.Cut(o.first().url, "?"); return q },
			field: func(s *requests.Session, o requests.Option) { s.Params = o.(requests.Params) }, where: notSend,
			states: map[string]optionState{
				"nil": one("", requests.Params(nil)), "zero": one("", requests.Params{}), "set": one("a=1", requests.Params{"a": 1}),
				"twice": one("a=1&b=2", requests.Params{"a": 1}, requests.Params{"b": 2}),
			},
		},
		"PathParams": {
			url: "http://a.test/{v}", look: func(o *observed) string { return strings.TrimPrefix(o.first().url, "http://a.test") }, where: notSend,
			unset: "/%7Bv%7D", field: func(s *requests.Session, o requests.Option) { s.PathParams = o.(requests.PathParams) },
			states: map[string]optionState{
				"nil": one("/%7Bv%7D", requests.PathParams(nil)), "zero": one("invalid", requests.PathParams{}), "set": one("/a%2Fb", requests.PathParams{"v": "a/b"}),
				"twice": one("/2", requests.PathParams{"v": 1}, requests.PathParams{"v": 2}), "none": one("invalid", requests.PathParams{"v": nil}),
				"no place": {opts: []requests.Option{requests.PathParams{"v": 1, "w": 2}}, want: "invalid", session: "/1"},
			},
		},
		"RawQuery": {
			look: func(o *observed) string { _, q, _ := strings.Cut(o.first().url, "?"); return q }, where: callOnly,
			states: map[string]optionState{"set": one("a=1", requests.RawQuery("a=1")), "twice": one("b=2", requests.RawQuery("a=1"), requests.RawQuery("b=2"))},
		},
		"Headers": {
			look: func(o *observed) string { return header(o, "X-A") + "," + header(o, "X-B") + "," + header(o, "Accept") }, unset: ",,*/*", where: notSend,
			field: func(s *requests.Session, o requests.Option) {
				s.Headers = http.Header{"Accept": {"*/*"}}
				for name, v := range o.(requests.Headers) {
					s.Headers[name] = nil
					if v != nil {
						s.Headers[name] = []string{fmt.Sprint(v)}
					}
				}
			},
			states: map[string]optionState{
				"nil": one(",,*/*", requests.Headers(nil)), "zero": one(",,*/*", requests.Headers{}), "set": one("1,,*/*", requests.Headers{"X-A": 1}),
				"default gone": one(",,", requests.Headers{"Accept": nil}),
				"twice":        one("2,3,*/*", requests.Headers{"X-A": 1, "X-B": 3}, requests.Headers{"x-a": 2}),
			},
		},
		"Cookies": {
			look: func(o *observed) string { return header(o, "Cookie") + "/" + o.kept }, unset: "/map[set:1]", where: notSend,
			states: map[string]optionState{
				"nil": one("/map[set:1]", requests.Cookies(nil)), "zero": one("/map[set:1]", requests.Cookies{}), "set": one("a=1/map[set:1]", requests.Cookies{"a": "1"}),
				"twice": one("a=2; b=3/map[set:1]", requests.Cookies{"a": "1", "b": "3"}, requests.Cookies{"a": "2"}),
				"bad":   one("invalid", requests.Cookies{"a": ";"}),
			},
		},
		"CookieJar": {
			look: func(o *observed) string { return header(o, "Cookie") }, where: notSend, // of a prepared request the field is there already
			field: func(s *requests.Session, o requests.Option) { s.Cookies = o.(*requests.CookieJar) },
			states: map[string]optionState{
				"nil": one("invalid", (*requests.CookieJar)(nil)), "zero": one("", new(requests.CookieJar)), "set": one("a=1", jar("a")),
				"twice": one("b=1", jar("a"), jar("b")), "used again": one("a=1", requests.KeepCookies(false), jar("a")),
			},
		},
		"KeepCookies": {
			look: func(o *observed) string { return o.kept }, unset: "map[set:1]",
			field: func(s *requests.Session, o requests.Option) { s.NoCookies = !bool(o.(requests.KeepCookies)) },
			states: map[string]optionState{
				"zero": one("map[]", requests.KeepCookies(false)), "set": one("map[set:1]", requests.KeepCookies(true)),
				"twice": one("map[set:1]", requests.KeepCookies(false), requests.KeepCookies(true)),
			},
		},
		"IdempotencyKey": {
			look:  func(o *observed) string { return fmt.Sprint(header(o, "Idempotency-Key") != "") },
			unset: "false", where: notSend, field: func(s *requests.Session, o requests.Option) { s.IdempotencyKey = bool(o.(requests.IdempotencyKey)) },
			states: map[string]optionState{
				"zero": one("false", requests.IdempotencyKey(false)), "set": one("true", requests.IdempotencyKey(true)),
				"twice": one("false", requests.IdempotencyKey(true), requests.IdempotencyKey(false)),
			},
		},
		"Auth": {
			look: func(o *observed) string {
				if p := o.told.Proxy; p != nil {
					return p.User.String() + header(o, "Authorization")
				}
				return header(o, "Authorization")
			},
			field: func(s *requests.Session, o requests.Option) { s.Auth = o.(requests.Auth) }, where: notSend,
			states: map[string]optionState{
				"zero": one("", requests.Auth{}), "set": one("Bearer a", requests.BearerAuth("a")), "none": one("", requests.NoAuth()),
				"twice": one("Bearer b", requests.BearerAuth("a"), requests.BearerAuth("b")), "zero after": one("Bearer a", requests.BearerAuth("a"), requests.Auth{}),
				"beside a field": one("Bearer a", requests.Headers{"Authorization": "x"}, requests.BearerAuth("a")),
				"bad":            one("invalid", requests.NewAuth(nil)), "of the proxy": one("u:p", requests.ProxyAuth("u", "p"), requests.Proxies{"http": "http://p.test"}),
			},
		},
		"Body": {
			look: func(o *observed) string { return o.first().body }, where: callOnly,
			states: map[string]optionState{
				"zero": one("", requests.Body{}), "set": one("a", requests.Text("a")), "zero after": one("a", requests.Text("a"), requests.Body{}),
				"twice": one("invalid", requests.Text("a"), requests.Text("b")),
			},
		},
		"Form": {
			look: func(o *observed) string { return o.first().body }, where: callOnly,
			states: map[string]optionState{
				"nil": one("", requests.Form(nil)), "set": one("a=1", requests.Form{"a": 1}), "twice": one("a=1&b=2", requests.Form{"a": 1}, requests.Form{"b": 2}),
			},
		},
		"Files": {
			look: func(o *observed) string { return fmt.Sprint(strings.Count(o.first().body, "filename=")) }, unset: "0", where: callOnly,
			states: map[string]optionState{
				"nil": one("0", requests.Files(nil)), "zero": one("0", requests.Files{}), "set": one("1", requests.Files{{Field: "a", Reader: strings.NewReader("a")}}),
				"twice": one("2", requests.Files{{Field: "a", Reader: strings.NewReader("a")}}, requests.Files{{Field: "b", Reader: strings.NewReader("b")}}),
			},
		},
		"Timeout": {
			look:  func(o *observed) string { return fmt.Sprint(o.told.Timeout) },
			unset: "{10s 30s 0s}", field: func(s *requests.Session, o requests.Option) { s.Timeout = o.(requests.Timeout) },
			states: map[string]optionState{
				"zero": one("{10s 30s 0s}", requests.Timeout{}), "set": one("{10s 1s 1h0m0s}", requests.Timeout{Read: time.Second, Total: time.Hour}),
				"none":  one("{0s 0s 0s}", requests.Timeout{Connect: -1, Read: -1, Total: -1}),
				"twice": one("{10s 2s 1h0m0s}", requests.Timeout{Read: time.Second, Total: time.Hour}, requests.Timeout{Read: 2 * time.Second}),
			},
		},
		"TLS": {
			look: func(o *observed) string {
				return fmt.Sprint(o.told.TLS.SkipVerify, o.told.TLS.CABundle, o.told.TLS.CertFile)
			},
			unset: "false", field: func(s *requests.Session, o requests.Option) { s.TLS = o.(requests.TLS) },
			states: map[string]optionState{
				"zero": one("false", requests.TLS{}), "set": one("falsecacert", requests.TLS{CABundle: "ca", CertFile: "cert"}),
				"twice":  one("truecert", requests.TLS{CABundle: "ca", CertFile: "cert"}, requests.TLS{SkipVerify: true}),
				"lifted": one("false", requests.TLS{SkipVerify: true}, requests.TLS{Verify: true}), "bad": one("invalid", requests.TLS{SkipVerify: true, Verify: true}),
			},
		},
		"Proxies": {
			look: func(o *observed) string { return fmt.Sprint(o.told.Proxy) }, unset: "<nil>",
			field: func(s *requests.Session, o requests.Option) { s.Proxies = o.(requests.Proxies) },
			states: map[string]optionState{
				"nil": one("<nil>", requests.Proxies(nil)), "zero": one("<nil>", requests.Proxies{}), "set": one("http://p.test:1", requests.Proxies{"http": "http://p.test:1"}),
				"twice": one("http://q.test:1", requests.Proxies{"http": "http://p.test:1"}, requests.Proxies{"http://a.test": "http://q.test:1"}),
				"off":   one("<nil>", requests.Proxies{"http": "http://p.test:1"}, requests.Proxies{"http": ""}),
				"other": one("http://p.test:1", requests.Proxies{"http": "http://p.test:1"}, requests.Proxies{"https": "http://q.test:1"}),
			},
		},
		"Retry": {
			look: func(o *observed) string {
				if o.told.Retry == nil {
					return "the adapter's"
				}
				return fmt.Sprint(o.told.Retry.Total)
			}, unset: "the adapter's",
			field:  func(s *requests.Session, o requests.Option) { r := o.(requests.Retry); s.Retry = &r },
			states: map[string]optionState{"zero": one("0", requests.Retry{}), "set": one("1", requests.Retry{Total: 1}), "twice": one("2", requests.Retry{Total: 1}, requests.Retry{Total: 2})},
		},
		"BaseURL": {
			url: "start", look: func(o *observed) string {
				return fmt.Sprint(o.first().url, errors.Is(o.err, requests.ErrMissingScheme))
			}, unset: "true", where: notSend,
			field: func(s *requests.Session, o requests.Option) { s.BaseURL = string(o.(requests.BaseURL)) },
			states: map[string]optionState{
				"zero": one("true", requests.BaseURL("")), "set": one("http://a.test/v/startfalse", requests.BaseURL("http://a.test/v")),
				"twice": one("http://b.test/startfalse", requests.BaseURL("http://a.test/v"), requests.BaseURL("http://b.test")),
				"off":   one("true", requests.BaseURL("http://a.test/v"), requests.BaseURL("")),
			},
		},
		"AllowRedirects": {
			look: func(o *observed) string { return fmt.Sprint(len(o.sent)) }, unset: "2",
			field: func(s *requests.Session, o requests.Option) { s.NoRedirects = !bool(o.(requests.AllowRedirects)) },
			states: map[string]optionState{
				"zero": one("1", requests.AllowRedirects(false)), "set": one("2", requests.AllowRedirects(true)),
				"twice": one("2", requests.AllowRedirects(false), requests.AllowRedirects(true)),
			},
		},
		"MaxRedirects": {
			look: func(o *observed) string { return fmt.Sprint(errors.Is(o.err, requests.ErrTooManyRedirects)) }, unset: "false",
			field: func(s *requests.Session, o requests.Option) {
				if s.MaxRedirects = int(o.(requests.MaxRedirects)); s.MaxRedirects == 0 {
					s.MaxRedirects = -1
				}
			},
			states: map[string]optionState{
				"zero": one("true", requests.MaxRedirects(0)), "set": one("false", requests.MaxRedirects(1)),
				"twice": one("true", requests.MaxRedirects(1), requests.MaxRedirects(0)), "negative": one("true", requests.MaxRedirects(-1)),
			},
		},
		"Stream": {
			look: func(o *observed) string { return fmt.Sprint(o.told.Stream) }, unset: "false",
			field:  func(s *requests.Session, o requests.Option) { s.Stream = bool(o.(requests.Stream)) },
			states: map[string]optionState{"zero": one("false", requests.Stream(false)), "set": one("true", requests.Stream(true)), "twice": one("false", requests.Stream(true), requests.Stream(false))},
		},
		"TrustEnv": {
			look: func(o *observed) string { return fmt.Sprint(o.told.Proxy != nil) }, url: "http://env.test/v/start", unset: "true",
			field:  func(s *requests.Session, o requests.Option) { s.IgnoreEnv = !bool(o.(requests.TrustEnv)) },
			states: map[string]optionState{"zero": one("false", requests.TrustEnv(false)), "set": one("true", requests.TrustEnv(true)), "twice": one("true", requests.TrustEnv(false), requests.TrustEnv(true))},
		},
		"RaiseForStatus": {
			look: func(o *observed) string { return fmt.Sprint(o.err != nil) }, unset: "false",
			field:  func(s *requests.Session, o requests.Option) { s.RaiseForStatus = bool(o.(requests.RaiseForStatus)) },
			states: map[string]optionState{"zero": one("false", requests.RaiseForStatus(false)), "set": one("true", requests.RaiseForStatus(true)), "twice": one("false", requests.RaiseForStatus(true), requests.RaiseForStatus(false))},
		},
		"JSONDecoder": {
			look: decoded, unset: "default",
			field:  func(s *requests.Session, o requests.Option) { s.JSONDecoder = o.(requests.JSONDecoder) },
			states: map[string]optionState{"nil": one("default", requests.JSONDecoder(nil)), "set": one("a", decoder("a")), "twice": one("b", decoder("a"), decoder("b")), "off": one("default", decoder("a"), requests.JSONDecoder(nil))},
		},
		"MaxBody": {
			look: func(o *observed) string { return fmt.Sprint(o.told.MaxBody) }, unset: "0",
			field:  func(s *requests.Session, o requests.Option) { s.MaxBody = int64(o.(requests.MaxBody)) },
			states: map[string]optionState{"zero": one("0", requests.MaxBody(0)), "set": one("10", requests.MaxBody(10)), "twice": one("20", requests.MaxBody(10), requests.MaxBody(20)), "off": one("0", requests.MaxBody(10), requests.MaxBody(0)), "bad": one("invalid", requests.MaxBody(-1))},
		},
		"Trace": {
			look: func(o *observed) string { return fmt.Sprint(o.told.Trace) }, unset: "false",
			field:  func(s *requests.Session, o requests.Option) { s.Trace = bool(o.(requests.Trace)) },
			states: map[string]optionState{"zero": one("false", requests.Trace(false)), "set": one("true", requests.Trace(true)), "twice": one("false", requests.Trace(true), requests.Trace(false))},
		},
		"Logger": {
			look: func(o *observed) string {
				return fmt.Sprint(o.told.Logger == logger("a"), o.told.Logger == logger("b"))
			}, unset: "false false",
			field: func(s *requests.Session, o requests.Option) { s.Logger = o.(requests.Logger).To },
			states: map[string]optionState{
				"zero": one("false false", requests.Logger{}), "set": one("true false", requests.Logger{To: logger("a")}),
				"twice": one("false true", requests.Logger{To: logger("a")}, requests.Logger{To: logger("b")}), "off": one("false false", requests.Logger{To: logger("a")}, requests.Logger{}),
			},
		},
		"Dump": {
			look:  func(o *observed) string { return o.heard },
			field: func(s *requests.Session, o requests.Option) { s.Dump = o.(requests.Dump) },
			states: map[string]optionState{
				"zero": one("", requests.Dump{}), "nil": one("", requests.Dump{To: (*bytes.Buffer)(nil)}), "set": one("a", requests.Dump{To: heardWriter{heard, "a"}}),
				"twice": one("b", requests.Dump{To: heardWriter{heard, "a"}}, requests.Dump{To: heardWriter{heard, "b"}}), "off": one("", requests.Dump{To: heardWriter{heard, "a"}}, requests.Dump{}),
			},
		},
		"OnRequest": {
			look: func(o *observed) string { return o.heard }, field: func(s *requests.Session, o requests.Option) {
				s.Hooks.Request = append(s.Hooks.Request, o.(requests.OnRequest))
			},
			states: map[string]optionState{"nil": one("invalid", requests.OnRequest(nil)), "set": one("aa", onRequest("a")), "twice": one("abab", onRequest("a"), onRequest("b"))},
		},
		"OnResponse": {
			look: func(o *observed) string { return o.heard }, field: func(s *requests.Session, o requests.Option) {
				s.Hooks.Response = append(s.Hooks.Response, o.(requests.OnResponse))
			},
			states: map[string]optionState{"nil": one("invalid", requests.OnResponse(nil)), "set": one("aa", onResponse("a")), "twice": one("abab", onResponse("a"), onResponse("b"))},
		},
		"OnRedirect": {
			look: func(o *observed) string { return o.heard }, field: func(s *requests.Session, o requests.Option) {
				s.Hooks.Redirect = append(s.Hooks.Redirect, o.(requests.OnRedirect))
			},
			states: map[string]optionState{"nil": one("invalid", requests.OnRedirect(nil)), "set": one("a", onRedirect("a")), "twice": one("ab", onRedirect("a"), onRedirect("b"))},
		},
		"OnRetry": {
			look: func(o *observed) string { return fmt.Sprint(len(o.told.OnRetry)) }, unset: "0", field: func(s *requests.Session, o requests.Option) {
				s.Hooks.Retry = append(s.Hooks.Retry, o.(requests.OnRetry))
			},
			states: map[string]optionState{"nil": one("invalid", requests.OnRetry(nil)), "set": one("1", onRetry), "twice": one("2", onRetry, onRetry)},
		},
		"OnProgress": {
			look: func(o *observed) string { return fmt.Sprint(len(o.told.OnProgress)) }, unset: "0",
			states: map[string]optionState{"nil": one("0", requests.OnProgress(nil)), "set": one("1", onProgress), "twice": one("2", onProgress, onProgress), "off": one("0", onProgress, requests.OnProgress(nil))},
		},
		"OnInformational": {
			look: func(o *observed) string { return fmt.Sprint(len(o.told.OnInformational)) }, unset: "0", field: func(s *requests.Session, o requests.Option) {
				s.Hooks.Informational = append(s.Hooks.Informational, o.(requests.OnInformational))
			},
			states: map[string]optionState{"nil": one("invalid", requests.OnInformational(nil)), "set": one("1", onInformational), "twice": one("2", onInformational, onInformational)},
		},
		"Hooks": {
			look: func(o *observed) string { return o.heard }, field: func(s *requests.Session, o requests.Option) { s.Hooks = o.(requests.Hooks) },
			states: map[string]optionState{
				"zero": one("", requests.Hooks{}), "set": one("aa", requests.Hooks{Request: []requests.OnRequest{onRequest("a")}}),
				"twice": one("aac"+"aac", requests.Hooks{Request: []requests.OnRequest{onRequest("a"), onRequest("a")}}, requests.Hooks{Request: []requests.OnRequest{onRequest("c")}}),
				"bad":   one("invalid", requests.Hooks{Request: []requests.OnRequest{nil}}),
			},
		},
		"Checksum": {where: nowhere, states: refused}, "Overwrite": {where: nowhere, states: refused}, "Parallel": {where: nowhere, states: refused},
		"Method": {where: nowhere, states: refused}, "Concurrency": {where: nowhere, states: refused}, "SaveTo": {where: nowhere, states: refused},
	}
}

// TestOptionMatrix gives each value of each option in each way, and looks at
// what counts, in the call and in those of other sessions.
func TestOptionMatrix(t *testing.T) {
	noEnvironment(t)
	t.Setenv("http_proxy", "http://environment.test")
	t.Setenv("no_proxy", "a.test,b.test")
	var heard string
	rows := optionRows(t, &heard)
	for name, row := range rows {
		if row.where == nowhere {
			continue
		}
		look := func(t *testing.T, s *requests.Session, opts ...requests.Option) string {
			o := observe(t, s, row.url, &heard, func(url string) (*requests.Response, error) { return s.Post(t.Context(), url, opts...) })
			if errors.Is(o.err, requests.ErrInvalidOption) {
				require.Empty(t, o.sent)
				return "invalid"
			}
			return row.look(o)
		}
		for state, v := range row.states {
			session := cmp.Or(v.session, v.want) // by an option of a session
			if row.where == callOnly && v.want != row.unset && v.want != "" {
				session = "invalid"
			}
			if row.where == callOnly && state == "twice" && v.want == "invalid" {
				session = "invalid"
			}
			ways := map[string]func(t *testing.T) (got, want string){
				"call":       func(t *testing.T) (string, string) { return look(t, requests.NewSession(), v.opts...), v.want },
				"zero":       func(t *testing.T) (string, string) { return look(t, new(requests.Session), v.opts...), v.want },
				"NewSession": func(t *testing.T) (string, string) { return look(t, requests.NewSession(v.opts...)), session },
				"With":       func(t *testing.T) (string, string) { return look(t, requests.NewSession().With(v.opts...)), session },
				"zero With":  func(t *testing.T) (string, string) { return look(t, new(requests.Session).With(v.opts...)), session },
				"With twice": func(t *testing.T) (string, string) {
					s := requests.NewSession()
					for _, o := range v.opts {
						s = s.With(o)
					}
					return look(t, s), session
				},
				"others": func(t *testing.T) (string, string) { // see nothing of it
					base := requests.NewSession()
					if name == "Cookies" || name == "KeepCookies" || name == "CookieJar" {
						base.With(v.opts...)
					} else {
						look(t, base.With(v.opts...))
						look(t, base, v.opts...)
						base.Cookies.Clear()
					}
					return look(t, base), row.unset
				},
				"Send": func(t *testing.T) (string, string) {
					s := requests.NewSession()
					url := row.url
					if url == "start" {
						url = "http://a.test/v/start"
					}
					o := observe(t, s, url, &heard, func(url string) (*requests.Response, error) {
						p, err := s.Prepare(t.Context(), requests.NewRequest("POST", url))
						require.NoError(t, err)
						return s.Send(t.Context(), p, v.opts...)
					})
					switch {
					case name == "CookieJar": // it keeps what comes
						return "", ""
					case row.where != everywhere:
						return fmt.Sprint(errors.Is(o.err, requests.ErrInvalidOption)), "true"
					case errors.Is(o.err, requests.ErrInvalidOption):
						return "invalid", v.want
					}
					return row.look(o), v.want
				},
				"Prepare": func(t *testing.T) (string, string) {
					s := requests.NewSession()
					o := observe(t, s, row.url, &heard, func(url string) (*requests.Response, error) {
						p, err := s.Prepare(t.Context(), requests.NewRequest("POST", url, v.opts...))
						if err != nil {
							return nil, err
						}
						return s.Send(t.Context(), p)
					})
					if errors.Is(o.err, requests.ErrInvalidOption) {
						return "invalid", v.want
					}
					return row.look(o), v.want
				},
			}
			if row.field != nil && v.want != "invalid" && len(v.opts) == 1 {
				ways["field"] = func(t *testing.T) (string, string) {
					s := requests.NewSession()
					row.field(s, v.opts[0])
					return look(t, s), v.want
				}
				ways["literal"] = func(t *testing.T) (string, string) {
					s := &requests.Session{}
					row.field(s, v.opts[0])
					return look(t, s), v.want
				}
				ways["With of a field"] = func(t *testing.T) (string, string) {
					s := requests.NewSession()
					row.field(s, v.opts[0])
					return look(t, s.With()), v.want
				}
			}
			if len(v.opts) == 2 && row.where != callOnly && v.want != "invalid" && !strings.HasPrefix(name, "On") && name != "Hooks" {
				ways["call over session"] = func(t *testing.T) (string, string) {
					return look(t, requests.NewSession(v.opts[0]), v.opts[1]), v.want
				}
			}
			for way, do := range ways {
				t.Run(name+"/"+state+"/"+way, func(t *testing.T) {
					if name == "CookieJar" || name == "Files" { // which a call changes
						v = optionRows(t, &heard)[name].states[state]
					}
					got, want := do(t)
					require.Equal(t, want, got)
				})
			}
		}
	}
	s := requests.NewSession(requests.BearerAuth("a")) // whose Auth an Authorization field of the call replaces
	o := observe(t, s, "", &heard, func(url string) (*requests.Response, error) {
		return s.Post(t.Context(), url, requests.Headers{"authorization": "x"})
	})
	require.Equal(t, "x", rows["Auth"].look(o))
	for name := range rows { // a call's hooks take the place of the session's
		if !strings.HasPrefix(name, "OnRe") || name == "OnRetry" {
			continue
		}
		v := rows[name].states["twice"]
		s := requests.NewSession(v.opts[0])
		o := observe(t, s, "", &heard, func(url string) (*requests.Response, error) { return s.Post(t.Context(), url, v.opts[1]) })
		require.NotContains(t, o.heard, "a", name)
	}
}

// TestOptionMatrixIsComplete: a type with the method option has a row, and so has
// each of its kinds of values.
func TestOptionMatrixIsComplete(t *testing.T) {
	var heard string
	rows := optionRows(t, &heard)
	lib := checkLibrary(t)
	var found []string
	for _, name := range lib.pkg.Scope().Names() {
		named, ok := lib.pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok || types.IsInterface(named.Type()) || named.IsAlias() {
			continue
		}
		if types.NewMethodSet(types.NewPointer(named.Type())).Lookup(lib.pkg, "option") == nil {
			continue
		}
		found = append(found, name)
		row, ok := rows[name]
		if !ok {
			t.Errorf("the option %s has no row in optionRows", name)
			continue
		}
		if row.where == nowhere {
			continue
		}
		states := []string{"set", "twice"}
		switch named.Type().Underlying().(type) {
		case *types.Map, *types.Slice, *types.Signature:
			states = append(states, "nil")
		case *types.Basic:
			if row.where != callOnly {
				states = append(states, "zero")
			}
		default:
			states = append(states, "zero")
		}
		for _, s := range states {
			if _, ok := row.states[s]; !ok {
				t.Errorf("the row of %s does not say what %s is", name, s)
			}
		}
	}
	for name := range rows {
		if !slices.Contains(found, name) {
			t.Errorf("optionRows has %s, which is no option", name)
		}
	}
	if len(found) < 25 {
		t.Errorf("found %q: this test proves nothing", found)
	}
}

// TestEachFieldHasAnOption: what a field of a session sets, an option sets for a call.
func TestEachFieldHasAnOption(t *testing.T) {
	heard := ""
	set := make(map[string]bool)
	for name, row := range optionRows(t, &heard) {
		if row.field == nil {
			continue
		}
		for _, state := range row.states {
			if state.want == "invalid" || len(state.opts) != 1 || state.opts[0] == nil {
				continue
			}
			s := new(requests.Session)
			row.field(s, state.opts[0])
			for _, f := range reflect.VisibleFields(reflect.TypeFor[requests.Session]()) {
				if f.IsExported() && !reflect.ValueOf(s).Elem().FieldByIndex(f.Index).IsZero() {
					set[f.Name] = true
				}
			}
		}
		require.NotEmpty(t, row.states, name)
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[requests.Session]()) {
		if f.IsExported() && !set[f.Name] {
			t.Errorf("Session.%s has no option", f.Name)
		}
	}
}

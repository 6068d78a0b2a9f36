package requests_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// printed has a value with secrets in it for each exported type that can hold one.
func printed(t *testing.T) map[string]any {
	const password = "http://u:" + secret + "@a.test/?token=" + secret + "#access_token=" + secret
	u := &url.URL{Scheme: "http", Host: "a.test", User: url.UserPassword("u", secret), RawQuery: "token=" + secret}
	header := http.Header{"Authorization": {secret}, "Set-Cookie": {"sid=" + secret}}
	s := requests.NewSession(requests.BearerAuth(secret), requests.Headers{"Authorization": secret}, requests.Params{"token": secret},
		requests.Proxies{"all": password}, requests.ProxyAuth("u", secret), requests.BaseURL(password), requests.Cookies{"sid": secret})
	t.Cleanup(func() { s.Close() })
	p, err := requests.NewRequest("GET", "http://a.test/?token="+secret, requests.Headers{"Authorization": secret}, requests.Text(secret)).Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.URL.User = u.User
	jar := new(requests.CookieJar)
	if err := jar.Set("sid", secret, requests.CookieDomain("a.test")); err != nil {
		t.Fatal(err)
	}
	cookie, err := jar.Get("sid")
	if err != nil {
		t.Fatal(err)
	}
	adapter := new(requests.HTTPAdapter)
	adapter.Send(t.Context(), p, requests.SendOptions{Proxy: &url.URL{Scheme: "http", Host: "127.0.0.1:1", User: u.User}})
	t.Cleanup(func() { adapter.Close() })
	r := &requests.Response{StatusCode: 404, Header: header, URL: u, Request: p}
	attempt := requests.Attempt{Number: 1, Request: p, Response: r}
	_, prepareError := requests.Get(t.Context(), "http://u:"+secret+"/x@a.test/")
	return map[string]any{
		"Session": s, "PreparedRequest": p, "Response": r, "Request": requests.NewRequest("GET", password, requests.BearerAuth(secret)),
		"HTTPAdapter": adapter, "CookieJar": jar, "Cookie": cookie, "Auth": requests.BasicAuth("u", secret),
		"SendOptions": requests.SendOptions{Proxy: u}, "Proxies": requests.Proxies{"all": password, "no_proxy": "a.test"},
		"Cookies": requests.Cookies{"sid": secret}, "Headers": requests.Headers{"Authorization": secret, "X-Token": []string{secret}, "Referer": password},
		"Params": requests.Params{"token": secret, "next": password}, "PathParams": requests.PathParams{"token": secret, "next": password}, "Form": requests.Form{"password": []string{secret}, "next": password},
		"RawQuery": requests.RawQuery("a=1&token=" + secret), "BaseURL": requests.BaseURL(password),
		"TLS": requests.TLS{CertFile: "cert.pem"}, "Attempt": attempt, "Result": requests.Result{Request: requests.NewRequest("GET", password), Response: r}, "Body": requests.Text(secret), "Hooks": s.Hooks,
		"Error": prepareError, "HTTPError": &requests.HTTPError{Response: r}, "RetryError": &requests.RetryError{Attempts: []requests.Attempt{attempt}, Response: r},
		"RedirectError": &requests.RedirectError{Response: r}, "ProxyError": &requests.ProxyError{StatusCode: 407, Header: header},
		"Link": requests.Link{Ref: "/x"}, "File": requests.File{Field: "f", Reader: strings.NewReader(secret)}, "Files": requests.Files{{Field: "f", Reader: strings.NewReader(secret)}},
	}
}

// noSecrets are the exported types that hold no credential, or only what somebody reads
// from them.
var noSecrets = strings.Fields(`Adapter AllowRedirects Authenticator Checksum CookieAttribute CookieDomain CookieExpires CookieFileError CookieFileOption CookieFormat
	CookieHTTPOnly CookieHostOnly CookiePath CookieSameSite CookieScope CookieSecure Event FileOption JSONDecoder MaxBody MaxRedirects
	OnInformational OnProgress OnRedirect OnRequest OnResponse OnRetry Option Overwrite Parallel RaiseForStatus Retry SessionCookies ShowSecrets Stats Stream Timeout
	Timings Trace TrustEnv Method Concurrency SaveTo KeepCookies IdempotencyKey Logger Dump`)

// TestPrintedValues prints and logs a value of each exported type in each way.
func TestPrintedValues(t *testing.T) {
	noEnvironment(t)
	values := printed(t)
	hidden := func(text string) bool {
		return !strings.Contains(text, secret) && !strings.Contains(strings.ToLower(text), hex.EncodeToString([]byte(secret)))
	}
	for _, f := range sourceFiles(t, ".") {
		for _, line := range exported(f.syntax) {
			name, isType := strings.CutPrefix(line, "type ")
			name, rest, _ := strings.Cut(name, " ")
			if isType && !strings.Contains(rest, ",") && values[name] == nil && !slices.Contains(noSecrets, name) {
				t.Errorf("nothing is known of what %s prints", name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		for what, v := range map[string]any{"the value": v, "a pointer": &v, "a field": struct{ V any }{v}, "a slice": []any{v}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%o"} {
				if text := fmt.Sprintf(verb, v); !hidden(text) {
					t.Errorf("%s of %s of type %s is %.300s", verb, what, name, text)
				}
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("text", "v", v)
			if what == "the value" {
				slog.New(slog.NewJSONHandler(&log, nil)).Info("JSON", "v", v)
			}
			if !hidden(log.String()) {
				t.Errorf("%s of type %s is logged as %.400s", what, name, log.String())
			}
		}
	}
	for want, v := range map[string]any{
		"map[Accept:*/* Authorization:***]":        requests.Headers{"Authorization": secret, "Accept": "*/*"},
		"map[all:http://p.test:1 no_proxy:a.test]": requests.Proxies{"all": "http://u:p@p.test:1", "no_proxy": "a.test"},
		"map[sid:***]":          requests.Cookies{"sid": secret},
		"a=1&token=***":         requests.RawQuery("a=1&token=x"),
		"http://a.test/v1/":     requests.BaseURL("http://u:p@a.test/v1/"),
		"<Response [404]>":      &requests.Response{StatusCode: 404},
		"GET http://a.test/":    requests.NewRequest("GET", "http://u:p@a.test/"),
		"<Session>":             new(requests.Session),
		"<nil>":                 (*requests.Response)(nil),
		"map[page:2 token:***]": requests.Params{"page": 2, "token": "x"},
		"requests: prepare a.test: missing scheme: perhaps https:// belongs before it": func() error { _, err := requests.Get(t.Context(), "a.test"); return err }(),
	} {
		if got := fmt.Sprint(v); got != want {
			t.Errorf("printed %q; want %q", got, want)
		}
	}
}

// TestSendOptionsPrintsFields: what is printed of options goes by the types of their
// fields, so that a new field is shown if it cannot hold a secret, and only then.
func TestSendOptionsPrintsFields(t *testing.T) {
	var opts requests.SendOptions
	fillSecrets(t, reflect.ValueOf(&opts).Elem())
	opts.Proxy = &url.URL{Scheme: "http", Host: "p.test:1", User: url.UserPassword("u", secret)}
	opts.Timeout = requests.Timeout{Connect: time.Second, Total: time.Minute}
	require.Equal(t, "{Stream:true Timeout:{Connect:1s Read:0s Total:1m0s} TLS:{SkipVerify:true Verify:true} Proxy:http://p.test:1 MaxBody:7 Trace:true}",
		fmt.Sprint(opts))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		require.Equal(t, fmt.Sprint(opts), fmt.Sprintf(verb, opts))
	}
	require.Equal(t, "{Stream:false Timeout:{Connect:0s Read:0s Total:0s} TLS:{SkipVerify:false Verify:false} Proxy: MaxBody:0 Trace:false}", fmt.Sprint(requests.SendOptions{}))
}

// fillSecrets sets each exported field in v, text to the secret.
func fillSecrets(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(secret)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillSecrets(t, v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Elem().Kind() == reflect.Struct && strings.HasSuffix(v.Type().Elem().PkgPath(), "/requests") {
			fillSecrets(t, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillSecrets(t, v.Field(i))
			}
		}
	case reflect.Func: // it prints as an address
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { panic("not called") }))
	default:
		t.Errorf("no secret is known for a %s", v.Type())
	}
}

// TestLogSays is what the records of a call have in them.
func TestLogSays(t *testing.T) {
	boom := &url.Error{Op: "Get", URL: "http://h.test/?token=" + secret, Err: errors.New("boom " + secret)}
	for _, tt := range []struct {
		name string
		rt   func(n int) (*http.Response, error)
		opts []requests.Option
		want []string
	}{
		{"foreign error", func(int) (*http.Response, error) { return nil, boom }, []requests.Option{requests.Retry{Total: 1, If: func(requests.Attempt) bool { return true }}}, []string{
			`msg=retry method=GET url="http://a.test/?token=***" attempt=1 wait=0s error="adapter failed"`,
			`error="retries exhausted: adapter failed"`,
		}},
		{"timeout", func(int) (*http.Response, error) { return nil, requests.ErrReadTimeout }, []requests.Option{requests.Retry{Total: 1}}, []string{
			`attempt=1 wait=0s error="read timed out"`, `error="retries exhausted: read timed out"`,
		}},
		{"status", func(int) (*http.Response, error) { return &http.Response{StatusCode: 503, Body: http.NoBody}, nil }, []requests.Option{requests.Retry{Total: 1, StatusCodes: []int{503}}}, []string{
			`attempt=1 wait=0s status=503`, `error="retries exhausted" status=503`,
		}},
		{"canceled", func(int) (*http.Response, error) { return nil, context.Canceled }, nil, []string{`error=`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			noEnvironment(t)
			n := 0
			s := requests.NewSession()
			defer s.Close()
			s.Mount("http://", requests.RoundTripper(roundTripFunc(func(*http.Request) (*http.Response, error) { n++; return tt.rt(n) })))
			var log bytes.Buffer
			s.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			if _, err := s.Get(t.Context(), "http://a.test/?token="+secret, tt.opts...); err == nil {
				t.Error("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log is\n%s\nwant %s in it", log.String(), want)
				}
			}
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log is\n%s", log.String())
			}
		})
	}
}

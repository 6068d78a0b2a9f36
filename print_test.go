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
	"regexp"
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
// from them; bools, numbers and functions aside.
var noSecrets = strings.Fields(`Adapter Authenticator Checksum Concurrency CookieAttribute CookieDomain CookieExpires CookieFileError CookieFileOption CookiePath
	CookieSameSite CookieScope Dump Event FileOption Logger Method Option Retry SaveTo Stats Timeout Timings`)

// isPlain matches the types of which no value is a text.
var isPlain = regexp.MustCompile(`^(bool|u?int\d*|float\d+|func\(.*)$`)

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
			if isType && !strings.Contains(rest, ",") && values[name] == nil && !isPlain.MatchString(rest) && !slices.Contains(noSecrets, name) {
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
	for _, want := range []string{"Timeout:{Connect:1s Read:0s Total:1m0s}", "TLS:{SkipVerify:true Verify:true}", "Proxy:http://p.test:1", "MaxBody:7", "Trace:true"} {
		require.Contains(t, fmt.Sprint(opts), want)
	}
	require.NotContains(t, fmt.Sprint(opts), secret)
	require.NotContains(t, fmt.Sprint(opts), "0x") // no address
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		require.Equal(t, fmt.Sprint(opts), fmt.Sprintf(verb, opts))
	}
	require.Contains(t, fmt.Sprint(requests.SendOptions{}), "Proxy: MaxBody:0 Trace:false")
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

// allTexts is what err says, and every error that can be found in it.
func allTexts(err error) string {
	if err == nil {
		return ""
	}
	text := fmt.Sprintf("%v\n%+v\n%#v\n", err, err, err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		text += allTexts(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			text += allTexts(inner)
		}
	}
	return text
}

// debugLog gives s a logger and a dump, and returns what these have written.
func debugLog(s *requests.Session) *bytes.Buffer {
	var b bytes.Buffer
	s.Logger = slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Dump.To = &b
	return &b
}

// TestPasswordsInURLs gives a URL whose password has a character that should be
// escaped to each function that takes one: no error shows any part of it.
func TestPasswordsInURLs(t *testing.T) {
	passwords := []string{secret, "1/" + secret, "99999/" + secret}
	for _, c := range []string{"/", "?", "#", ":", "@", `\`, "//", "://", "/@", "%", "[", "]", " ", "\t", "é/", "!/", "..//", "\x00"} {
		passwords = append(passwords, c+secret, secret+c, secret+c+secret)
	}
	get := func(s *requests.Session, url string, opts ...requests.Option) error {
		_, err := s.Get(t.Context(), url, append(opts, requests.RaiseForStatus(true))...)
		return err
	}
	location := func(url string) *requests.Session {
		s, _ := scripted(t, func(n int, _ *requests.PreparedRequest) reply {
			if n == 0 {
				return reply{status: 302, header: http.Header{"Location": {url}, "Link": {"<" + url + `>; rel="next"`}}}
			}
			return reply{status: 404}
		})
		return s
	}
	for name, way := range map[string]func(url string) (*requests.Session, func(*requests.Session) error){
		"Get": func(url string) (*requests.Session, func(*requests.Session) error) {
			s, _ := scripted(t, replies(reply{status: 404}))
			return s, func(s *requests.Session) error { return get(s, url) }
		},
		"BaseURL": func(url string) (*requests.Session, func(*requests.Session) error) {
			s, _ := scripted(t, replies(reply{status: 404}), requests.BaseURL(url))
			return s, func(s *requests.Session) error {
				return errors.Join(get(s, "x"), get(s, url+"/x"), get(s, "http://b.test"))
			}
		},
		"Adapter": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(s *requests.Session) error { _, err := s.Adapter(url); return err }
		},
		"Mount": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(s *requests.Session) error {
				s.Mount(strings.TrimPrefix(url, "http://"), new(requests.HTTPAdapter))
				return get(s, "http://b.test/")
			}
		},
		"Prepare": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(*requests.Session) error {
				r := requests.NewRequest("GET", url)
				p, err := r.Prepare(t.Context())
				if err == nil {
					return fmt.Errorf("%v %#v %v %+v", r, r, p, p)
				}
				return errors.Join(err, fmt.Errorf("%v %#v", r, r))
			}
		},
		"Location": func(url string) (*requests.Session, func(*requests.Session) error) {
			return location(url), func(s *requests.Session) error { return get(s, "http://a.test/") }
		},
		"Next": func(url string) (*requests.Session, func(*requests.Session) error) {
			return location(url), func(s *requests.Session) error {
				r, err := s.Get(t.Context(), "http://a.test/", requests.AllowRedirects(false))
				if err != nil {
					return err
				}
				_, err = r.Next()
				return err
			}
		},
		"Pages": func(url string) (*requests.Session, func(*requests.Session) error) {
			return location(url), func(s *requests.Session) (err error) {
				for _, err = range s.Pages(t.Context(), "http://a.test/", requests.AllowRedirects(false), requests.RaiseForStatus(true)) {
				}
				return err
			}
		},
		"Events": func(url string) (*requests.Session, func(*requests.Session) error) {
			s, _ := scripted(t, replies(reply{status: 404}))
			return s, func(s *requests.Session) (err error) {
				for _, err = range s.Events(t.Context(), url) {
				}
				return err
			}
		},
		"Download": func(url string) (*requests.Session, func(*requests.Session) error) {
			s, _ := scripted(t, replies(reply{status: 404}))
			return s, func(s *requests.Session) error {
				_, err := s.Download(t.Context(), url, t.TempDir()+"/f")
				return err
			}
		},
		"Proxies": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(s *requests.Session) error {
				return errors.Join(get(s, "http://a.invalid/", requests.Proxies{"all": url}, requests.Timeout{Total: 1}),
					get(s, "http://a.invalid/", requests.Proxies{url: "http://b.test"}, requests.Timeout{Total: 1}))
			}
		},
		"environment": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(s *requests.Session) error {
				if strings.Contains(url, "\x00") {
					return nil
				}
				t.Setenv("all_proxy", url)
				return get(s, "http://a.invalid/", requests.Timeout{Total: 1})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, password := range passwords {
				for _, url := range []string{"http://user:" + password + "@host.test/x", "http://user:" + password + "@host.test"} {
					s, do := way(url)
					log := debugLog(s)
					err := do(s)
					if text := allTexts(err); strings.Contains(text, secret) {
						t.Errorf("%q: the error is %s", url, text)
					}
					if strings.Contains(log.String(), secret) {
						t.Errorf("%q: the log is %s", url, log)
					}
					s.Close()
				}
			}
		})
	}
}

// TestSecretsInJSON: what is around a fault in JSON is shown only if it is no secret.
func TestSecretsInJSON(t *testing.T) {
	for body, target := range map[string]any{
		`{"pin": 73730001}`:                new(struct{ Pin int8 }),
		`{"token": "s3cr3t"}`:              new(struct{ Token int }),
		`{"a": 1, "password": "s3cr3t", x`: new(any),
	} {
		s, _ := scripted(t, replies(reply{status: 200, body: body}))
		err := get(t, s, "http://a.test").JSON(target)
		if !errors.Is(err, requests.ErrInvalidJSON) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "73730001") {
			t.Errorf("%s: %v", body, err)
		}
	}
	s, _ := scripted(t, replies(reply{status: 200, body: "{}"}), requests.JSONDecoder(func([]byte, any) error {
		return errors.New(`expect }, error found in #9 byte of ...|{"token":"s3cr3t"|...`)
	}))
	if err := get(t, s, "http://a.test").JSON(new(any)); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("JSON of another library: %v", err)
	}
}

// TestTokensInURLs has a token in each place of a URL that is not its userinfo.
func TestTokensInURLs(t *testing.T) {
	for _, tail := range []string{
		"/cb#access_token=" + secret, "/cb#state=x&access_token=" + secret + "&token_type=bearer", "/cb#/app?id_token=" + secret, "/cb#!code=" + secret,
		"/cb?code=" + secret + "&state=x", "/cb?a=1&client_assertion=" + secret, "/cb?a=1;token=" + secret, "/cb?%74oken=" + secret,
		"/cb;jsessionid=" + secret, "/cb?next=http%3A%2F%2Fb.test%2F%3Fsig%3D" + secret, "/cb?next=http://u:" + secret + "@b.test/", "/http://u:" + secret + "@b.test/",
	} {
		for name, do := range map[string]func(s *requests.Session, target string) error{
			"RaiseForStatus": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), target, requests.RaiseForStatus(true))
				return err
			},
			"MaxBody": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), target, requests.MaxBody(1))
				return err
			},
			"JSON": func(s *requests.Session, target string) error {
				r := get(t, s, target)
				return r.JSON(new(int))
			},
			"no mount": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), strings.Replace(target, "http:", "ftp:", 1))
				return err
			},
			"prepare": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), target, requests.Headers{"X": "\n"})
				return err
			},
			"print": func(s *requests.Session, target string) error {
				r := requests.NewRequest("GET", target)
				p, err := s.Prepare(t.Context(), r)
				if err != nil {
					return err
				}
				return errors.New(fmt.Sprintf("%v %+v %#v %v %+v %#v", r, r, r, p, p, p) + p.Curl())
			},
			"hook": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), target, requests.OnRequest(func(_ context.Context, p *requests.PreparedRequest) error { p.Method = ""; return nil }))
				return err
			},
			"cancel": func(s *requests.Session, target string) error {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_, err := s.Get(ctx, target)
				return err
			},
		} {
			for _, redirected := range []bool{false, true} {
				s, _ := scripted(t, func(n int, p *requests.PreparedRequest) reply {
					if strings.HasSuffix(p.URL.Path, "start") {
						return redirectTo(tail)
					}
					return reply{status: 404, body: "not JSON"}
				})
				log := debugLog(s)
				target := "http://a.test" + tail
				if redirected {
					target = "http://a.test/start"
				}
				err := do(s, target)
				if text := allTexts(err); err == nil || strings.Contains(text, secret) {
					t.Errorf("%s, redirected %v: the error is %s", name, redirected, text)
				}
				if strings.Contains(log.String(), secret) {
					t.Errorf("%s, redirected %v: the log is %s", name, redirected, log)
				}
			}
		}
	}
}

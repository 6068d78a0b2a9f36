package requests_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// secret is part of every credential of the tests: where it turns up, one has leaked.
const secret = "s3cr3t"

// A credential is one way to give a request something that its origin alone
// must see.
type credential struct {
	name    string
	session []requests.Option
	call    []requests.Option
	carried func(sentRequest) bool // if the request has it
}

func inField(field string) func(sentRequest) bool {
	return func(s sentRequest) bool { return s.header.Get(field) != "" }
}

func credentials() []credential {
	field := func(name string) credential {
		return credential{name: "field " + name, call: []requests.Option{requests.Headers{name: secret}}, carried: inField(name)}
	}
	return []credential{
		field("Authorization"), field("authorization"), field("Cookie"), field("Proxy-Authorization"),
		field("X-Api-Key"), field("X-Auth-Token"), field("Api-Key"), field("Token"), field("Private-Token"),
		{name: "session field Authorization", session: []requests.Option{requests.Headers{"Authorization": secret}}, carried: inField("Authorization")},
		{name: "session field X-Api-Key", session: []requests.Option{requests.Headers{"X-Api-Key": secret}}, carried: inField("X-Api-Key")},
		{name: "BasicAuth", call: []requests.Option{requests.BasicAuth("u", secret)}, carried: inField("Authorization")},
		{name: "session BearerAuth", session: []requests.Option{requests.BearerAuth(secret)}, carried: inField("Authorization")},
		{name: "AuthFunc", session: []requests.Option{requests.AuthFunc(func(_ context.Context, p *requests.PreparedRequest) error {
			p.Header.Set("X-Signature", secret+p.URL.Path)
			return nil
		})}, carried: inField("X-Signature")},
		{name: "AuthFunc with a body", session: []requests.Option{authBody()}, carried: func(s sentRequest) bool { return s.body == secret }},
		{name: "Cookies of the call", call: []requests.Option{requests.Cookies{"sid": secret}}, carried: inField("Cookie")},
		{name: "Host", call: []requests.Option{requests.Headers{"Host": "internal.test"}}, carried: inField("Host")},
	}
}

// authBody is an Auth that signs by the body.
func authBody() requests.Auth {
	return requests.AuthFunc(func(_ context.Context, p *requests.PreparedRequest) error { return p.SetBody(requests.Text(secret)) })
}

// targets are places to be sent on to from http://a.test or https://a.test.
var targets = []struct {
	name, from, to string
	within         bool // the origin, or as good
}{
	{"path", "http://a.test", "http://a.test", true},
	{"case", "http://a.test", "HTTP://A.TEST", true},
	{"default port", "http://a.test", "http://a.test:80", true},
	{"https default port", "https://a.test:443", "https://a.test", true},
	{"upgrade", "http://a.test", "https://a.test", true},
	{"host", "http://a.test", "http://b.test", false},
	{"sub", "http://a.test", "http://x.a.test", false},
	{"super", "http://x.a.test", "http://a.test", false},
	{"suffix", "http://a.test", "http://evila.test", false},
	{"prefix", "http://a.test", "http://a.test.evil.test", false},
	{"port", "http://a.test", "http://a.test:8080", false},
	{"port of the other scheme", "http://a.test", "http://a.test:443", false},
	{"downgrade", "https://a.test", "http://a.test", false},
	{"upgrade from another port", "http://a.test:8080", "https://a.test", false},
	{"upgrade to another port", "http://a.test", "https://a.test:8443", false},
	{"https port", "https://a.test", "https://a.test:8443", false},
	{"downgrade and sub", "https://a.test", "http://x.a.test", false},
	{"trailing dot", "http://a.test", "http://a.test.", false},
	{"IPv6", "http://[::1]", "http://[::2]", false},
	{"loopback names", "http://127.0.0.1", "http://localhost", false},
}

// TestCredentialMatrix sends each credential over each border, in chains of one
// to three redirects and back again. B143
func TestCredentialMatrix(t *testing.T) {
	cells := 0
	for _, target := range targets {
		for _, c := range credentials() {
			for _, chain := range [][]string{
				{target.to + "/1"},
				{target.to + "/1", "/2"},
				{target.from + "/1", target.to + "/2", target.to + "/3"},
				{target.to + "/1", target.from + "/2"}, // and back
			} {
				cells++
				t.Run(fmt.Sprintf("%s/%s/%d", target.name, c.name, len(chain)), func(t *testing.T) {
					s, sent := scripted(t, func(n int, _ *requests.PreparedRequest) reply {
						if n < len(chain) {
							return redirectTo(chain[n])
						}
						return ok()
					}, c.session...)
					get(t, s, target.from+"/0", c.call...)
					if len(sent.sent) != len(chain)+1 {
						t.Fatalf("%d requests; want %d", len(sent.sent), len(chain)+1)
					}
					left := false
					at := target.from
					for i, hop := range sent.sent {
						if i > 0 && strings.Contains(chain[i-1], "://") {
							to := strings.TrimSuffix(chain[i-1], fmt.Sprintf("/%d", i))
							stays := to == at || target.within && (to == target.to || target.name != "upgrade")
							left = left || !stays
							at = to
						}
						if got := c.carried(hop); got == left {
							t.Errorf("request %d to %s: the credential is there: %v; want %v", i, hop.url, got, !left)
						}
					}
				})
			}
		}
	}
	if cells < 200 {
		t.Errorf("%d cells; want 200", cells)
	}
}

// field is a call's header field with a secret in it.
func field(name string) requests.Option { return requests.Headers{name: "Basic " + secret} }

// TestRedirectAdvisories holds what other clients got wrong, one row for each
// advisory: what must not be in any request but the first.
func TestRedirectAdvisories(t *testing.T) {
	const a, b = "http://a.test/", "http://b.test/"
	auth := requests.BasicAuth("u", secret)
	for _, tt := range []struct {
		name  string
		chain []string
		opts  []requests.Option
		gone  []string // fields
	}{
		{"A001 CVE-2014-1829", []string{a, b}, []requests.Option{auth}, []string{"Authorization"}},
		{"A002 CVE-2014-1830", []string{a, b}, []requests.Option{field("Proxy-Authorization")}, []string{"Proxy-Authorization"}},
		{"A003 CVE-2018-18074", []string{"https://a.test/", a}, []requests.Option{auth}, []string{"Authorization"}},
		{"A005 CVE-2018-20060 host", []string{a, b}, []requests.Option{field("Authorization")}, []string{"Authorization"}},
		{"A005 CVE-2018-20060 port", []string{a, "http://a.test:81/"}, []requests.Option{field("Authorization")}, []string{"Authorization"}},
		{"A005 CVE-2018-20060 scheme", []string{"https://a.test/", a}, []requests.Option{field("Authorization")}, []string{"Authorization"}},
		{"A006 CVE-2018-25091", []string{a, b}, []requests.Option{field("aUTHORIZATION")}, []string{"Authorization"}},
		{"A007 CVE-2023-43804", []string{a, b}, []requests.Option{field("cookie")}, []string{"Cookie"}},
		{"A009 CVE-2024-37891", []string{a, b}, []requests.Option{field("proxy-authorization")}, []string{"Proxy-Authorization"}},
		{"A013 CVE-2023-45289", []string{"http://[::1]/", "http://[::1%25a.test]/"}, []requests.Option{auth}, []string{"Authorization"}},
		{"A014 CVE-2024-45336", []string{a, b, "/2"}, []requests.Option{auth, field("X-Api-Key")}, []string{"Authorization", "X-Api-Key"}},
		{"A014 CVE-2024-45336 back", []string{a, b, a}, []requests.Option{auth, field("X-Api-Key")}, []string{"Authorization", "X-Api-Key"}},
		{"A015 CVE-2025-4673", []string{a, b}, []requests.Option{field("Proxy-Authorization"), field("Proxy-Authenticate")}, []string{"Proxy-Authorization", "Proxy-Authenticate"}},
		{"A017 CVE-2018-1000007", []string{a, b}, []requests.Option{field("Authorization")}, []string{"Authorization"}},
		{"A018 CVE-2022-27774", []string{a, "http://a.test:8080/"}, []requests.Option{auth}, []string{"Authorization"}},
		{"A019 CVE-2022-27776", []string{a, "http://a.test:8080/"}, []requests.Option{field("Authorization"), field("Cookie")}, []string{"Authorization", "Cookie"}},
		{"A020 CVE-2021-22876", []string{"http://u:" + secret + "@a.test/?q=" + secret + "#f", "/2", b}, nil, []string{"Referer"}},
		{"A025 CVE-2026-3783", []string{a, b}, []requests.Option{requests.BearerAuth(secret)}, []string{"Authorization"}},
		{"A028 CVE-2022-0155", []string{a, b}, []requests.Option{field("Cookie")}, []string{"Cookie"}},
		{"A029 CVE-2022-0536", []string{"https://a.test/", a}, []requests.Option{field("Authorization"), field("Cookie")}, []string{"Authorization", "Cookie"}},
		{"A030 CVE-2024-28849", []string{a, b}, []requests.Option{field("Proxy-Authorization")}, []string{"Proxy-Authorization"}},
		{"A031 CVE-2026-40895", []string{a, b}, []requests.Option{field("X-API-Key"), field("X-Auth-Token"), field("Api-Key"), field("Token"), field("Ocp-Apim-Subscription-Key")},
			[]string{"X-Api-Key", "X-Auth-Token", "Api-Key", "Token", "Ocp-Apim-Subscription-Key"}},
		{"A032 CVE-2022-31151", []string{a, b}, []requests.Option{field("Cookie"), requests.Headers{"Host": "internal.test"}}, []string{"Cookie", "Host"}},
		{"A033 CVE-2023-45143", []string{a, b}, []requests.Option{field("Cookie")}, []string{"Cookie"}},
		{"A034 CVE-2024-24758", []string{a, b}, []requests.Option{field("Proxy-Authorization")}, []string{"Proxy-Authorization"}},
		{"A036 CVE-2022-0235", []string{a, b}, []requests.Option{field("Authorization"), field("Cookie"), field("Www-Authenticate")}, []string{"Authorization", "Cookie", "Www-Authenticate"}},
		{"A038 CVE-2022-31042", []string{a, "http://a.test:8080/", "/2"}, []requests.Option{auth, field("Cookie")}, []string{"Authorization", "Cookie"}},
		{"A039 CVE-2022-21712", []string{a, b}, []requests.Option{auth, field("Cookie")}, []string{"Authorization", "Cookie"}},
		{"A040 CVE-2022-23607", []string{a, b, a}, []requests.Option{requests.Cookies{"sid": secret}}, []string{"Cookie"}},
		{"A041 CVE-2026-34518", []string{a, b}, []requests.Option{auth, field("Cookie"), field("Proxy-Authorization")}, []string{"Authorization", "Cookie", "Proxy-Authorization"}},
		{"A042 CVE-2026-54171", []string{a, b}, []requests.Option{field("X-Vault-Token"), field("X-Csrf-Token"), field("X-Amz-Security-Token")}, []string{"X-Vault-Token", "X-Csrf-Token", "X-Amz-Security-Token"}},
		{"A043 CVE-2021-31879", []string{a, b}, []requests.Option{field("Authorization")}, []string{"Authorization"}},
		{"A044 resty 1128", []string{"https://a.test/", "http://a.test/"}, []requests.Option{field("X-Custom-Auth")}, []string{"X-Custom-Auth"}},
		{"A045 req b144240", []string{a, b}, []requests.Option{field("X-Access-Token")}, []string{"X-Access-Token"}},
		{"A04A reqwest", []string{"http://a.test:443/", "https://a.test/"}, []requests.Option{auth}, []string{"Authorization"}},
		{"A047 faraday", []string{a, "//evil.test/2"}, []requests.Option{auth}, []string{"Authorization"}},
		{"A048 CVE-2025-27221", []string{"http://u:" + secret + "@a.test/", "//b.test/"}, nil, []string{"Authorization"}},
		{"A049 measured", []string{a, "http://evil:cred@b.test/"}, nil, []string{"Authorization"}},
		{"A049 measured within", []string{a, "http://evil:cred@a.test/"}, nil, []string{"Authorization"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, func(n int, _ *requests.PreparedRequest) reply {
				if n+1 < len(tt.chain) {
					return redirectTo(tt.chain[n+1])
				}
				return ok()
			})
			r := get(t, s, tt.chain[0], tt.opts...)
			if len(sent.sent) != len(tt.chain) {
				t.Fatalf("%d requests; want %d", len(sent.sent), len(tt.chain))
			}
			for _, hop := range sent.sent[1:] {
				for _, name := range tt.gone {
					if got := hop.header.Get(name); got != "" {
						t.Errorf("%s got %s: %s", hop.url, name, got)
					}
				}
			}
			if strings.Contains(r.URL.String(), secret) || r.URL.User != nil {
				t.Errorf("the URL is %s", r.URL)
			}
		})
	}
}

// TestBodyBehindTheAuth is about whose body goes to another origin: that of the
// caller, with its Content-Type, before the Auth replaced it or after.
func TestBodyBehindTheAuth(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*requests.PreparedRequest) error
		want   string
	}{
		"before": {func(*requests.PreparedRequest) error { return nil }, `application/json "mine"`},
		"after":  {func(p *requests.PreparedRequest) error { return p.SetBody(requests.Text("changed")) }, " changed"},
	} {
		t.Run(name, func(t *testing.T) {
			to := reply{status: http.StatusTemporaryRedirect, header: http.Header{"Location": {"http://b.test/"}}}
			s, sent := scripted(t, replies(to, ok()))
			p, err := s.Prepare(t.Context(), requests.NewRequest("POST", "http://a.test/", requests.JSON("mine"), authBody()))
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.change(p); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Send(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if got := sent.sent[1].header.Get("Content-Type") + " " + sent.sent[1].body; got != tt.want {
				t.Errorf("b.test got %q; want %q", got, tt.want)
			}
		})
	}
}

// TestRedirectWays sends the same redirect on each way into the library. A010
func TestRedirectWays(t *testing.T) {
	call := func(name string, do func(*requests.Session, context.Context, string, ...requests.Option) (*requests.Response, error), opts ...requests.Option) {
		t.Run(name, func(t *testing.T) {
			s, sent := scripted(t, replies(redirectTo("http://b.test/"), ok()))
			r, err := do(s, t.Context(), "http://a.test/", append(opts, requests.BearerAuth(secret), field("X-Api-Key"), requests.Cookies{"sid": secret})...)
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			if got := sent.sent[1].header; len(sent.sent) != 2 || strings.Contains(fmt.Sprint(got), secret) {
				t.Errorf("b.test got %v", got)
			}
		})
	}
	call("Get", (*requests.Session).Get)
	call("Head", (*requests.Session).Head, requests.AllowRedirects(true))
	call("Options", (*requests.Session).Options)
	call("Post", (*requests.Session).Post, requests.Text("b"))
	call("Put", (*requests.Session).Put, requests.Text("b"))
	call("Patch", (*requests.Session).Patch)
	call("Delete", (*requests.Session).Delete)
	call("Stream", (*requests.Session).Get, requests.Stream(true))
	call("With", func(s *requests.Session, ctx context.Context, url string, opts ...requests.Option) (*requests.Response, error) {
		return s.With(opts...).Get(ctx, url)
	})
	call("Send", func(s *requests.Session, ctx context.Context, url string, opts ...requests.Option) (*requests.Response, error) {
		p, err := s.Prepare(t.Context(), requests.NewRequest("GET", url, opts...))
		if err != nil {
			return nil, err
		}
		return s.Send(ctx, p)
	})
	call("Send without a session", func(s *requests.Session, ctx context.Context, url string, opts ...requests.Option) (*requests.Response, error) {
		p, err := requests.NewRequest("GET", url, opts...).Prepare(t.Context())
		if err != nil {
			return nil, err
		}
		return s.Send(ctx, p)
	})
	t.Run("A010 package", func(t *testing.T) {
		noEnvironment(t)
		var got http.Header
		b := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
		defer b.Close()
		a := httptest.NewServer(http.RedirectHandler(b.URL, http.StatusFound))
		defer a.Close()
		if _, err := requests.Get(t.Context(), a.URL, requests.BearerAuth(secret), field("X-Api-Key")); err != nil || got == nil {
			t.Fatalf("Get = %v", err)
		}
		if strings.Contains(fmt.Sprint(got), secret) {
			t.Errorf("the other port got %v", got)
		}
	})
	t.Run("A012", func(t *testing.T) { // a RoundTripper of one's own goes by the same rules
		noEnvironment(t)
		var got []http.Header
		s := requests.NewSession(requests.BearerAuth(secret))
		s.Mount("http://", requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = append(got, r.Header.Clone())
			if r.Host == "a.test" {
				http.Redirect(w, r, "http://b.test/", http.StatusFound)
			}
		})))
		defer s.Close()
		if r := get(t, s, "http://a.test/", requests.AllowRedirects(false)); r.StatusCode != 302 || len(got) != 1 {
			t.Errorf("Get = %v after %d requests; want 302 after 1", r, len(got))
		}
		if r := get(t, s, "http://a.test/"); r.StatusCode != 200 || got[2].Get("Authorization") != "" {
			t.Errorf("Get = %v, b.test got %v", r, got)
		}
	})
	t.Run("A046", func(t *testing.T) { // nor does the session's Auth come back by itself
		s, sent := scripted(t, replies(redirectTo("http://b.test/"), redirectTo("http://c.test/"), ok()), requests.BearerAuth(secret))
		get(t, s, "http://a.test/")
		if sent.sent[1].header.Get("Authorization")+sent.sent[2].header.Get("Authorization") != "" {
			t.Errorf("sent %+v", sent.sent)
		}
	})
	t.Run("a request that the adapter made up", func(t *testing.T) { // does not take the place of ours
		s, sent := scripted(t, replies(redirectTo("/2"), ok()), requests.BearerAuth("t"))
		s.Mount("http://", rewriting{sent})
		r := get(t, s, "http://a.test/1")
		if sent.authorization(1) != "Bearer t" || r.Request.URL.Path != "/2" || r.History[0].Request.URL.Path != "/1" {
			t.Errorf("sent %+v, the last for %v", sent.sent, r.Request)
		}
	})
	t.Run("A054", func(t *testing.T) { // limits hold after a redirect
		s, _ := scripted(t, replies(redirectTo("/2"), reply{status: 200, body: strings.Repeat("x", 100)}))
		if _, err := s.Get(t.Context(), "http://a.test/", requests.MaxBody(10)); !errors.Is(err, requests.ErrBodyTooLarge) {
			t.Errorf("Get = %v; want ErrBodyTooLarge", err)
		}
	})
	t.Run("A027", func(t *testing.T) { // an "@" in the password makes no host of the rest
		s, sent := scripted(t, replies(redirectTo("2"), ok()))
		get(t, s, "http://u:p%40evil.test@a.test/1")
		if got := sent.sent[1]; got.url != "http://a.test/2" || got.header.Get("Authorization") == "" {
			t.Errorf("then came %+v", got)
		}
	})
}

// rewriting is an adapter that answers in the name of another request.
type rewriting struct{ *script }

func (a rewriting) Send(ctx context.Context, p *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
	r, err := a.script.Send(ctx, p, opts)
	if err == nil {
		r.Request = &requests.PreparedRequest{Method: "GET", URL: &url.URL{Scheme: "http", Host: "elsewhere.test"}, Header: http.Header{}}
	}
	return r, err
}

// TestProxyAuthStaysOffOrigins: no origin sees what is for the proxy. A002, A016
func TestProxyAuthStaysOffOrigins(t *testing.T) {
	s, sent := scripted(t, replies(redirectTo("/2"), redirectTo("http://b.test/"), ok()), requests.ProxyAuth("u", secret))
	get(t, s, "http://a.test/")
	for _, hop := range sent.sent {
		if got := hop.header.Get("Proxy-Authorization"); got != "" {
			t.Errorf("%s got %q", hop.url, got)
		}
	}
}

// TestBasicAuth is about what goes into the field. A249, B150
func TestBasicAuth(t *testing.T) {
	for _, tt := range []struct {
		name, user, password, want string
	}{
		{"ASCII", "Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, // RFC 7617, section 2
		{"UTF-8", "test", "123£", "Basic dGVzdDoxMjPCow=="},                       // section 2.1
		{"Latin-1", "\xe9", "\xfc", "Basic 6Tr8"},
		{"empty", "", "", "Basic Og=="},
		{"colon in the password", "u", "a:b", "Basic dTphOmI="},
		{"A249 colon in the name", "u:x", secret, ""},
		{"A249 control", "u", secret + "\n", ""},
		{"A249 NUL", "u\x00", secret, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := scripted(t, replies(ok()))
			_, err := s.Get(t.Context(), "http://a.test/", requests.BasicAuth(tt.user, tt.password))
			if tt.want == "" {
				if !errors.Is(err, requests.ErrInvalidOption) || strings.Contains(err.Error(), secret) {
					t.Errorf("Get = %v; want ErrInvalidOption", err)
				}
				return
			}
			if err != nil || sent.authorization(0) != tt.want {
				t.Errorf("sent %q, %v; want %q", sent.authorization(0), err, tt.want)
			}
		})
	}
	t.Run("B150", func(t *testing.T) {
		s, sent := scripted(t, replies(reply{status: 401, header: http.Header{"Www-Authenticate": {`Basic realm="r"`}}}))
		if r := get(t, s, "http://a.test/", requests.BasicAuth("u", "p")); r.StatusCode != 401 || len(sent.sent) != 1 {
			t.Errorf("Get = %v after %d requests; want 401 after 1", r, len(sent.sent))
		}
	})
	t.Run("B155", func(t *testing.T) {
		s, sent := scripted(t, replies(reply{status: 407, header: http.Header{"Proxy-Authenticate": {`Basic realm="r"`}}}))
		if r := get(t, s, "http://a.test/", requests.ProxyAuth("u", "p")); r.StatusCode != 407 || len(sent.sent) != 1 {
			t.Errorf("Get = %v after %d requests; want 407 after 1", r, len(sent.sent))
		}
	})
}

// A tokenAuth asks for a new token when the server refuses the one it has.
type tokenAuth struct{ token string }

func (a *tokenAuth) Authenticate(_ context.Context, p *requests.PreparedRequest) error {
	p.Header.Set("Authorization", "Token "+a.token)
	return nil
}

func (a *tokenAuth) Challenge(ctx context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	if a.token == "broken" {
		return nil, io.ErrUnexpectedEOF
	}
	a.token += "+"
	p := r.Request.Clone()
	return p, a.Authenticate(ctx, p)
}

func TestAuthenticatorChallenge(t *testing.T) {
	refuse := reply{status: 401}
	t.Run("answered", func(t *testing.T) {
		s, sent := scripted(t, replies(refuse, ok()), requests.NewAuth(&tokenAuth{"t"}))
		r, err := s.Post(t.Context(), "http://a.test/", requests.Text("b"))
		if err != nil || r.StatusCode != 200 || sent.authorization(1) != "Token t+" || sent.sent[1].body != "b" || len(r.History) != 1 {
			t.Errorf("Post = %v, %v; sent %+v", r, err, sent.sent)
		}
	})
	t.Run("bounded", func(t *testing.T) {
		s, sent := scripted(t, replies(refuse), requests.NewAuth(&tokenAuth{"t"}))
		if r := get(t, s, "http://a.test/"); r.StatusCode != 401 || len(sent.sent) != 3 {
			t.Errorf("Get = %v after %d requests; want 401 after 3", r, len(sent.sent))
		}
	})
	t.Run("error", func(t *testing.T) {
		s, _ := scripted(t, replies(refuse), requests.NewAuth(&tokenAuth{"broken"}))
		_, err := s.Get(t.Context(), "http://a.test/")
		if _, ok := errors.AsType[*requests.Error](err); !errors.Is(err, io.ErrUnexpectedEOF) || !ok {
			t.Errorf("Get = %v; want its error in an *Error", err)
		}
	})
	t.Run("body", func(t *testing.T) {
		s, _ := scripted(t, replies(refuse, ok()), requests.NewAuth(&tokenAuth{"t"}))
		if _, err := s.Post(t.Context(), "http://a.test/", once("b")); !errors.Is(err, requests.ErrBodyNotReplayable) {
			t.Errorf("Post = %v; want ErrBodyNotReplayable", err)
		}
	})
	t.Run("checked", func(t *testing.T) { // whatever it puts into the header
		s, sent := scripted(t, replies(ok()), requests.AuthFunc(func(_ context.Context, p *requests.PreparedRequest) error {
			p.Header.Set("X-Signature", "a\r\nX-Evil: 1")
			return nil
		}))
		if _, err := s.Get(t.Context(), "http://a.test/"); !errors.Is(err, requests.ErrInvalidHeader) || len(sent.sent) > 0 {
			t.Errorf("Get = %v; want ErrInvalidHeader", err)
		}
	})
	t.Run("other origin", func(t *testing.T) {
		a := &tokenAuth{"t"}
		s, sent := scripted(t, replies(redirectTo("http://b.test/"), refuse), requests.NewAuth(a))
		if r := get(t, s, "http://a.test/"); r.StatusCode != 401 || len(sent.sent) != 2 || a.token != "t" {
			t.Errorf("Get = %v after %d requests, token %q; want it left alone", r, len(sent.sent), a.token)
		}
	})
}

// TestSecretsDoNotShow prints what holds credentials. A250 to A254
func TestSecretsDoNotShow(t *testing.T) {
	s, _ := scripted(t, replies(redirectTo("ftp://u:"+secret+"@x.test/?token="+secret)))
	_, redirected := s.Get(t.Context(), "http://a.test/?api_key="+secret)
	_, unparsed := s.Get(t.Context(), "http://u:"+secret+"@a.test:x/")
	_, header := s.Get(t.Context(), "http://a.test/", requests.Headers{"X-T": secret + "\n"})
	_, method := s.Do(t.Context(), "GET\r\nX: 1", "http://a.test/")
	p, err := s.Prepare(t.Context(), requests.NewRequest("GET", "http://u:"+secret+"@a.test/?token="+secret, requests.Headers{"Authorization": secret}))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		value any
	}{
		{"A250 bad redirect", redirected},
		{"A250 bad URL", unparsed},
		{"A252 BasicAuth", requests.BasicAuth("u", secret)},
		{"A252 DigestAuth", requests.DigestAuth("u", secret)},
		{"A252 BearerAuth", requests.BearerAuth(secret)},
		{"A252 ProxyAuth", requests.ProxyAuth("u", secret)},
		{"A252 Auth in a struct", struct{ B requests.Auth }{requests.BearerAuth(secret)}},
		{"A252 prepared request", p},
		{"A252 request", *requests.NewRequest("GET", "http://u:"+secret+"@a.test/", requests.Headers{"Cookie": secret})},
		{"A252 session", requests.NewSession(requests.BearerAuth(secret), requests.Headers{"Authorization": secret}, requests.Params{"token": secret})},
		{"A253", header},
		{"A254", method},
	} {
		t.Run(tt.name, func(t *testing.T) {
			verbs := []string{"%v", "%+v", "%s", "%q"}
			if _, isError := tt.value.(error); !isError {
				verbs = append(verbs, "%#v")
			}
			for _, verb := range verbs {
				text := fmt.Sprintf(verb, tt.value)
				if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) || strings.ContainsAny(text, "\r\n") {
					t.Errorf("%s prints %s", verb, text)
				}
			}
		})
	}
}

// A proving Authenticator remembers what Verify was shown.
type proving struct {
	seen []int
	err  error
}

func (*proving) Authenticate(_ context.Context, p *requests.PreparedRequest) error {
	p.Header.Set("Authorization", "Proof")
	return nil
}

func (v *proving) Verify(_ context.Context, r *requests.Response) error {
	v.seen = append(v.seen, r.StatusCode)
	return v.err
}

func TestVerify(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/away", http.StatusFound) })
	mux.Handle("/away", http.RedirectHandler(other.URL, http.StatusFound))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	s := requests.NewSession(requests.TrustEnv(false))
	defer s.Close()

	v := new(proving)
	_, err := s.Get(t.Context(), srv.URL+"/moved", requests.NewAuth(v))
	require.NoError(t, err)
	require.Equal(t, []int{302, 302}, v.seen, "the other origin is none of its own")

	v = &proving{err: errors.New("another server")}
	hooked := false
	r, err := s.Get(t.Context(), srv.URL+"/moved", requests.NewAuth(v), requests.OnResponse(func(context.Context, *requests.Response) (*requests.Response, error) {
		hooked = true
		return nil, nil
	}))
	require.Nil(t, r)
	require.ErrorIs(t, err, v.err)
	require.False(t, hooked, "a hook saw a response that is not the server's")
	require.Equal(t, []int{302}, v.seen)
}

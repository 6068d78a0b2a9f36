package requests

import (
	"log/slog"
	"time"

	"github.com/go-requests/requests/internal/values"
)

// An Option is one setting of a call or a session. Given to [NewSession] or
// [Session.With], it is a default; given to a call, it counts for that call. How
// it meets the default, and another option of its type before it, depends on the
// type:
//
//	Params, PathParams, Headers, Cookies   add up by name; the later value of a name wins,
//	                                       and nil removes a parameter or a field
//	Form, Files                            add up into one body; only a call has them
//	Timeout, Proxies, TLS                  the later value wins, field by field, key by key
//	OnRequest and the other hooks          add up within a session and within a call;
//	                                       a call's OnRequest replaces those of its session
//	all others                             the later one wins
//
// Some options are for one kind of call: [Concurrency] and [SaveTo] for
// [Session.Many]; [Checksum], [Overwrite] and [Parallel] for downloads; [Method]
// for [Session.Events]. A body and a RawQuery are for calls and not for sessions.
// Options that shape the request are not for [Session.Send], as its request is
// prepared.
//
// A nil Option is left out. A zero [Auth], [Body] or [TLS] and a nil map change
// nothing. A nil hook other than [OnProgress], a nil [*CookieJar] and an Auth made
// of nil are [ErrInvalidOption].
//
// A session copies the maps and slices that it is given. Only types of this
// package are Options.
type Option interface{ option() }

// Params are query parameters, added after the query that the URL has already. A
// value is a string, a number, a bool, a [time.Time] (RFC 3339), a
// [fmt.Stringer], a []byte, or a slice of these, which repeats the key. Nil
// removes what the session has under the key. Keys go out sorted. To have another
// order, give several Params: they go out in the order given.
type Params map[string]any

// PathParams are the values of a URL that is a template: "repos/{owner}/{repo}".
// Each value is one segment of the path or a part of one, and what may not stand
// there is escaped, "/" included; {+path} takes several segments ([RFC 6570],
// levels 1 and 2). A value is a string, a number, a bool, a [time.Time] (RFC 3339),
// a [fmt.Stringer] or a []byte. The [BaseURL] may be a template too.
//
// No value leads out of its place: an empty one, and one that makes "." or ".." a
// segment, are [ErrInvalidURL], as many servers take "%2E%2E" for "..", too. A
// name without a value and a value that the URL has no place for are
// [ErrInvalidOption]; but those of a session are there for the URLs that name them.
// They add up by name, and nil removes the session's. Without PathParams no URL is
// a template.
//
// A value is shown wherever the URL is: in errors, logs and [PreparedRequest.Curl].
// A secret belongs in a header field or an [Auth].
//
// [RFC 6570]: https://www.rfc-editor.org/rfc/rfc6570.html
type PathParams map[string]any

// Headers are header fields of the request. The case of names does not matter. A
// value is as in [Params], but a [time.Time] is written as an HTTP-date, and a
// slice makes several fields of one name. Nil removes the field, be it the
// session's or a default one. It does not remove what an [Auth] or the jar adds:
// [NoAuth] and KeepCookies(false) do.
//
// Only the library sets Content-Length, Transfer-Encoding and the other fields
// that frame a message. Connection takes close, keep-alive and, beside an Upgrade
// field, Upgrade: see [Response].Body. Proxy-Authorization goes to the HTTP proxy that carries
// the request, never to the server. Where no proxy does, one of the call is
// [ErrInvalidHeader], and one of the session is left out.
type Headers map[string]any

// RawQuery is a query that is encoded already. It is added after the query of the
// URL and before [Params]. Characters that a query cannot have are escaped, but a
// "#" begins the fragment, as in any URL, and is not sent.
type RawQuery string

// Cookies are cookies by name, sent beside those of the jar and never put into
// it. Those of a call go with this call, and a redirect to another origin leaves
// them behind. Those of a session go with each of its calls, to every host that a
// call names, and never to one that only a redirect names. They replace cookies of
// the jar that have their name, no domain and the path "/".
//
// A Cookie field among the [Headers] is sent as it is, and alone: Cookies and the
// jar add nothing to it.
//
// A [*CookieJar] is an option too: the jar of a session, or the jar of one call in
// place of the session's.
type Cookies map[string]string

// KeepCookies says whether calls use the jar. The default is true. With
// KeepCookies(false) a call sends no cookies of the jar and puts none into it.
// Cookies that a server sets go along with the redirects of the call and are
// forgotten after it, and [Cookies] are sent as ever. A [*CookieJar] that is
// given later is used again.
type KeepCookies bool

// IdempotencyKey gives each call a key of its own in the field Idempotency-Key, so
// that a server can tell a repetition from a second order
// (draft-ietf-httpapi-idempotency-key-header): a random UUID, in the quotes of a
// structured string. It is the same in each retry and redirect of the call, and lets
// [Retry] repeat a POST. A request that is sent again by [Session.Send] keeps it,
// as it is the same request.
//
// The safe methods GET, HEAD, OPTIONS and TRACE get none. One that the Headers give
// stays as it is, for a server that wants another form. A redirect that
// turns the request into a GET, or leads to another origin, leaves the key behind.
type IdempotencyKey bool

// Timeout limits the phases of a call. Zero means the default, and a negative
// value no limit. A call that runs out of time fails with [ErrConnectTimeout],
// [ErrReadTimeout] or [ErrTotalTimeout]; each of them is [ErrTimeout] too. Fields
// that are zero leave the session's as they are.
//
// One number that limits the whole call, as Timeout of [http.Client] does, is
// Timeout{Total: t}. timeout=t of Requests, which limits each silence of the server
// and never the whole, is Timeout{Connect: t, Read: t}.
type Timeout struct {
	// Connect limits name resolution, proxy, TCP and TLS together. Default 10 s.
	Connect time.Duration
	// Read limits the silence of the server: from the sent request to the
	// complete headers, then between two pieces of the body. During an upload it
	// limits the time in which the server takes nothing. Default 30 s, or Total
	// if that is longer: so Timeout{Total: time.Minute} is one number for all.
	Read time.Duration
	// Total limits the whole call with its redirects, retries and body; for a
	// streamed call everything up to the headers. Default none.
	Total time.Duration
}

const (
	defaultConnect = 10 * time.Second
	defaultRead    = 30 * time.Second
)

// over returns t with the zero fields taken from base.
func (t Timeout) over(base Timeout) Timeout {
	if t.Connect == 0 {
		t.Connect = base.Connect
	}
	if t.Read == 0 {
		t.Read = base.Read
	}
	if t.Total == 0 {
		t.Total = base.Total
	}
	return t
}

// resolved returns t with defaults for zero and zero for none.
func (t Timeout) resolved() Timeout {
	if t.Read == 0 && t.Total >= defaultRead { // who gives a call a minute does not mean it to end after half of one
		t.Read = t.Total + time.Second // so that it is Total that ends the call
	}
	t = t.over(Timeout{Connect: defaultConnect, Read: defaultRead})
	return Timeout{Connect: max(t.Connect, 0), Read: max(t.Read, 0), Total: max(t.Total, 0)}
}

// BaseURL is what the URLs of calls are relative to. With the base
// "https://api.example.com/v1", and just so with "https://api.example.com/v1/":
//
//	""                                    the base itself
//	"orders", "/orders"                   https://api.example.com/v1/orders
//	"orders?page=2"                       https://api.example.com/v1/orders?page=2
//	"https://api.example.com/v1/orders"   itself, as it lies below the base
//	"https://example.com/", "../v2"       ErrInvalidURL
//
// A URL that does not lie below the base, by another scheme, host, port or path,
// is [ErrInvalidURL], so that a path made of user input cannot carry the session's
// credentials elsewhere (CVE-2024-39338). A query of the base goes with every
// call, and its userinfo becomes Basic authentication. BaseURL("") lifts the base
// for one call.
type BaseURL string

// AllowRedirects says whether redirects are followed. The default is true, except
// for HEAD.
type AllowRedirects bool

// MaxRedirects is how many redirects one call follows before it fails with
// [ErrTooManyRedirects]. Default 30; 0 allows none. The field of a [Session] has a
// negative number for none, as its zero is the default.
type MaxRedirects int

const defaultMaxRedirects = 30

// Stream leaves the body of the response for the caller to read. The caller must
// close the [Response].
type Stream bool

// TrustEnv says whether the environment counts where the program says nothing:
// the proxy variables, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and netrc. The default
// is true.
type TrustEnv bool

// RaiseForStatus makes a call return an [*HTTPError] for a response whose status
// is 400 or above. The error has the response.
type RaiseForStatus bool

// MaxBody limits the body of a response to that many bytes after decoding,
// however it is read. A longer body is [ErrBodyTooLarge]. The default is zero: no
// limit, except the guard against decompression bombs.
type MaxBody int64

// Logger tells To of each request and its outcome, at the level debug and without
// secrets: request, redirect, challenge and retry, each with method, URL and status
// or kind of error. A nil To, as in the zero Logger, is silent, also where the
// session has one. [Dump] shows the messages themselves.
type Logger struct{ To *slog.Logger }

// clone copies p with the slices in it.
func (p Params) clone() Params {
	if p == nil {
		return nil
	}
	q := make(Params, len(p))
	for k, v := range p {
		q[k] = values.Clone(v)
	}
	return q
}

// From makes Params, Headers or a [Form] of the maps that the rest of Go has in
// their place, such as [url.Values] and [http.Header]:
//
//	requests.Get(ctx, url, requests.From[requests.Headers](http.Header{"X-Trace": {"a1"}}))
//
// The slices are those of m. A nil map gives a nil one, which says nothing.
func From[T Params | Headers | Form, M ~map[string][]string](m M) T {
	if m == nil {
		return nil
	}
	t := make(T, len(m))
	for name, values := range m {
		t[name] = values
	}
	return t
}

// over returns p with the values of base for the names that it does not have.
func (p PathParams) over(base PathParams) PathParams {
	m := PathParams(Params(base).clone())
	if m == nil {
		m = make(PathParams, len(p))
	}
	for name, v := range Params(p).clone() {
		m[name] = v
	}
	return m
}

func (Params) option()         {}
func (PathParams) option()     {}
func (Headers) option()        {}
func (RawQuery) option()       {}
func (Cookies) option()        {}
func (*CookieJar) option()     {}
func (KeepCookies) option()    {}
func (IdempotencyKey) option() {}
func (Timeout) option()        {}
func (BaseURL) option()        {}
func (AllowRedirects) option() {}
func (MaxRedirects) option()   {}
func (Stream) option()         {}
func (TrustEnv) option()       {}
func (RaiseForStatus) option() {}
func (MaxBody) option()        {}
func (Logger) option()         {}

// settings are what a call goes by: the defaults of its session with its own
// options over them. A session gets its defaults in the same way.
type settings struct {
	// merged has what a later option replaces or completes. Its Headers and
	// Params are the session's alone, and so are its Hooks until all options
	// are there.
	merged Session

	params    []Params
	pathNames []PathParams // of the options, which the URL must have a place for
	query     RawQuery
	headers   []Headers
	cookies   []Cookies
	content   Body // the one body, if form and files are empty
	form      []Form
	files     []File
	hooks     Hooks
	authGiven bool
	oneHop    bool // for an http.Client, which wants the last response whatever it is
}

// of begins with the defaults of s.
func (set *settings) of(s *Session) {
	set.merged = *s
	if s.Auth.proxy { // the field takes it, too
		set.merged.proxyAuth, set.merged.Auth = s.Auth, Auth{}
	}
}

// apply sets what opt says. It is the only place that knows all options, and
// one switch rather than a method for each so that settings need not leave the
// stack.
func (set *settings) apply(opt Option) error {
	m := &set.merged
	switch o := opt.(type) {
	case nil: // an option that was not wanted this time
	case Params:
		set.params = append(set.params, o)
	case PathParams:
		if o != nil {
			m.PathParams = o.over(m.PathParams)
			set.pathNames = append(set.pathNames, o)
		}
	case RawQuery:
		set.query = o
	case Headers:
		set.headers = append(set.headers, o)
	case Cookies:
		set.cookies = append(set.cookies, o)
	case *CookieJar:
		if o == nil {
			return failText(ErrInvalidOption, "the *CookieJar is nil; to keep no cookies is KeepCookies(false)")
		}
		m.Cookies, m.NoCookies = o, false
	case KeepCookies:
		m.NoCookies = !bool(o)
	case IdempotencyKey:
		m.IdempotencyKey = bool(o)
	case Auth:
		switch {
		case o.method == nil: // leaves the choice
		case o.proxy:
			m.proxyAuth = o
		default:
			m.Auth, set.authGiven = o, true
		}
	case Body:
		return set.setContent(o)
	case Form:
		if o != nil { // an empty one is a body, and nil is none
			set.form = append(set.form, o)
		}
	case Files:
		set.files = o.appendTo(set.files)
	case Timeout:
		m.Timeout = o.over(m.Timeout)
	case Proxies:
		m.Proxies = o.over(m.Proxies)
	case TLS:
		m.TLS = o.over(m.TLS)
		return o.check()
	case Retry:
		m.Retry = &o
		return o.check()
	case BaseURL:
		m.BaseURL = string(o)
	case AllowRedirects:
		m.NoRedirects = !bool(o)
	case MaxRedirects:
		if o < 0 {
			return failText(ErrInvalidOption, "MaxRedirects is negative")
		}
		if m.MaxRedirects = int(o); o == 0 {
			m.MaxRedirects = -1 // the field has 0 for the default
		}
	case Stream:
		m.Stream = bool(o)
	case TrustEnv:
		m.IgnoreEnv = !bool(o)
	case RaiseForStatus:
		m.RaiseForStatus = bool(o)
	case JSONDecoder:
		m.JSONDecoder = o
	case MaxBody:
		if o < 0 {
			return failText(ErrInvalidOption, "MaxBody is negative")
		}
		m.MaxBody = int64(o)
	case Trace:
		m.Trace = bool(o)
	case Logger:
		m.Logger = o.To
	case Dump:
		m.Dump = o
	default:
		return set.hooks.add(opt)
	}
	return nil
}

// check refuses what only fields of a session can have wrong, and what options
// have made of them together.
func (set *settings) check() error {
	if set.merged.MaxBody < 0 {
		return failText(ErrInvalidOption, "MaxBody is negative")
	}
	if err := set.merged.Hooks.check(); err != nil {
		return err
	}
	if err := set.merged.Retry.check(); err != nil {
		return err
	}
	return set.merged.TLS.check()
}

// maxRedirects is how many redirects to follow.
func (set *settings) maxRedirects() int {
	if n := set.merged.MaxRedirects; n != 0 {
		return max(n, 0)
	}
	return defaultMaxRedirects
}

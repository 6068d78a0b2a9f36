package requests

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"github.com/go-requests/requests/internal/redact"
)

// An Option is one setting of a call or a session. Given to [NewSession] or
// [Session.With] it is a default; given to a call it overrides that default
// for the call. Later options win over earlier ones, but [Params], [Headers],
// [Cookies], [Form] and [Files] add up.
//
// The options are the types of this package that say so; nothing else can be one.
type Option interface{ option() }

// Params are query parameters. They are added after the query that the URL has
// already. A value is a string, a number, a bool, a [time.Time] (RFC 3339), a
// [fmt.Stringer], a []byte, or a slice of these, which repeats the key; nil
// removes what the session has under the key. Keys go out sorted; several
// Params go out in the order given, so that any order can be had.
type Params map[string]any

// Headers are header fields of the request. Names compare without regard to
// case. A value is as in [Params], but a [time.Time] is written as an
// HTTP-date; a slice makes several fields of one name; nil removes the field,
// be it the session's or a default one.
//
// Content-Length, Transfer-Encoding and the other fields that frame a message
// are the library's alone.
type Headers map[string]any

// RawQuery is a query in the form it is sent in, added after that of the URL
// and before [Params]. What may not stand in a query is escaped.
type RawQuery string

// Cookies are sent with this call only. They are not stored in the session,
// and a redirect to another origin leaves them behind. Given to a session they
// are put in its jar, for every host that a call names.
type Cookies map[string]string

// Timeout limits the phases of a call. Zero means the default, a negative
// value no limit. Running out is [ErrTimeout], and the more telling
// [ErrConnectTimeout], [ErrReadTimeout] or [ErrTotalTimeout].
type Timeout struct {
	// Connect limits name resolution, proxy, TCP and TLS together. Default 10 s.
	Connect time.Duration
	// Read limits the silence of the server: the time from the sent request to
	// the complete headers, then between two reads of the body, and in an
	// upload the time in which nothing at all is taken. Default 30 s.
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
	t = t.over(Timeout{Connect: defaultConnect, Read: defaultRead})
	return Timeout{Connect: max(t.Connect, 0), Read: max(t.Read, 0), Total: max(t.Total, 0)}
}

// TLS holds the settings of encrypted connections. The zero value verifies the
// server against the roots of the system and speaks TLS 1.2 or later. Values
// are comparable: connections made under different ones are never shared
// (CVE-2024-35195).
type TLS struct {
	// SkipVerify accepts any certificate. Whoever is on the path can then read
	// and change everything; it is for tests.
	SkipVerify bool
	// CABundle is a PEM file, or a directory of them, with the only authorities
	// to trust. REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE name one where neither it
	// nor Config nor SkipVerify says whom to trust; see [TrustEnv].
	CABundle string
	// CertFile and KeyFile hold the client's certificate in PEM. An empty
	// KeyFile means that CertFile holds both.
	CertFile, KeyFile string
	// Config is the base for everything else. It must not be changed once used.
	Config *tls.Config
}

// BaseURL is what the URLs of calls are relative to: "orders" and "/orders"
// both lie below it. A URL that would leave it, by another host or by "..", is
// [ErrInvalidURL], so that a path made of user input cannot carry the session's
// credentials elsewhere (CVE-2024-39338). BaseURL("") given to one call lifts
// it for that call.
type BaseURL string

// AllowRedirects says whether redirects are followed. The default is true for
// all methods but HEAD.
type AllowRedirects bool

// MaxRedirects is how many redirects one call follows before it fails with
// [ErrTooManyRedirects]. Default 30; 0 allows none.
type MaxRedirects int

const defaultMaxRedirects = 30

// Stream leaves the body of the response unread, to be read by the caller, who
// must then close the [Response].
type Stream bool

// TrustEnv says whether the environment counts where the program says nothing:
// the proxy variables, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, and netrc.
// Default true.
type TrustEnv bool

// RaiseForStatus makes a call return an [*HTTPError] for the statuses 400 to
// 599, together with the response.
type RaiseForStatus bool

// MaxBody limits the body of a response in bytes, after decoding, on every way
// of reading it; beyond it is [ErrBodyTooLarge]. Zero, the default, is no
// limit but the guard against decompression bombs.
type MaxBody int64

// OnRequest is called with the context of the call ([Hooks]) and each request
// just before it is sent: the first one, those that follow redirects and those
// that answer challenges, but not retries.
// It may change the request, which is then checked again. An error ends the
// call and is returned as it is.
type OnRequest func(ctx context.Context, p *PreparedRequest) error

// OnResponse is called with the context of the call and each response, redirects
// included, before it is looked at for a redirect, with its body in memory unless
// [Stream] was asked for or it is a redirect. A challenge that is answered, as by [DigestAuth], and
// a response that is tried again are not shown. The response that it returns,
// if it is not nil, takes the place of the one it got, which is closed. An error
// ends the call and is returned as it is.
type OnResponse func(ctx context.Context, r *Response) (*Response, error)

// OnRedirect is called with the context of the call, each redirect and the
// request that is to follow it, from which everything bound to another origin is gone. It may change the
// request. An error ends the call and is returned as it is.
type OnRedirect func(ctx context.Context, r *Response, next *PreparedRequest) error

// Hooks are the functions that a session calls, each kind in its order. A call
// that brings some of a kind has those called, and not the session's.
//
// Each but OnProgress is given the context of the call, which an [Authenticator]
// gets too. It has the values of the caller's context and ends with it, when
// [Timeout].Total runs out and with the call: when that returns or, for a
// streamed response, when the body has been read or closed. A hook that gives up
// since Total has run out ends the call with [ErrTotalTimeout]. Otherwise the
// error of a hook is returned as it is.
type Hooks struct {
	Request       []OnRequest
	Response      []OnResponse
	Redirect      []OnRedirect
	Retry         []OnRetry
	Progress      []OnProgress
	Informational []OnInformational
}

func (OnRequest) option()  {}
func (OnResponse) option() {}
func (OnRedirect) option() {}
func (Hooks) option()      {}

// add adds a hook, or says that opt is no option at all.
func (h *Hooks) add(opt Option) error {
	switch o := opt.(type) {
	case OnRequest:
		h.Request = append(h.Request, o)
	case OnResponse:
		h.Response = append(h.Response, o)
	case OnRedirect:
		h.Redirect = append(h.Redirect, o)
	case OnRetry:
		h.Retry = append(h.Retry, o)
	case OnProgress:
		if o == nil {
			h.Progress = []OnProgress{} // which is not nil: nobody, rather than those of the session
			break
		}
		h.Progress = append(h.Progress, o)
	case OnInformational:
		h.Informational = append(h.Informational, o)
	case Hooks:
		h.Request = append(h.Request, o.Request...)
		h.Response = append(h.Response, o.Response...)
		h.Redirect = append(h.Redirect, o.Redirect...)
		h.Retry = append(h.Retry, o.Retry...)
		h.Progress = append(h.Progress, o.Progress...)
		h.Informational = append(h.Informational, o.Informational...)
	default:
		return failText(ErrInvalidOption, fmt.Sprintf("%T is no option of a call", opt))
	}
	return nil
}

// over returns the hooks of a call, with those of its session for the kinds it has none of.
func (h Hooks) over(base Hooks) Hooks {
	if h.Request == nil {
		h.Request = base.Request
	}
	if h.Response == nil {
		h.Response = base.Response
	}
	if h.Redirect == nil {
		h.Redirect = base.Redirect
	}
	if h.Retry == nil {
		h.Retry = base.Retry
	}
	if h.Progress == nil {
		h.Progress = base.Progress
	}
	if h.Informational == nil {
		h.Informational = base.Informational
	}
	return h
}

func (h Hooks) clone() Hooks {
	return Hooks{
		slices.Clone(h.Request), slices.Clone(h.Response), slices.Clone(h.Redirect), slices.Clone(h.Retry), slices.Clone(h.Progress),
		slices.Clone(h.Informational),
	}
}

// any reports whether there is a hook that is given the context of the call.
func (h *Hooks) any() bool {
	return len(h.Request) > 0 || len(h.Response) > 0 || len(h.Redirect) > 0 || len(h.Retry) > 0 || len(h.Informational) > 0
}

func (h *Hooks) beforeSend(ctx context.Context, p *PreparedRequest) error {
	for _, f := range h.Request {
		if err := f(ctx, p); err != nil {
			return hookFailure(ctx, p.URL, err)
		}
	}
	if len(h.Request) == 0 {
		return nil
	}
	if err := p.check(); err != nil {
		return &Error{Op: "prepare", URL: redact.URL(p.URL), Err: err}
	}
	return nil
}

// afterSend returns r, or what a hook gave in its place.
func (h *Hooks) afterSend(ctx context.Context, r *Response) (*Response, error) {
	for _, f := range h.Response {
		other, err := f(ctx, r)
		if err != nil {
			r.Close()
			return nil, hookFailure(ctx, r.URL, err)
		}
		if other != nil && other != r {
			r.Close()
			other.History, other.Request = r.History, r.Request
			other.complete(r.Request, r.wire.limit)
			other.jsonDecoder = r.jsonDecoder
			r = other
		}
	}
	return r, nil
}

func (h *Hooks) beforeRedirect(ctx context.Context, r *Response, p *PreparedRequest) error {
	for _, f := range h.Redirect {
		if err := f(ctx, r, p); err != nil {
			return hookFailure(ctx, r.URL, err)
		}
	}
	if len(h.Redirect) == 0 {
		return nil
	}
	if err := p.check(); err != nil {
		return &Error{Op: "redirect", URL: redact.URL(r.URL), Err: err}
	}
	return nil
}

func (Params) option()         {}
func (Headers) option()        {}
func (RawQuery) option()       {}
func (Cookies) option()        {}
func (Timeout) option()        {}
func (TLS) option()            {}
func (BaseURL) option()        {}
func (AllowRedirects) option() {}
func (MaxRedirects) option()   {}
func (Stream) option()         {}
func (TrustEnv) option()       {}
func (RaiseForStatus) option() {}
func (MaxBody) option()        {}

// settings are what a call goes by: those of its session, with its own options over them.
type settings struct {
	base           string
	params         []Params // of the call; the session's are merged under them
	query          RawQuery
	headers        []Headers
	cookies        []Cookies
	auth           Auth
	proxyAuth      Auth
	content        Body // the one body, if form and files are empty
	form           []Form
	files          []File
	tls            TLS
	timeout        Timeout
	retry          *Retry // nil: that of the adapter
	proxies        Proxies
	sessionProxies Proxies
	hooks          Hooks
	jsonDecoder    JSONDecoder
	redirects      int // how many to follow
	maxBody        int64
	stream         bool
	ignoreEnv      bool
	raise          bool
	noFollow       bool
	trace          bool
	authGiven      bool // by the call
}

// apply sets what opt says. It is one switch rather than a method for each
// option so that settings need not leave the stack.
func (set *settings) apply(opt Option) error {
	switch o := opt.(type) {
	case nil: // an option that was not wanted this time
	case Params:
		set.params = append(set.params, o)
	case RawQuery:
		set.query = o
	case Headers:
		set.headers = append(set.headers, o)
	case Cookies:
		set.cookies = append(set.cookies, o)
	case Auth:
		if o.proxy {
			set.proxyAuth = o
		} else {
			set.auth, set.authGiven = o, true
		}
	case Body:
		return set.setContent(o)
	case Form:
		set.form = append(set.form, o)
	case Files:
		set.files = o.appendTo(set.files)
	case Timeout:
		set.timeout = o.over(set.timeout)
	case Proxies:
		set.proxies = o.over(set.proxies)
	case TLS:
		set.tls = o
	case Retry:
		set.retry = &o
	case BaseURL:
		set.base = string(o)
	case AllowRedirects:
		set.noFollow = !bool(o)
	case MaxRedirects:
		if o < 0 {
			return failText(ErrInvalidOption, "MaxRedirects is negative")
		}
		set.redirects = int(o)
	case Stream:
		set.stream = bool(o)
	case TrustEnv:
		set.ignoreEnv = !bool(o)
	case RaiseForStatus:
		set.raise = bool(o)
	case JSONDecoder:
		set.jsonDecoder = o
	case MaxBody:
		if o < 0 {
			return failText(ErrInvalidOption, "MaxBody is negative")
		}
		set.maxBody = int64(o)
	case Trace:
		set.trace = bool(o)
	default:
		return set.hooks.add(opt)
	}
	return nil
}

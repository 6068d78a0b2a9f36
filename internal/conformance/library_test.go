package conformance

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/go-requests/requests"
)

// corpusCalls holds the calls of the library that the corpus needs beyond plain
// exchanges. If the library lacks a call, it is nil, and the cases that need it are
// skipped and counted. To play them, add the call here, or to corpusFeatures if it
// needs no call of its own.
var corpusCalls = struct {
	// code finds a status by its name in Requests; net/http has constants instead.
	code func(name string) (int, bool)
	// digest is [DigestAuth].
	digest func(username, password string) requests.Auth
	// files makes the option [Files].
	files func([]corpusFormFile) requests.Option
	// proxies makes the option [Proxies]; nil removes what the session has under the key.
	proxies func(map[string]*string) requests.Proxies
	// proxyOf returns the proxy for a request through s, or "". With prepared, the request was prepared before.
	proxyOf func(ctx context.Context, s *requests.Session, url string, proxies map[string]*string, prepared bool) (string, error)
	// retry configures a with a number, or with the members of urllib3's Retry.
	retry func(a *requests.HTTPAdapter, retries json.RawMessage) error
	// jarCookies and responseCookies return cookies with all attributes, in the form of FORMAT.md, section 11.4.
	jarCookies      func(*requests.CookieJar) []any
	responseCookies func(*requests.Response) []any
	// setCookie stores a cookie with attributes.
	setCookie func(*requests.CookieJar, cookieSpec) error
	// callCookies makes an option from cookies with attributes, for one call.
	callCookies func([]cookieSpec) requests.Option
	// jarOp performs the operation of a step on the jar.
	jarOp func(*requests.CookieJar, *stepSpec) (any, error)
	// links returns the links by rel or URL, each with its parameters.
	links func(*requests.Response) map[string]map[string]string
	// next returns the request that a redirect asks for, or nil.
	next func(*requests.Response) (*requests.PreparedRequest, error)
	// apparentEncoding guesses the encoding from the content; "" means unknown.
	apparentEncoding func(*requests.Response) string
	// textPieces ranges over the decoded body in pieces of n bytes.
	textPieces func(r *requests.Response, n int) iter.Seq2[string, error]
	// lines ranges over the lines of a body that end in delimiter, "" for any line end.
	lines func(r *requests.Response, delimiter string) iter.Seq2[string, error]
	// rawRead reads up to n undecoded bytes of a streamed body, or all for n < 0.
	rawRead func(r *requests.Response, n int) ([]byte, error)
}{
	proxies:         proxiesOption,
	proxyOf:         proxyOf,
	retry:           setRetries,
	digest:          requests.DigestAuth,
	next:            (*requests.Response).Next,
	files:           filesOption,
	jarCookies:      func(jar *requests.CookieJar) []any { return jarList(slices.Collect(jar.All())) },
	responseCookies: func(r *requests.Response) []any { return jarList(r.Cookies()) },
	setCookie:       setCorpusCookie,
	jarOp:           jarOperation,

	links:            linkMap,
	apparentEncoding: (*requests.Response).ApparentEncoding,
	textPieces:       (*requests.Response).IterText,
	lines:            (*requests.Response).IterSplit,
	rawRead:          readRaw,
}

// linkMap returns links in the form of Requests, with the target as it was sent.
func linkMap(r *requests.Response) map[string]map[string]string {
	links := make(map[string]map[string]string)
	for key, l := range r.Links() {
		params := maps.Clone(l.Params)
		params["url"] = l.Ref
		if l.Rel != "" {
			params["rel"] = l.Rel
		}
		links[key] = params
	}
	return links
}

func readRaw(r *requests.Response, n int) ([]byte, error) {
	raw, err := r.Raw()
	if err != nil {
		return nil, err
	}
	if n >= 0 {
		raw = io.LimitReader(raw, int64(n))
	}
	return io.ReadAll(raw)
}

// A corpusFormFile is an entry of `files` (FORMAT.md, section 8).
type corpusFormFile struct {
	field       string
	filename    *string // nil if not given, or given as null
	anonymous   bool    // given as null: a part without a filename
	contentType string
	headers     [][2]string
	content     []byte    // unless there is a reader
	reader      io.Reader // may have a Name method
}

// A corpusFeature is something that a case can require of the client or the player.
type corpusFeature struct {
	name string // in `requires`; a name that ends in ":" is a prefix
	have bool
	uses func(*corpusCase) bool // detects the need where `requires` does not say so
}

var corpusFeatures = []corpusFeature{
	{name: "hostmap", have: true},
	{name: "tls", have: true},
	{name: "blackhole", have: true},
	{name: "prepared", have: true},
	{name: "iter", have: true},
	{name: "hooks", have: true},
	{name: "stream-upload", have: true},
	{name: "conn-reuse", have: true},
	{name: "raw", have: corpusCalls.rawRead != nil},
	{name: "digest", have: corpusCalls.digest != nil},
	{name: "retries", have: corpusCalls.retry != nil, uses: usesMounts},
	{name: "netrc", have: true},
	{name: "env-proxy", have: true},
	{name: "proxy-wire", have: corpusCalls.proxies != nil},
	{name: "charset-detection", have: corpusCalls.apparentEncoding != nil, uses: readsAny("apparent_encoding")},
	{name: "charset:", have: true},
	{name: "env-bundle", have: true, uses: usesEnvBundle},
	{name: "jar-api", have: corpusCalls.jarOp != nil},
	{name: "cookies", have: corpusCalls.jarCookies != nil, uses: usesCookies},
	{name: "call-cookies", have: corpusCalls.callCookies != nil, uses: usesCallCookies},
	{name: "files", have: corpusCalls.files != nil, uses: usesFiles},
	{name: "proxies", have: corpusCalls.proxies != nil, uses: usesProxies},
	{name: "proxy", have: corpusCalls.proxyOf != nil, uses: kindIs("proxy")},
	{name: "codes", have: corpusCalls.code != nil, uses: kindIs("codes")},
	{name: "links", have: corpusCalls.links != nil, uses: readsAny("links")},
	{name: "next", have: corpusCalls.next != nil, uses: usesNext},
	{name: "text-pieces", have: corpusCalls.textPieces != nil, uses: readsText},
	{name: "line-delimiters", have: corpusCalls.lines != nil, uses: readsDelimited},
}

// lacking returns the name of the first missing feature that c needs, or "".
func lacking(c *corpusCase) string {
	for _, f := range corpusFeatures {
		if !f.have && (f.uses != nil && f.uses(c) || slices.ContainsFunc(c.Requires, f.is)) {
			return f.name
		}
	}
	for _, r := range c.Requires {
		if !slices.ContainsFunc(corpusFeatures, func(f corpusFeature) bool { return f.is(r) }) {
			return r
		}
	}
	return ""
}

func (f corpusFeature) is(required string) bool {
	return f.name == required || strings.HasSuffix(f.name, ":") && strings.HasPrefix(required, f.name)
}

func kindIs(kind string) func(*corpusCase) bool {
	return func(c *corpusCase) bool { return c.Kind == kind }
}

// readsAny finds the read operations of these names.
func readsAny(ops ...string) func(*corpusCase) bool {
	return func(c *corpusCase) bool {
		return c.anyRead(func(r *readSpec) bool { return slices.Contains(ops, r.Op) })
	}
}

func readsText(c *corpusCase) bool {
	return c.anyRead(func(r *readSpec) bool { return r.DecodeUnicode && r.Op == "iter_content" })
}

func readsDelimited(c *corpusCase) bool {
	return c.anyRead(func(r *readSpec) bool { return isGiven(r.Delimiter) })
}

func (c *corpusCase) anyRead(f func(*readSpec) bool) bool {
	return c.anyStep(func(s *stepSpec) bool {
		return slices.ContainsFunc(s.Reads, func(r readSpec) bool { return f(&r) })
	})
}

func (c *corpusCase) anyStep(f func(*stepSpec) bool) bool {
	return slices.ContainsFunc(c.Steps, func(s stepSpec) bool { return f(&s) })
}

// anySession checks the session and all steps, which have the same members.
func (c *corpusCase) anySession(f func(*sessionSpec) bool) bool {
	return f(&c.Session) || c.anyStep(func(s *stepSpec) bool { return f(&s.sessionSpec) })
}

func usesMounts(c *corpusCase) bool {
	return c.anySession(func(s *sessionSpec) bool { return len(s.Mount) > 0 })
}

func usesProxies(c *corpusCase) bool {
	return c.anySession(func(s *sessionSpec) bool { return len(s.Proxies) > 0 })
}

func usesFiles(c *corpusCase) bool {
	return c.anyStep(func(s *stepSpec) bool { return len(s.Files) > 0 })
}

func usesNext(c *corpusCase) bool {
	return readsAny("next")(c) || c.anyStep(func(s *stepSpec) bool { return s.Op == "next" })
}

// usesEnvBundle reports whether the environment names authorities.
func usesEnvBundle(c *corpusCase) bool {
	return c.Env["REQUESTS_CA_BUNDLE"] != nil || c.Env["CURL_CA_BUNDLE"] != nil
}

// usesCookies reports whether a jar is filled or read.
func usesCookies(c *corpusCase) bool {
	var want struct {
		Jar []json.RawMessage `json:"jar"`
	}
	return c.Area == "cookies" || json.Unmarshal(c.Expect, &want) == nil && len(want.Jar) > 0 ||
		len(c.Session.Cookies) > 0 || readsAny("cookies", "history_cookies")(c)
}

// usesCallCookies reports whether a call has cookies with attributes.
func usesCallCookies(c *corpusCase) bool {
	return c.anyStep(func(s *stepSpec) bool {
		return len(s.Cookies) > 0 && s.Cookies[0][0] == '{' && (s.Op == "" || s.Op == "request" || s.Op == "prepare")
	})
}

package requests

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/cookie"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/file"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/values"
)

// A Cookie is one cookie of a [CookieJar] or of a response, with all its
// attributes. It is a copy: changing it changes nothing else.
//
// It holds a secret. Printed with any verb, or logged, it shows "***" for its
// value. Only the field Value has it, and what encoders such as encoding/json make
// of the Cookie.
type Cookie struct {
	Name  string
	Value string // the very bytes that came, quotes included

	// Domain is a lower-case ASCII name without a leading dot, or an address. It
	// is empty for a cookie that was set without a domain; see [CookieJar.Set].
	Domain   string
	HostOnly bool   // goes to Domain itself, not to its subdomains
	Path     string // goes to this path and to what lies below

	// Expires is when the cookie ends, or zero if it ends with the session. A jar
	// keeps no cookie for longer than 400 days (RFC 6265bis, section 5.5).
	Expires time.Time

	Secure   bool          // goes only over https, and over http to this machine
	HttpOnly bool          // not for scripts; without meaning here, kept for others
	SameSite http.SameSite // likewise; zero if absent or unknown

	Created    time.Time // when a cookie of this name, domain and path was first set
	LastAccess time.Time // when it was last set or sent
}

// String returns the cookie as a server would set it, with "***" for its value.
func (c Cookie) String() string {
	var b strings.Builder
	if c.Name != "" {
		b.WriteString(c.Name + "=")
	}
	b.WriteString("***")
	if c.Domain != "" && !c.HostOnly {
		b.WriteString("; Domain=" + c.Domain)
	}
	b.WriteString("; Path=" + c.Path)
	if !c.Expires.IsZero() {
		b.WriteString("; Expires=" + c.Expires.UTC().Format(http.TimeFormat))
	}
	if c.Secure {
		b.WriteString("; Secure")
	}
	if c.HttpOnly {
		b.WriteString("; HttpOnly")
	}
	if s := cookie.SameSiteOf(c.SameSite).String(); s != "" {
		b.WriteString("; SameSite=" + s)
	}
	return b.String()
}

// Format prints what String returns, whatever the verb.
func (c Cookie) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue keeps the value out of logs.
func (c Cookie) LogValue() slog.Value { return slog.StringValue(c.String()) }

// A CookieJar keeps cookies and chooses those that a request carries, by the
// rules of RFC 6265bis, with public suffixes, the name prefixes __Host-,
// __Secure-, __Http- and __Host-Http-, and Secure cookies that http can neither
// set nor replace. Values are sent as they came, byte for byte.
//
// Servers can add up to 50 cookies to a domain and fill a jar up to 3000; then
// the one that was used least recently goes. A cookie of more than 4096 bytes is
// not taken. A request carries all the cookies of its host. Those of parent domains,
// which any sibling host can set, go oldest first while the Cookie field stays
// within 8190 bytes or they within 4096: a hostile sibling could otherwise make
// each request to the host too large.
//
// The zero value is an empty jar, ready for use by many goroutines. A jar must
// not be copied; [CookieJar.Update] makes another one with the same cookies. It serves as [http.Client.Jar], too.
//
// A *CookieJar is an option: of a session it is the jar, and of a call the jar of
// this call alone. A nil one is [ErrInvalidOption]; see [KeepCookies].
type CookieJar struct {
	mu   sync.Mutex
	kept cookie.Store
	now  func() time.Time // nil for the time of day
}

func (*CookieJar) option() {}

var _ http.CookieJar = (*CookieJar)(nil)

// text tells how many cookies there are, and no more.
func (j *CookieJar) text() string { return "CookieJar(" + strconv.Itoa(j.Len()) + ")" }

// clock returns the source of the jar's time: UTC without the monotonic reading,
// since cookies are stored in files and moved to other machines.
func (j *CookieJar) clock() func() time.Time {
	if j.now != nil {
		return j.now
	}
	return func() time.Time { return time.Now().Round(0).UTC() }
}

// header returns the value of the Cookie field for a request to u, "" for none.
// named says that the caller, not a redirect, named this host: then cookies
// without a domain go too.
func (j *CookieJar) header(u *url.URL, named bool) string { return j.headerWith(u, named, nil) }

// headerWith is header for a call with cookies of its own. As in Requests, they
// replace cookies of the same name that the program has put into the jar without
// a domain and for the path "/", and are sent in addition to those of servers.
func (j *CookieJar) headerWith(u *url.URL, named bool, own map[string]string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.kept.Len() == 0 && len(own) == 0 {
		return ""
	}
	o, _ := cookie.OriginOf(u)
	return j.kept.Header(cookie.Request{Origin: o, Named: named, Own: own}, j.clock())
}

// maxSetCookies bounds the work for one response. Of more Set-Cookie fields only
// the last ones are read, as many as a jar holds.
const maxSetCookies = 3000

// store takes the Set-Cookie fields of a response to a request for u.
func (j *CookieJar) store(u *url.URL, lines []string) {
	o, ok := cookie.OriginOf(u)
	if !ok || len(lines) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.clock()()
	for _, line := range lines[max(0, len(lines)-maxSetCookies):] {
		if r, ok := cookie.Parse(line); ok {
			j.kept.Receive(&o, &r, now)
		}
	}
}

// parseSetCookies returns the cookies that a response to a request for u sets,
// in the order of their first mention: those that an empty jar would hold
// afterwards. It leaves out cookies for other domains and those that the response
// deletes.
func parseSetCookies(u *url.URL, lines []string) []*Cookie {
	var j CookieJar
	j.store(u, lines)
	return slices.Collect(j.All())
}

// SetCookies implements [http.CookieJar] for clients of net/http. A cookie that
// no Set-Cookie field could carry is left out.
func (j *CookieJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	o, ok := cookie.OriginOf(u)
	if !ok || len(cookies) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.clock()()
	for _, c := range cookies {
		if c == nil {
			continue
		}
		if r := cookie.FromHTTP(c); r.WellFormed() {
			j.kept.Receive(&o, &r, now)
		}
	}
}

// Cookies implements [http.CookieJar] for clients of net/http. It leaves out cookies
// without a domain, as such a client does not tell the target of a redirect from a
// URL that the program has named. net/http may then quote values; a [Session] sends
// them as they came.
func (j *CookieJar) Cookies(u *url.URL) []*http.Cookie {
	o, _ := cookie.OriginOf(u)
	j.mu.Lock()
	defer j.mu.Unlock()
	match := j.kept.Match(cookie.Request{Origin: o}, j.clock())
	if len(match) == 0 {
		return nil
	}
	values, list := make([]http.Cookie, len(match)), make([]*http.Cookie, len(match))
	for i, c := range match {
		values[i].Name, values[i].Value = c.Name, c.Value
		if v := c.Value; len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
			values[i].Value, values[i].Quoted = v[1:len(v)-1], true
		}
		list[i] = &values[i]
	}
	return list
}

// Set puts a cookie into the jar. It replaces the one with the same name, domain and
// path.
//
// Without [CookieDomain], the cookie goes to every host that the program names in a
// call, and never to one that only a redirect names. With it, the cookie goes to that
// host and its subdomains. It goes to the host alone if that is an address or a
// public suffix, such as "localhost" or "github.io", or with [CookieHostOnly].
// Without [CookiePath], the path is "/". A cookie whose time is past is deleted.
//
// The limits on the number of cookies are for servers and do not apply here. A
// cookie that cannot be sent is [ErrInvalidOption]. The error names the cookie and
// never shows its value.
func (j *CookieJar) Set(name, value string, attributes ...CookieAttribute) error {
	if err := validateCookie(name, value); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.clock()()
	c := cookie.Cookie{Name: name, Value: value, Path: "/"}
	for _, a := range attributes {
		if !absent(a) {
			a.set(&c)
		}
	}
	if reason := cmp.Or(cookie.CheckSentPath(c.Path), c.Settle()); reason != "" {
		return invalidCookie(name, reason)
	}
	j.kept.Put(c, now)
	return nil
}

// Get returns the cookie of that name, in the domain and with the path that are
// given, if any. If there is none, the error is [http.ErrNoCookie]; if there are
// several, it is [ErrCookieConflict].
func (j *CookieJar) Get(name string, where ...CookieScope) (*Cookie, error) {
	switch found := j.find(name, where); len(found) {
	case 0:
		return nil, jarError(fmt.Errorf("%w: %q", http.ErrNoCookie, name))
	case 1:
		return exportCookie(&found[0]), nil
	default:
		return nil, failText(ErrCookieConflict, fmt.Sprintf("%q, %d times", name, len(found)))
	}
}

// All ranges over the cookies in the order in which they were created. It sees the
// jar as it is when the loop begins, so the loop may change the jar.
func (j *CookieJar) All() iter.Seq[*Cookie] {
	return func(yield func(*Cookie) bool) {
		for _, c := range j.snapshot() {
			if !yield(exportCookie(&c)) {
				return
			}
		}
	}
}

// Map returns the values by name, in the domain and with the path that are given, if
// any. If several cookies share a name, the one that was created last counts.
func (j *CookieJar) Map(where ...CookieScope) map[string]string {
	match := inScopes(where)
	values := make(map[string]string)
	for _, c := range j.snapshot() {
		if match(&c) {
			values[c.Name] = c.Value
		}
	}
	return values
}

// Len returns the number of cookies.
func (j *CookieJar) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kept.RemoveExpired(j.clock()())
	return j.kept.Len()
}

// Delete removes the cookies of that name, in the domain and with the path that
// are given, if any, and returns their number.
func (j *CookieJar) Delete(name string, where ...CookieScope) int {
	match := inScopes(where)
	return j.remove(func(c *cookie.Cookie) bool { return c.Name == name && match(c) })
}

// Clear removes the cookies in the domain and with the path that are given, or all
// cookies if none is given, and returns their number.
func (j *CookieJar) Clear(where ...CookieScope) int { return j.remove(inScopes(where)) }

// ClearSession removes the cookies that end with the session, as a browser does
// when it is closed, and returns their number.
func (j *CookieJar) ClearSession() int {
	return j.remove(func(c *cookie.Cookie) bool { return c.Expires.IsZero() })
}

// Update puts the cookies of another jar into j. They replace those with the same
// name, domain and path. A nil jar has none.
func (j *CookieJar) Update(from *CookieJar) {
	if from != nil {
		j.put(from.snapshot())
	}
}

func (j *CookieJar) put(cookies []cookie.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.clock()()
	for _, c := range cookies {
		j.kept.Put(c, now)
	}
}

func (j *CookieJar) find(name string, where []CookieScope) []cookie.Cookie {
	match := inScopes(where)
	return j.filter(func(c *cookie.Cookie) bool { return c.Name == name && match(c) })
}

func (j *CookieJar) snapshot() []cookie.Cookie {
	return j.filter(func(*cookie.Cookie) bool { return true })
}

func (j *CookieJar) filter(match func(*cookie.Cookie) bool) []cookie.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.kept.Select(j.clock()(), match)
}

func (j *CookieJar) remove(match func(*cookie.Cookie) bool) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.kept.RemoveExpired(j.clock()()) // expired ones do not count
	return j.kept.Remove(match)
}

// A CookieAttribute is an attribute for [CookieJar.Set]. If several are of one kind,
// the last counts.
type CookieAttribute interface {
	set(c *cookie.Cookie)
}

// A CookieScope tells cookies of one name apart: a [CookieDomain] or a
// [CookiePath].
type CookieScope interface {
	CookieAttribute
	match() func(*cookie.Cookie) bool
}

type (
	// CookieDomain is the domain of a cookie, as a name in any script and letter
	// case, with or without a leading dot, or an address. "" is for cookies
	// without a domain.
	CookieDomain string
	// CookiePath is the path of a cookie, percent-encoded as in a URL.
	CookiePath string
	// CookieHostOnly keeps a cookie from the subdomains of its domain.
	CookieHostOnly bool
	// CookieSecure keeps a cookie from being sent over http.
	CookieSecure bool
	// CookieHTTPOnly marks a cookie as one that no script should see.
	CookieHTTPOnly bool
	// CookieExpires is when a cookie ends; the zero time is with the session.
	CookieExpires time.Time
	// CookieSameSite is kept for others; a jar does not act on it.
	CookieSameSite http.SameSite
)

func (v CookieDomain) set(c *cookie.Cookie)   { c.Domain = string(v) }
func (v CookiePath) set(c *cookie.Cookie)     { c.Path = string(v) }
func (v CookieHostOnly) set(c *cookie.Cookie) { c.HostOnly = bool(v) }
func (v CookieSecure) set(c *cookie.Cookie)   { c.Secure = bool(v) }
func (v CookieHTTPOnly) set(c *cookie.Cookie) { c.HTTPOnly = bool(v) }
func (v CookieExpires) set(c *cookie.Cookie)  { c.Expires = time.Time(v) }
func (v CookieSameSite) set(c *cookie.Cookie) { c.SameSite = cookie.SameSiteOf(http.SameSite(v)) }

func (v CookieDomain) match() func(*cookie.Cookie) bool {
	domain, ok := cookie.CanonicalDomain(string(v))
	return func(c *cookie.Cookie) bool { return c.Domain == domain && (ok || v == "") }
}

func (v CookiePath) match() func(*cookie.Cookie) bool {
	return func(c *cookie.Cookie) bool { return c.Path == string(v) }
}

func inScopes(where []CookieScope) func(*cookie.Cookie) bool {
	var matches []func(*cookie.Cookie) bool
	for _, w := range where {
		if !absent(w) {
			matches = append(matches, w.match())
		}
	}
	return func(c *cookie.Cookie) bool {
		for _, match := range matches {
			if !match(c) {
				return false
			}
		}
		return true
	}
}

// validateCookie refuses, as [ErrInvalidOption], a cookie of the program that would
// not reach a server unchanged.
func validateCookie(name, value string) error {
	if reason := cookie.CheckSent(name, value); reason != "" {
		return invalidCookie(name, reason)
	}
	return nil
}

func invalidCookie(name, reason string) error {
	return failText(ErrInvalidOption, "cookie "+redact.Token(name)+": "+reason)
}

func exportCookie(c *cookie.Cookie) *Cookie {
	return &Cookie{
		Name: c.Name, Value: c.Value, Domain: c.Domain, HostOnly: c.HostOnly, Path: c.Path,
		Expires: c.Expires, Secure: c.Secure, HttpOnly: c.HTTPOnly, SameSite: c.SameSite.HTTP(),
		Created: c.Created, LastAccess: c.LastAccess,
	}
}

// A CookieFileOption says what [CookieJar.Save] writes: a [CookieFormat] or
// [SessionCookies].
type CookieFileOption interface{ cookieFile(*cookieFile) }

// CookieFormat is the format of a file of cookies.
type CookieFormat uint8

const (
	// CookiesTXT is the cookies.txt of Netscape, which curl, wget and Python
	// read and write. It is the default. It cannot hold SameSite, the times of
	// creation and access, or cookies without a domain or with a TAB in them.
	CookiesTXT CookieFormat = iota
	// CookiesJSON holds everything that a jar knows.
	CookiesJSON
)

// SessionCookies makes [CookieJar.Save] write cookies that end with the session, too.
type SessionCookies bool

type cookieFile struct {
	format   CookieFormat
	sessions bool
}

func (f CookieFormat) cookieFile(c *cookieFile)   { c.format = f }
func (s SessionCookies) cookieFile(c *cookieFile) { c.sessions = bool(s) }

// A CookieFileError says which line of a file of cookies cannot be read, and why. It
// shows nothing of that line.
type CookieFileError struct {
	Path   string // "" for what was read from a reader
	Line   int    // counted from 1; 0 if the file as a whole is meant
	Reason string
}

func (e *CookieFileError) Error() string {
	s := "cookie file"
	if e.Path != "" {
		s += " " + strconv.Quote(e.Path)
	}
	if e.Line > 0 {
		s += ", line " + strconv.Itoa(e.Line)
	}
	return s + ": " + e.Reason
}

// Is reports whether target is [ErrRequest].
func (e *CookieFileError) Is(target error) bool { return target == ErrRequest }

// Save writes the cookies that have not expired, in the order in which they were
// created. Those that end with the session are written only if [SessionCookies] asks
// for them. What Save writes is secret.
//
// Any server may set a cookie that the format cannot hold. Such a cookie is left out.
// Once all others are written, the error is [ErrInvalidOption] and names it.
func (j *CookieJar) Save(w io.Writer, opts ...CookieFileOption) error {
	data, left, err := j.encode(opts)
	if err != nil {
		return err
	}
	if values.IsNil(w) {
		return failText(ErrInvalidOption, "Save(nil)")
	}
	if _, err = w.Write(data); err != nil {
		return jarError(err)
	}
	return left
}

// SaveFile is [CookieJar.Save] to a file that only its owner may read. It replaces an
// old file in one step: nobody ever sees a part of the new one, and after a failure
// the old one is as it was. A symbolic link is replaced, not followed.
func (j *CookieJar) SaveFile(path string, opts ...CookieFileOption) error {
	data, left, err := j.encode(opts)
	if err != nil {
		return err
	}
	if err := file.ReplacePrivate(path, data); err != nil {
		return jarError(err)
	}
	return left
}

// encode returns the text of a file, and an error that names the cookies left out.
func (j *CookieJar) encode(opts []CookieFileOption) (data []byte, left, err error) {
	var config cookieFile
	for _, o := range opts {
		if !absent(o) {
			o.cookieFile(&config)
		}
	}
	cookies := j.filter(func(c *cookie.Cookie) bool { return config.sessions || !c.Expires.IsZero() })
	data, missing, ok := cookie.Append(nil, cookie.Format(config.format), cookies)
	if !ok {
		return nil, nil, failText(ErrInvalidOption, fmt.Sprintf("unknown cookie format %d", config.format))
	}
	if len(missing) > 0 {
		left = fail(ErrInvalidOption, fault.List(missing))
	}
	return data, left, nil
}

// Load adds the cookies of a file, whose format it recognizes. They replace those
// with the same name, domain and path. Expired cookies are left out.
//
// Load skips a line or a cookie that it cannot read, and loads the others. The error
// is then a [*CookieFileError], or wraps one for each such line. From a file that is
// too large, has too many cookies, or is of a newer version, nothing is loaded.
func (j *CookieJar) Load(r io.Reader) error { return j.load(r, "") }

func (j *CookieJar) load(r io.Reader, path string) error {
	if values.IsNil(r) {
		return failText(ErrInvalidOption, "Load(nil)")
	}
	cookies, bad, err := cookie.ReadFile(r)
	if err != nil {
		return jarError(err)
	}
	j.put(cookies)
	errs := make(fault.List, len(bad))
	for i, b := range bad {
		errs[i] = &CookieFileError{Path: path, Line: b.Line, Reason: b.Reason}
	}
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return errs
}

// LoadFile is [CookieJar.Load] from a file. If there is no such file, the error is
// [io/fs.ErrNotExist].
func (j *CookieJar) LoadFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return jarError(err)
	}
	defer f.Close()
	return j.load(f, path)
}

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

func (Cookies) option() {}

// check refuses cookies that a Cookie field cannot carry.
func (c Cookies) check() error {
	for name, value := range c {
		if err := validateCookie(name, value); err != nil {
			return err
		}
	}
	return nil
}

// KeepCookies says whether calls use the jar. The default is true. With
// KeepCookies(false) a call sends no cookies of the jar and puts none into it.
// Cookies that a server sets go along with the redirects of the call and are
// forgotten after it, and [Cookies] are sent as ever. A [*CookieJar] that is
// given later is used again.
type KeepCookies bool

func (KeepCookies) option() {}

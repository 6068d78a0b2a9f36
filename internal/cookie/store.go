package cookie

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	maxPerDomain = 50   // section 6.1
	maxTotal     = 3000 // section 6.1

	// maxAge bounds how long a cookie is kept: section 5.5.
	maxAge = 400 * 24 * time.Hour

	// maxHeader is how long cookies of parent domains may make a Cookie field,
	// see [Store.Header]. It is what curl sends and Apache accepts.
	maxHeader = 8190
)

// A Cookie is one cookie of a [Store].
type Cookie struct {
	Name, Value string
	Domain      string // canonical; "" for a cookie that goes to any host
	Path        string
	Expires     time.Time // as asked for; zero for a cookie that ends with the session
	HostOnly    bool
	Secure      bool
	HTTPOnly    bool
	SameSite    SameSite
	Created     time.Time
	LastAccess  time.Time // when last set or sent

	end time.Time // when a store drops it; zero for a session cookie
}

// Settle brings the domain of a cookie from a program or a file into its
// canonical form. It returns why c is not a valid cookie, or "" if it is; the
// reason contains neither name nor value.
//
// No host lies below an address or may share a public suffix, so a cookie for
// one of these is host-only, as in Receive.
func (c *Cookie) Settle() (reason string) {
	if c.Domain == "" {
		c.HostOnly = true
	} else {
		domain, ok := CanonicalDomain(c.Domain)
		if !ok {
			return "bad domain"
		}
		c.Domain, c.HostOnly = domain, c.HostOnly || isIP(domain) || isPublicSuffix(domain)
	}
	switch {
	case c.Name == "" && c.Value == "":
		return "neither name nor value"
	case !clean(c.Name) || strings.Contains(c.Name, "=") || trim(c.Name) != c.Name:
		return "bad name"
	case !clean(c.Value) || trim(c.Value) != c.Value:
		return "bad value"
	case !strings.HasPrefix(c.Path, "/") || !clean(c.Path):
		return "bad path"
	case !c.prefixHolds(c.Path == "/"):
		return "the prefix of the name asks for other attributes"
	}
	return ""
}

// prefixHolds reports whether c keeps what the prefix of its name promises to
// servers (section 5.4; __Http- and __Host-Http- come from the next draft,
// draft-ietf-httpbis-layered-cookies). A cookie without a name must not look
// like one with such a name when it is sent.
func (c *Cookie) prefixHolds(rootPath bool) bool {
	name := c.Name
	if name == "" {
		name = c.Value
	}
	if len(name) < 2 || name[:2] != "__" {
		return true
	}
	has := func(prefix string) bool {
		return len(name) >= len(prefix) && equalFold(name[:len(prefix)], prefix)
	}
	host := c.Name != "" && c.Secure && c.HostOnly && rootPath
	http := c.Name != "" && c.Secure && c.HTTPOnly
	switch {
	case has("__Host-Http-"):
		return host && http
	case has("__Host-"):
		return host
	case has("__Http-"):
		return http
	case has("__Secure-"):
		return c.Name != "" && c.Secure
	}
	return true
}

// An entry is a cookie in the store.
type entry struct {
	Cookie
	pair  string // what is sent; Name and Value are parts of it
	order uint64 // of insertion, for cookies created at the same instant
}

func (e *entry) expired(now time.Time) bool { return !e.end.IsZero() && !now.Before(e.end) }

// endAt returns when a cookie set now ends: at most maxAge from now, and no
// later than in the store that it comes from.
func (c *Cookie) endAt(now time.Time) time.Time {
	end := c.Expires
	if end.IsZero() {
		return end
	}
	if last := now.Add(maxAge); end.After(last) {
		end = last
	}
	if !c.end.IsZero() && c.end.Before(end) {
		end = c.end
	}
	return end
}

func byAge(a, b *entry) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.order, b.order))
}

// A Store keeps cookies as section 5.7 says. The zero value is empty and ready.
// It is not safe for concurrent use.
type Store struct {
	domains map[string][]*entry // by Domain
	count   int
	order   uint64
	secure  map[string]int // names of Secure cookies, counted
}

// Receive judges what a response of o asked for and stores it (section 5.7).
//
// A cookie with SameSite=None and without Secure is kept: that rule protects
// requests that pages make to other sites, and there are no pages here.
func (s *Store) Receive(o *Origin, r *Received, now time.Time) {
	c := Cookie{
		Name: r.Name, Value: r.Value, Domain: o.Host, HostOnly: true, Path: r.Path,
		Expires: r.expiry(now), Secure: r.Secure, HTTPOnly: r.HTTPOnly, SameSite: r.SameSite,
	}
	switch {
	case r.Domain == "":
	case r.Domain == o.Host:
		// For an address, and for a host that is a public suffix itself, the
		// attribute can mean only the host itself.
		c.HostOnly = o.IP || o.publicSuffix() == o.Host
	case !domainMatch(o.Host, r.Domain) || len(r.Domain) <= len(o.publicSuffix()):
		return
	default:
		c.Domain, c.HostOnly = r.Domain, false
	}
	if c.Path == "" {
		c.Path = o.defaultPath()
	}
	if !o.Secure && (c.Secure || s.shadowsSecure(&c)) || !c.prefixHolds(r.Path == "/") {
		return
	}
	if s.insert(&c, now) {
		s.limit(c.Domain, now)
	}
}

// shadowsSecure reports whether c could take the place of a Secure cookie that
// was set over https: "leave Secure cookies alone", section 5.7
// (CVE-2025-9086).
func (s *Store) shadowsSecure(c *Cookie) bool {
	if s.secure[c.Name] == 0 {
		return false
	}
	for domain, list := range s.domains {
		if domain == "" || !domainMatch(domain, c.Domain) && !domainMatch(c.Domain, domain) {
			continue
		}
		for _, e := range list {
			if e.Secure && e.Name == c.Name && pathMatch(c.Path, e.Path) {
				return true
			}
		}
	}
	return false
}

// Put stores a cookie that the program gives, to which no limit of number
// applies. One that has expired deletes the cookie that it would replace.
func (s *Store) Put(c Cookie, now time.Time) { s.insert(&c, now) }

// insert adds c or puts it in the place of the cookie of the same name, domain,
// host-only flag and path, and reports whether the store has grown.
func (s *Store) insert(c *Cookie, now time.Time) (grown bool) {
	list := s.domains[c.Domain]
	at := slices.IndexFunc(list, func(e *entry) bool {
		return e.Name == c.Name && e.Path == c.Path && e.HostOnly == c.HostOnly
	})
	e := entry{Cookie: *c}
	e.end = c.endAt(now)
	if e.expired(now) {
		if at >= 0 {
			s.discard(list[at])
			s.keep(c.Domain, slices.Delete(list, at, at+1))
		}
		return false
	}
	if e.LastAccess.IsZero() || e.LastAccess.After(now) {
		e.LastAccess = now
	}
	if at >= 0 {
		old := list[at]
		e.Created, e.order = old.Created, old.order
		e.ownStrings(old)
		s.discard(old)
		*old = e
		s.note(old)
		return false
	}
	if e.Created.IsZero() || e.Created.After(now) {
		e.Created = now
	}
	s.order++
	e.order = s.order
	var sibling *entry
	if len(list) > 0 {
		sibling = list[0]
	}
	e.ownStrings(sibling)
	added := e // e itself stays on the stack, where most cookies only replace
	s.note(&added)
	s.keep(e.Domain, append(list, &added))
	return true
}

// ownStrings copies the strings of e, so that it does not keep alive the field
// that it came from, which may be far larger. It shares what it can with
// another cookie of its domain.
func (e *entry) ownStrings(other *entry) {
	if other == nil {
		other = new(entry)
		other.Domain = strings.Clone(e.Domain)
	}
	e.Domain = other.Domain
	switch e.Path {
	case "/":
		e.Path = "/"
	case other.Path:
		e.Path = other.Path
	default:
		e.Path = strings.Clone(e.Path)
	}
	if e.Name == other.Name && e.Value == other.Value {
		e.pair, e.Name, e.Value = other.pair, other.Name, other.Value
		return
	}
	if e.Name == "" { // sent without "=": section 5.8.3
		e.Value = strings.Clone(e.Value)
		e.pair = e.Value
		return
	}
	n := len(e.Name)
	e.pair = e.Name + "=" + e.Value
	e.Name, e.Value = e.pair[:n], e.pair[n+1:]
}

// note and discard update the counts when e is added and removed.
func (s *Store) note(e *entry) {
	s.count++
	if e.Secure {
		if s.secure == nil {
			s.secure = make(map[string]int)
		}
		s.secure[e.Name]++
	}
}

func (s *Store) discard(e *entry) {
	s.count--
	if e.Secure {
		if s.secure[e.Name]--; s.secure[e.Name] == 0 {
			delete(s.secure, e.Name)
		}
	}
}

func (s *Store) keep(domain string, list []*entry) {
	if len(list) == 0 {
		delete(s.domains, domain)
		return
	}
	if s.domains == nil {
		s.domains = make(map[string][]*entry)
	}
	s.domains[domain] = list
}

// limit makes room after a server has added a cookie to domain. It removes one
// cookie for each that was added, so that a jar that the program itself has
// filled above the limits does not lose everything at once.
func (s *Store) limit(domain string, now time.Time) {
	if list := s.domains[domain]; len(list) > maxPerDomain {
		s.evict(candidate{}.or(list, now))
	}
	if s.count > maxTotal {
		var first candidate
		for domain, list := range s.domains {
			if domain != "" { // those the program has set for all hosts
				first = first.or(list, now)
			}
		}
		s.evict(first)
	}
}

func (s *Store) evict(c candidate) {
	if c.entry != nil {
		s.removeFrom(c.Domain, func(e *entry) bool { return e == c.entry })
	}
}

// A candidate is the first to be evicted of the cookies seen so far.
type candidate struct {
	*entry
	priority int
}

// or also considers the cookies of another domain. Among equal priorities, the
// least recently used is evicted: section 5.7.
func (c candidate) or(list []*entry, now time.Time) candidate {
	for _, e := range list {
		p := evictionPriority(e, len(list), now)
		if c.entry == nil || cmp.Or(p-c.priority, e.LastAccess.Compare(c.LastAccess), byAge(e, c.entry)) < 0 {
			c = candidate{e, p}
		}
	}
	return c
}

func evictionPriority(e *entry, siblings int, now time.Time) int {
	switch {
	case e.expired(now):
		return 1
	case siblings > maxPerDomain && !e.Secure:
		return 2
	case siblings > maxPerDomain:
		return 3
	}
	return 4
}

// Len returns the number of cookies, expired ones included.
func (s *Store) Len() int { return s.count }

// Remove takes out the cookies for which match holds and returns their number.
func (s *Store) Remove(match func(*Cookie) bool) int {
	before := s.count
	for domain := range s.domains {
		s.removeFrom(domain, func(e *entry) bool { return match(&e.Cookie) })
	}
	return before - s.count
}

// RemoveExpired takes out the cookies whose time has come.
func (s *Store) RemoveExpired(now time.Time) int {
	before := s.count
	for domain := range s.domains {
		s.removeExpired(domain, now)
	}
	return before - s.count
}

func (s *Store) removeExpired(domain string, now time.Time) {
	s.removeFrom(domain, func(e *entry) bool { return e.expired(now) })
}

func (s *Store) removeFrom(domain string, match func(*entry) bool) {
	s.keep(domain, slices.DeleteFunc(s.domains[domain], func(e *entry) bool {
		if !match(e) {
			return false
		}
		s.discard(e)
		return true
	}))
}

// Select returns the cookies that are not expired and for which match holds, in
// order of creation.
func (s *Store) Select(now time.Time, match func(*Cookie) bool) []Cookie {
	var list []*entry
	for _, domain := range s.domains {
		for _, e := range domain {
			if !e.expired(now) && match(&e.Cookie) {
				list = append(list, e)
			}
		}
	}
	slices.SortFunc(list, byAge)
	cookies := make([]Cookie, len(list))
	for i, e := range list {
		cookies[i] = e.Cookie
	}
	return cookies
}

package cookie

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Request says which cookies are wanted.
type Request struct {
	Origin
	// Named: the program named the host, so that cookies without a domain go too.
	Named bool
	// Own are cookies that go with this request alone. They take the place of
	// those without a domain that have the same name and the path "/".
	Own map[string]string
}

// Header returns the value of the Cookie field of a request, "" for none
// (section 5.8.3). It reads the clock only if cookies may match, and allocates
// nothing if none or one does.
//
// Neither the draft nor browsers bound the field, and cookies of the host itself
// all go: servers split large tickets over several. But those of parent
// domains, which any sibling host can set, go oldest first, only while the
// field stays within 8190 bytes or they within 4096: otherwise a hostile
// sibling could fill it to where the server refuses each request
// (CVE-2022-32205).
func (s *Store) Header(r Request, clock func() time.Time) string {
	var room [32]*entry
	list := fit(s.match(room[:0], r, clock), r.Host)
	switch {
	case len(r.Own) > 0:
	case len(list) == 0:
		return ""
	case len(list) == 1:
		return list[0].pair
	}
	size := 0
	for _, e := range list {
		size += len(e.pair) + len("; ")
	}
	for name, value := range r.Own {
		size += len(name) + len("=") + len(value) + len("; ")
	}
	var b strings.Builder
	b.Grow(size)
	for _, e := range list {
		b.WriteString(e.pair)
		b.WriteString("; ")
	}
	if len(r.Own) > 0 {
		for _, name := range slices.Sorted(maps.Keys(r.Own)) {
			b.WriteString(name + "=" + r.Own[name] + "; ")
		}
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// Match returns the cookies of Header one by one, without r.Own.
func (s *Store) Match(r Request, clock func() time.Time) []Cookie {
	list := fit(s.match(nil, r, clock), r.Host)
	cookies := make([]Cookie, len(list))
	for i, e := range list {
		cookies[i] = e.Cookie
	}
	return cookies
}

// match appends the entries that a request asks for to list, in the order in
// which they are sent: longer paths first, then older cookies.
func (s *Store) match(list []*entry, r Request, clock func() time.Time) []*entry {
	if s.count == 0 {
		return list
	}
	v := visit{Request: r, clock: clock}
	if r.Named {
		list = s.add(list, "", &v)
	}
	if r.Host != "" {
		list = s.add(list, r.Host, &v)
	}
	for host, found := r.Host, !r.IP; found; {
		if _, host, found = strings.Cut(host, "."); found {
			list = s.add(list, host, &v)
		}
	}
	slices.SortFunc(list, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(len(b.Path), len(a.Path)), byAge(a, b))
	})
	return list
}

// A visit is a request on its way through the domains of its host.
type visit struct {
	Request
	clock func() time.Time
	at    time.Time // clock() once it is needed
	path  string    // of the request, likewise
}

func (v *visit) takes(e *entry) bool {
	if e.Domain == "" && e.Path == "/" {
		if _, replaced := v.Own[e.Name]; replaced {
			return false
		}
	}
	return (!e.HostOnly || e.Domain == v.Host || e.Domain == "") && (!e.Secure || v.Secure) && pathMatch(v.path, e.Path)
}

// add appends what the request takes of the cookies of a domain that it matches.
func (s *Store) add(list []*entry, domain string, v *visit) []*entry {
	entries := s.domains[domain]
	if len(entries) == 0 {
		return list
	}
	if v.path == "" {
		v.path, v.at = v.Request.path(), v.clock()
	}
	stale := false
	for _, e := range entries {
		if e.expired(v.at) {
			stale = true
		} else if v.takes(e) {
			e.LastAccess = v.at
			list = append(list, e)
		}
	}
	if stale {
		s.removeExpired(domain, v.at)
	}
	return list
}

// fit takes out of list what [Store.Header] leaves out for its length.
func fit(list []*entry, host string) []*entry {
	fromParent := func(e *entry) bool { return e.Domain != "" && e.Domain != host }
	own, parents := 0, 0
	for _, e := range list {
		if fromParent(e) {
			parents += len(e.pair) + len("; ")
		} else {
			own += len(e.pair) + len("; ")
		}
	}
	excess := parents - max(maxHeader-own, maxPair)
	if excess <= 0 {
		return list
	}
	byNewest := slices.Clone(list)
	slices.SortFunc(byNewest, func(a, b *entry) int { return byAge(b, a) })
	var oldestOut *entry
	for _, e := range byNewest {
		if excess > 0 && fromParent(e) {
			excess -= len(e.pair) + len("; ")
			oldestOut = e
		}
	}
	return slices.DeleteFunc(list, func(e *entry) bool { return fromParent(e) && byAge(e, oldestOut) >= 0 })
}

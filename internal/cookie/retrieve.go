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
	// Named says that the program named the host, so that cookies without a
	// domain are sent too.
	Named bool
	// Own are cookies for this request only. They replace those without a
	// domain that have the same name and the path "/".
	Own map[string]string
}

// Header returns the value of the Cookie field of a request, "" for none
// (section 5.8.3). It reads the clock only if cookies may match, and allocates
// nothing for at most one cookie.
//
// Neither the draft nor browsers limit the field, and all cookies of the host
// itself are sent, because servers split large tickets over several. Cookies of
// parent domains, which any sibling host can set, are sent oldest first, and
// only while the field stays within 8190 bytes or they stay within 4096.
// Otherwise a hostile sibling could fill the field until the server refuses
// every request (CVE-2022-32205).
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

// A visit collects the cookies for a request, domain by domain.
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

// add appends those cookies of a matching domain that go with the request.
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

// fit removes the cookies that [Store.Header] leaves out to limit the length.
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

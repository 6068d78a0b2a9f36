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
	*Origin
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
// domains, which any sibling host can set, are added oldest first, only while
// the field stays within 8190 bytes: otherwise a hostile sibling could fill it up
// to where the server refuses each request (CVE-2022-32205).
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
		size += len(e.pair) + 2
	}
	for name, value := range r.Own {
		size += len(name) + len(value) + 3
	}
	var b strings.Builder
	b.Grow(size)
	for _, e := range list {
		b.WriteString(e.pair)
		b.WriteString("; ")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Own)) {
		b.WriteString(name + "=" + r.Own[name] + "; ")
	}
	return b.String()[:b.Len()-2]
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
	m := matcher{store: s, request: r, clock: clock, list: list}
	if r.Named {
		m.add("", true)
	}
	if r.Host != "" {
		m.add(r.Host, true)
	}
	if !r.IP {
		for host := r.Host; ; {
			_, parent, found := strings.Cut(host, ".")
			if !found {
				break
			}
			m.add(parent, false)
			host = parent
		}
	}
	slices.SortFunc(m.list, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(len(b.Path), len(a.Path)), byAge(a, b))
	})
	return m.list
}

type matcher struct {
	store   *Store
	request Request
	clock   func() time.Time
	list    []*entry
	path    string    // of the request; "" until it is needed
	now     time.Time // likewise
}

// add takes what goes to the request of the cookies of one domain: the host
// itself or a parent of it.
func (m *matcher) add(domain string, exact bool) {
	entries := m.store.domains[domain]
	if len(entries) == 0 {
		return
	}
	if m.path == "" {
		m.path, m.now = m.request.path(), m.clock()
	}
	stale := false
	for _, e := range entries {
		switch {
		case e.expired(m.now):
			stale = true
		case e.HostOnly && !exact, e.Secure && !m.request.Secure, !pathMatch(m.path, e.Path), m.replaced(e):
		default:
			e.LastAccess = m.now
			m.list = append(m.list, e)
		}
	}
	if stale {
		m.store.removeFrom(domain, func(e *entry) bool { return e.expired(m.now) })
	}
}

func (m *matcher) replaced(e *entry) bool {
	if len(m.request.Own) == 0 || e.Domain != "" || e.Path != "/" {
		return false
	}
	_, ok := m.request.Own[e.Name]
	return ok
}

// fit takes out of list what [Store.Header] leaves out for its length.
func fit(list []*entry, host string) []*entry {
	excess := -maxHeader - len("; ")
	for _, e := range list {
		excess += len(e.pair) + len("; ")
	}
	if excess <= 0 {
		return list
	}
	fromParent := func(e *entry) bool { return e.Domain != "" && e.Domain != host }
	byNewest := slices.SortedFunc(slices.Values(list), func(a, b *entry) int { return byAge(b, a) })
	var oldestLeftOut *entry
	for _, e := range byNewest {
		if excess > 0 && fromParent(e) {
			excess -= len(e.pair) + len("; ")
			oldestLeftOut = e
		}
	}
	return slices.DeleteFunc(list, func(e *entry) bool {
		return oldestLeftOut != nil && fromParent(e) && byAge(e, oldestLeftOut) >= 0
	})
}

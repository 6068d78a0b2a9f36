package requests

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-requests/requests/internal/dump"
	"github.com/go-requests/requests/internal/environ"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/uri"
)

// mounts is the table of adapters, which derived sessions share.
type mounts struct {
	mu     sync.RWMutex
	list   []mount // longest prefix first
	closed bool

	network HTTPAdapter // which is there from the beginning
	first   [2]mount    // for list
	netrc   environ.Netrc
	dump    dump.Log // of those who share the table
}

type mount struct {
	prefix  string
	adapter Adapter
}

func newMounts() *mounts {
	m := new(mounts) // in one piece of memory, as many a session lives for one call
	m.first = [...]mount{{"https://", &m.network}, {"http://", &m.network}}
	m.list = m.first[:]
	return m
}

// noMounts is the table of the sessions that were closed before their first use.
// It is closed, so it never changes.
var noMounts = &mounts{closed: true}

func (m *mounts) mount(prefix string, a Adapter) error {
	prefix = strings.ToLower(prefix)
	scheme, _, ok := strings.Cut(prefix, "://")
	if !ok || !uri.IsScheme(scheme) {
		return failText(ErrInvalidOption, fmt.Sprintf("Mount(%.200q): the prefix does not begin with a scheme and \"://\"", redact.RawURL(prefix)))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil // no call can reach the adapter
	}
	for i := range m.list {
		if m.list[i].prefix == prefix {
			m.list[i].adapter = a
			return nil
		}
	}
	m.list = append(m.list, mount{prefix, a})
	slices.SortStableFunc(m.list, func(a, b mount) int { return len(b.prefix) - len(a.prefix) })
	return nil
}

func (m *mounts) find(u *url.URL) (Adapter, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, failText(ErrClosed, "the session")
	}
	for i := range m.list {
		if hasPrefix(u, m.list[i].prefix) {
			return m.list[i].adapter, nil
		}
	}
	return nil, failText(ErrInvalidScheme, u.Scheme+"://")
}

// serve reports whether there is an adapter for URLs of the scheme.
func (m *mounts) serve(scheme string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.ContainsFunc(m.list, func(e mount) bool { return strings.HasPrefix(e.prefix, scheme+"://") })
}

// names reports whether there is a mount for a host, and whether it is for that
// of u.
func (m *mounts) names(u *url.URL) (some, this bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for i := range m.list {
		scheme, rest, _ := strings.Cut(m.list[i].prefix, "://")
		host, _, path := strings.Cut(rest, "/")
		if host == "" {
			continue
		}
		some = true
		if path {
			host += "/" // on the default port, if it names none
		}
		if hasPrefix(u, scheme+"://"+host) {
			return true, true
		}
	}
	return some, false
}

// closeIdle has the adapters close connections that no request uses.
func (m *mounts) closeIdle() {
	m.mu.RLock()
	list := slices.Clone(m.list)
	m.mu.RUnlock()
	for _, e := range list {
		if c, ok := e.adapter.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
	}
}

// hasPrefix reports whether u begins with prefix, in any letter case, and whether
// prefix ends at a boundary of u.
func hasPrefix(u *url.URL, prefix string) bool {
	rest, ok := cutFold(prefix, u.Scheme+"://")
	if !ok {
		rest, ok = cutFold(prefix, u.Scheme)
		return ok && rest == "://" && u.Opaque == ""
	}
	if rest == "" {
		return true
	}
	tail, ok := cutFold(rest, u.Host)
	if !ok { // the prefix may be the host without its port
		return strings.EqualFold(rest, u.Hostname())
	}
	if tail == "" {
		return true
	}
	path := cmp.Or(u.EscapedPath(), "/") // as in a URL of net/http, which is sent as it came
	if len(path) < len(tail) || !strings.EqualFold(path[:len(tail)], tail) {
		return false
	}
	return len(path) == len(tail) || tail[len(tail)-1] == '/' || path[len(tail)] == '/'
}

// cutFold is strings.CutPrefix that ignores letter case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func (m *mounts) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	var all error
	for i, e := range m.list {
		c, ok := e.adapter.(io.Closer)
		if !ok || reflect.TypeOf(c).Comparable() && slices.ContainsFunc(m.list[:i], func(before mount) bool { return before.adapter == e.adapter }) {
			continue // or it is mounted on several prefixes
		}
		if err := c.Close(); err != nil {
			all = errors.Join(all, err)
		}
	}
	return all
}

// Package mount is the table of what is in charge of which URLs, by their prefixes:
// as in Requests, the longest prefix of a URL wins. Letter case does not matter, and
// a prefix ends where a part of the URL does.
//
// It does not know what is mounted.
package mount

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/uri"
)

// A Table has what is mounted. Many goroutines may use it.
type Table[A any] struct {
	mu     sync.RWMutex
	list   []entry[A] // longest prefix first
	closed bool

	first [2]entry[A] // for list
}

type entry[A any] struct {
	prefix string
	is     A
}

// Begin mounts what is there from the beginning, for https and http. The table
// needs no memory of its own for these.
func (t *Table[A]) Begin(a A) {
	t.first = [...]entry[A]{{"https://", a}, {"http://", a}}
	t.list = t.first[:]
}

// Mount mounts a, in place of what has that prefix. A closed table stays as it is.
func (t *Table[A]) Mount(prefix string, a A) error {
	prefix = strings.ToLower(prefix)
	scheme, _, ok := strings.Cut(prefix, "://")
	if !ok || !uri.IsScheme(scheme) {
		return fault.Text(fault.InvalidOption, fmt.Sprintf("Mount(%.200q): the prefix does not begin with a scheme and \"://\"", redact.RawURL(prefix)))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	for i := range t.list {
		if t.list[i].prefix == prefix {
			t.list[i].is = a
			return nil
		}
	}
	t.list = append(t.list, entry[A]{prefix, a})
	slices.SortStableFunc(t.list, func(a, b entry[A]) int { return len(b.prefix) - len(a.prefix) })
	return nil
}

// Find returns what is in charge of u. closed says why there may be nothing.
func (t *Table[A]) Find(u *url.URL) (a A, found, closed bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return a, false, true
	}
	for i := range t.list {
		if hasPrefix(u, t.list[i].prefix) {
			return t.list[i].is, true, false
		}
	}
	return a, false, false
}

// Serves reports whether something is mounted for URLs of the scheme.
func (t *Table[A]) Serves(scheme string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.ContainsFunc(t.list, func(e entry[A]) bool { return strings.HasPrefix(e.prefix, scheme+"://") })
}

// Names reports whether there is a mount for a host, and whether it is for that
// of u.
func (t *Table[A]) Names(u *url.URL) (some, this bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i := range t.list {
		scheme, rest, _ := strings.Cut(t.list[i].prefix, "://")
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

// Each calls f with what is mounted at each prefix.
func (t *Table[A]) Each(f func(A)) {
	t.mu.RLock()
	list := slices.Clone(t.list)
	t.mu.RUnlock()
	for _, e := range list {
		f(e.is)
	}
}

// Close calls end with everything that is mounted, once even if it has several
// prefixes, and joins the errors. From then on nothing is found. Only the first
// Close does something. end may use the table.
func (t *Table[A]) Close(end func(A) error) error {
	t.mu.Lock()
	again := t.closed
	t.closed = true // so the list does not change any more
	t.mu.Unlock()
	if again {
		return nil
	}
	var all error
	for i, e := range t.list {
		if slices.ContainsFunc(t.list[:i], func(before entry[A]) bool { return same(before.is, e.is) }) {
			continue
		}
		if err := end(e.is); err != nil {
			all = errors.Join(all, err)
		}
	}
	return all
}

// same reports whether a and b are known to be the same.
func same(a, b any) bool {
	return a != nil && reflect.ValueOf(a).Comparable() && a == b
}

// hasPrefix reports whether u begins with prefix, in any letter case, and whether
// prefix ends at a boundary of u.
func hasPrefix(u *url.URL, prefix string) bool {
	rest, ok := cutFold(prefix, u.Scheme+"://")
	if !ok || u.Opaque != "" && u.Host == "" { // "mock:b" does not begin with "mock://"
		return false
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

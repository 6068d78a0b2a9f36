package uri

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/go-requests/requests/internal/fault"
)

// Join reads ref, relative to base unless that is "". The result always lies
// below base: "orders" and "/orders" are both appended to its path, and a ref
// that names another host or climbs out of that path is an error. The userinfo,
// that of ref or else of base, is returned separately.
func Join(base, ref string) (*url.URL, *url.Userinfo, error) {
	if base == "" {
		return Parse(ref)
	}
	b, user, err := Parse(base)
	if err != nil {
		return nil, nil, fault.Mark(err, fmt.Errorf("the base URL: %w", err))
	}
	if strings.HasPrefix(ref, "//") {
		return nil, nil, fault.Text(fault.InvalidURL, `"//" begins a host, and what is relative to the base URL has none`)
	}
	if i := strings.IndexByte(ref, ':'); i > 0 && IsScheme(ref[:i]) {
		u, own, err := Parse(ref)
		if err != nil {
			return nil, nil, err
		}
		if !below(b, u) {
			return nil, nil, fault.Text(fault.InvalidURL, "it does not lie below the base URL")
		}
		if own == nil {
			own = user
		}
		return u, own, nil
	}
	u, err := appendReference(b, ref)
	return u, user, err
}

// appendReference appends a relative reference to the path of base.
func appendReference(base *url.URL, ref string) (*url.URL, error) {
	if len(ref) > maxLength || hasControl(ref) {
		return nil, fault.Text(fault.InvalidURL, "it is too long or has a control character")
	}
	ref, fragment, _ := strings.Cut(ref, "#")
	path, query, _ := strings.Cut(ref, "?")
	u := &url.URL{Scheme: base.Scheme, Host: base.Host}
	dir := base.EscapedPath()
	if path == "" {
		setPath(u, dir)
	} else {
		dir = strings.TrimSuffix(dir, "/") + "/"
		setPath(u, dir+strings.TrimLeft(path, "/"))
		if climbs(path) || !strings.HasPrefix(u.EscapedPath(), dir) {
			return nil, fault.Text(fault.InvalidURL, "it does not lie below the base URL")
		}
	}
	u.RawQuery = joinQuery(base.RawQuery, requote(query, legalQuery))
	setFragment(u, fragment)
	return u, nil
}

// climbs reports whether a relative path leaves its directory at any point.
func climbs(path string) bool {
	depth := 0
	for s := range strings.SplitSeq(requote(strings.TrimLeft(path, "/"), legalPath), "/") {
		switch s {
		case "..":
			if depth--; depth < 0 {
				return true
			}
		case "", ".":
		default:
			depth++
		}
	}
	return false
}

// below reports whether u is base or lies under it.
func below(base, u *url.URL) bool {
	if base.Scheme != u.Scheme || Hostname(base) != Hostname(u) || Port(base) != Port(u) {
		return false
	}
	dir := strings.TrimSuffix(base.EscapedPath(), "/")
	path := u.EscapedPath()
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// maxReference bounds a reference that a peer gave; longer ones are attacks on
// whoever logs them.
const maxReference = 8 << 10

// Resolve resolves ref against base (RFC 3986, section 5.2), which may be nil if
// ref is absolute. Userinfo in ref is dropped.
func Resolve(base *url.URL, ref string) (*url.URL, error) {
	if len(ref) > maxReference {
		return nil, fault.Text(fault.InvalidURL, "a reference of more than 8 KiB")
	}
	if i := strings.IndexByte(ref, ':'); i > 0 && IsScheme(ref[:i]) {
		u, _, err := Parse(ref)
		return u, err
	}
	if base == nil {
		return nil, fault.Text(fault.InvalidURL, "relative, and there is nothing that it is relative to")
	}
	if strings.HasPrefix(ref, "//") {
		u, _, err := Parse(base.Scheme + ":" + ref)
		return u, err
	}
	u := &url.URL{Scheme: base.Scheme, Host: base.Host}
	if hasControl(ref) {
		return nil, fault.Text(fault.InvalidURL, "a control character in it")
	}
	ref, fragment, _ := strings.Cut(ref, "#")
	path, query, hasQuery := strings.Cut(ref, "?")
	switch {
	case path == "":
		u.Path, u.RawPath = base.Path, base.RawPath
		if !hasQuery {
			u.RawQuery = base.RawQuery
		}
	case path[0] == '/':
		setPath(u, path)
	default:
		dir := base.EscapedPath()
		setPath(u, dir[:strings.LastIndexByte(dir, '/')+1]+path)
	}
	if hasQuery {
		u.RawQuery = requote(query, legalQuery)
	}
	setFragment(u, fragment)
	return u, nil
}

// removeDotSegments applies RFC 3986, section 5.2.4, to an absolute path.
func removeDotSegments(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	segments := strings.Split(path, "/")
	for i, s := range segments {
		last := i == len(segments)-1
		switch {
		case s == ".." && len(out) > 1:
			out = out[:len(out)-1]
		case s == "." || s == "..":
		default:
			out = append(out, s)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return strings.Join(out, "/")
}

package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// jarList returns cookies with all attributes, in the form of FORMAT.md, section 11.4.
func jarList(cookies []*requests.Cookie) []any {
	slices.SortFunc(cookies, func(a, b *requests.Cookie) int {
		return slices.Compare([]string{a.Name, a.Domain, a.Path}, []string{b.Name, b.Domain, b.Path})
	})
	list := []any{}
	for _, c := range cookies {
		var expires any
		if !c.Expires.IsZero() {
			expires = json.Number(strconv.FormatInt(c.Expires.Unix(), 10))
		}
		list = append(list, map[string]any{
			"name": c.Name, "value": c.Value, "domain": c.Domain, "path": c.Path,
			"secure": c.Secure, "host_only": c.HostOnly || c.Domain == "", "expires": expires,
		})
	}
	return list
}

// setCorpusCookie stores a cookie with the attributes of the corpus.
func setCorpusCookie(jar *requests.CookieJar, spec cookieSpec) error {
	var attributes []requests.CookieAttribute
	if spec.Domain != nil && *spec.Domain != "" {
		attributes = append(attributes, requests.CookieDomain(*spec.Domain))
	}
	if spec.Path != nil {
		attributes = append(attributes, requests.CookiePath(*spec.Path))
	}
	if spec.Secure {
		attributes = append(attributes, requests.CookieSecure(true))
	}
	if spec.Expires != nil {
		seconds, err := spec.Expires.Int64()
		if err != nil {
			return err
		}
		attributes = append(attributes, requests.CookieExpires(time.Unix(seconds, 0)))
	}
	return jar.Set(spec.Name, spec.Value, attributes...)
}

// scopes returns the domain and the path to which a step limits its operation.
func (st *stepSpec) scopes() (where []requests.CookieScope) {
	if st.Domain != nil {
		where = append(where, requests.CookieDomain(*st.Domain))
	}
	if st.Path != nil {
		where = append(where, requests.CookiePath(*st.Path))
	}
	return where
}

// isAbout reports whether c has the domain and path of the step.
func (st *stepSpec) isAbout(c *requests.Cookie) bool {
	return (st.Domain == nil || c.Domain == strings.TrimPrefix(*st.Domain, ".")) && (st.Path == nil || c.Path == *st.Path)
}

// jarOperation is doJar with a result like that of reading JSON.
func jarOperation(jar *requests.CookieJar, st *stepSpec) (any, error) {
	v, err := doJar(jar, st)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var plain any
	err = d.Decode(&plain)
	return plain, err
}

// doJar performs an operation on the jar (FORMAT.md, section 8).
func doJar(jar *requests.CookieJar, st *stepSpec) (any, error) {
	switch st.Do {
	case "set":
		return nil, setInJar(jar, st)
	case "get", "getitem":
		c, err := jar.Get(st.Name, st.scopes()...)
		if err == nil {
			return c.Value, nil
		}
		if st.Do == "getitem" || errors.Is(err, requests.ErrCookieConflict) {
			return nil, err
		}
		var missing any
		if isGiven(st.Default) {
			err = json.Unmarshal(st.Default, &missing)
		} else {
			err = nil
		}
		return missing, err
	case "contains":
		_, err := jar.Get(st.Name, st.scopes()...)
		return err == nil || errors.Is(err, requests.ErrCookieConflict), nil
	case "delete":
		jar.Delete(st.Name)
		return nil, nil
	case "clear":
		if st.Name != "" {
			jar.Delete(st.Name, st.scopes()...)
		} else {
			jar.Clear(st.scopes()...)
		}
		return nil, nil
	case "update":
		var pairs [][2]string
		if err := json.Unmarshal(st.Value, &pairs); err != nil {
			return nil, err
		}
		for _, p := range pairs {
			if err := jar.Set(p[0], p[1]); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	return lookInJar(jar, st)
}

func setInJar(jar *requests.CookieJar, st *stepSpec) error {
	var value *string
	if err := json.Unmarshal(st.Value, &value); err != nil {
		return err
	}
	if value == nil {
		jar.Delete(st.Name, st.scopes()...)
		return nil
	}
	return setCorpusCookie(jar, cookieSpec{Name: st.Name, Value: *value, Domain: st.Domain, Path: st.Path})
}

// lookInJar performs the operations that list cookies of the domain and path of the
// step.
func lookInJar(jar *requests.CookieJar, st *stepSpec) (any, error) {
	names, values, domains, paths := []string{}, []string{}, []string{}, []string{}
	items := [][2]string{}
	dict := map[string]string{}
	seen := map[string]int{}
	for c := range jar.All() {
		if !st.isAbout(c) {
			continue
		}
		names, values = append(names, c.Name), append(values, c.Value)
		items = append(items, [2]string{c.Name, c.Value})
		domains, paths = append(domains, c.Domain), append(paths, c.Path)
		dict[c.Name] = c.Value
		seen[c.Domain]++
	}
	slices.SortFunc(items, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	sorted := func(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }
	switch st.Do {
	case "len":
		return len(names), nil
	case "keys":
		return slices.Sorted(slices.Values(names)), nil
	case "values":
		return slices.Sorted(slices.Values(values)), nil
	case "items":
		return items, nil
	case "get_dict":
		return dict, nil
	case "list_domains":
		return sorted(domains), nil
	case "list_paths":
		return sorted(paths), nil
	case "multiple_domains":
		for _, n := range seen {
			if n > 1 {
				return true, nil
			}
		}
		return false, nil
	}
	return nil, fmt.Errorf("jar: %s", st.Do)
}

// filesOption makes the option [Files] from the entries of a case.
func filesOption(entries []corpusFormFile) requests.Option {
	var files requests.Files
	for _, e := range entries {
		f := requests.File{Field: e.field, ContentType: e.contentType, Reader: e.reader}
		if f.Reader == nil {
			f.Reader = bytes.NewReader(e.content)
		}
		switch {
		case e.anonymous:
			f.Name = requests.NoName
		case e.filename != nil && *e.filename == "":
			f.Name = requests.EmptyName
		case e.filename != nil:
			f.Name = *e.filename
		}
		for _, h := range e.headers {
			if f.Header == nil {
				f.Header = make(map[string][]string)
			}
			f.Header[h[0]] = append(f.Header[h[0]], h[1])
		}
		files = append(files, f)
	}
	return files
}

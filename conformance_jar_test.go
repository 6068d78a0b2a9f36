package requests

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// seenCookieList shows cookies as FORMAT.md, section 11.4, has them.
func seenCookieList(cookies []*Cookie) []any {
	slices.SortFunc(cookies, func(a, b *Cookie) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Path, b.Path))
	})
	var list []any
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

// setCorpusCookie stores a cookie that a program gives.
func setCorpusCookie(j *CookieJar, c cookieSpec) error {
	attributes := []CookieAttribute{CookieSecure(c.Secure)}
	if c.Domain != nil {
		attributes = append(attributes, CookieDomain(*c.Domain))
	}
	if c.Path != nil {
		attributes = append(attributes, CookiePath(*c.Path))
	}
	if c.Expires != nil {
		seconds, err := c.Expires.Float64()
		if err != nil {
			return err
		}
		attributes = append(attributes, CookieExpires(time.Unix(int64(seconds), 0)))
	}
	return j.Set(c.Name, c.Value, attributes...)
}

// playJarOp does what a step of the op jar says.
func playJarOp(j *CookieJar, st *stepSpec) (any, error) {
	var where []CookieScope
	var attributes []CookieAttribute
	if st.Domain != nil {
		where, attributes = append(where, CookieDomain(*st.Domain)), append(attributes, CookieDomain(*st.Domain))
	}
	if st.Path != nil {
		where, attributes = append(where, CookiePath(*st.Path)), append(attributes, CookiePath(*st.Path))
	}
	switch st.Do {
	case "set":
		if !isGiven(st.Value) {
			j.Delete(st.Name, where...)
			return nil, nil
		}
		var value string
		if err := json.Unmarshal(st.Value, &value); err != nil {
			return nil, err
		}
		return nil, j.Set(st.Name, value, attributes...)
	case "update":
		var pairs [][2]string
		err := json.Unmarshal(st.Value, &pairs)
		for _, kv := range pairs {
			err = cmp.Or(err, j.Set(kv[0], kv[1]))
		}
		return nil, err
	case "get", "getitem":
		c, err := j.Get(st.Name, where...)
		if errors.Is(err, http.ErrNoCookie) && st.Do == "get" {
			if st.Default == nil {
				return nil, nil
			}
			return decodeAny(st.Default)
		}
		if err != nil {
			return nil, err
		}
		return c.Value, nil
	case "delete":
		if j.Delete(st.Name, where...) == 0 {
			return nil, http.ErrNoCookie
		}
		return nil, nil
	case "clear":
		if st.Name != "" {
			j.Delete(st.Name, where...)
		} else {
			j.Clear(where...)
		}
		return nil, nil
	case "contains":
		return slices.ContainsFunc(slices.Collect(j.All()), func(c *Cookie) bool { return c.Name == st.Name }), nil
	case "len":
		return jsonNumber(j.Len()), nil
	case "get_dict":
		dict := make(map[string]any)
		for name, value := range j.Map(where...) {
			dict[name] = value
		}
		return dict, nil
	}
	return playJarColumns(j, st.Do)
}

// playJarColumns lists one or two members of all cookies, sorted.
func playJarColumns(j *CookieJar, do string) (any, error) {
	var rows []string // as JSON, which keeps their order
	counts := make(map[string]int)
	for c := range j.All() {
		counts[c.Domain]++
		var row any
		switch do {
		case "keys":
			row = c.Name
		case "values":
			row = c.Value
		case "items":
			row = [2]string{c.Name, c.Value}
		case "list_domains":
			row = c.Domain
		case "list_paths":
			row = c.Path
		case "multiple_domains":
		default:
			return nil, fmt.Errorf("no such jar operation: %q", do)
		}
		b, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		rows = append(rows, string(b))
	}
	if do == "multiple_domains" {
		return slices.ContainsFunc(slices.Collect(maps.Values(counts)), func(n int) bool { return n > 1 }), nil
	}
	slices.Sort(rows)
	if strings.HasPrefix(do, "list_") {
		rows = slices.Compact(rows)
	}
	return decodeAny([]byte("[" + strings.Join(rows, ",") + "]"))
}

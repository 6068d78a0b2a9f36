package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// message compares what requests on the wire and prepared requests have in common.
func (cmp *comparison) message(place string, want *wantMessage, got *seenMessage) {
	if want.Method != nil {
		cmp.same(place+".method", *want.Method, got.method)
	}
	hide := cmp.hide
	if b := got.boundary(want.Multipart != nil); b != "" {
		hide = func(s string) string { return cmp.hide(strings.ReplaceAll(s, b, "{boundary}")) }
	}
	if want.Headers != nil {
		cmp.headers(place, want, got, hide)
	}
	if want.Digest != nil {
		cmp.digest(place, want, got)
	}
	switch {
	case want.Multipart != nil:
		cmp.multipart(place+".multipart", want.Multipart, got)
	case want.BodyJSON != nil:
		v, err := decodeAny(got.body)
		if err != nil {
			cmp.differs(place+".body_json", "got %q: %v", got.body, err)
			return
		}
		cmp.raw(place+".body_json", want.BodyJSON, observedJSON(v, cmp.hide))
	case want.Body != nil:
		cmp.raw(place+".body", want.Body, got.observedBody(hide))
	}
}

// observedBody returns null for no body and {"kind": "stream"} for a stream.
func (m *seenMessage) observedBody(hide func(string) string) any {
	switch {
	case m.stream:
		return map[string]any{"kind": "stream"}
	case m.body == nil:
		return nil
	}
	return observedBytes(m.body, hide)
}

// A wantField is a header that a message should have.
type wantField struct {
	values []any
	mode   string // "" or optional, present, any
}

func wantFields(headers [][]json.RawMessage) (map[string]*wantField, error) {
	fields := make(map[string]*wantField)
	asIs := func(s string) string { return s }
	for _, h := range headers {
		if len(h) < 2 {
			return nil, fmt.Errorf("%s is no header", h)
		}
		name, err := corpusBytes(h[0], asIs)
		if err != nil {
			return nil, err
		}
		value, err := decodeAny(h[1])
		if err != nil {
			return nil, err
		}
		if s, ok := value.(string); ok {
			value = strings.Trim(s, " \t")
		}
		f := fields[strings.ToLower(string(name))]
		if f == nil {
			f = new(wantField)
			fields[strings.ToLower(string(name))] = f
			if len(h) > 2 {
				if err := json.Unmarshal(h[2], &f.mode); err != nil {
					return nil, err
				}
			}
		}
		f.values = append(f.values, value)
	}
	return fields, nil
}

// headers compares the fields of a message. An unexpected field is an error unless any
// client may add it, so that leaked credentials are noticed.
func (cmp *comparison) headers(place string, want *wantMessage, got *seenMessage, hide func(string) string) {
	wanted, err := wantFields(want.Headers)
	if err != nil {
		cmp.differs(place+".headers", "%v", err)
		return
	}
	seen := make(map[string][]any)
	for _, h := range got.headers {
		name := strings.ToLower(h[0])
		value := observedBytes([]byte(strings.Trim(h[1], " \t")), hide)
		if _, ok := seenDigestFields(h[1]); ok && name == "authorization" && want.Digest != nil {
			value = "{digest}"
		}
		seen[name] = append(seen[name], value)
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		w, g := wanted[name], seen[name]
		switch {
		case w.mode == "any", w.mode == "optional" && g == nil, w.mode == "present" && g != nil:
			continue
		case w.mode == "present":
			cmp.differs(place, "field %s is missing", name)
			continue
		}
		values := w.values
		if name == "cookie" && !cmp.c.CookieOrder {
			values, g = seenCookiePairs(values), seenCookiePairs(g)
		}
		if !slices.EqualFunc(values, g, sameJSON) {
			cmp.differs(place, "field %s: got %s; want %s", name, briefJSON(g), briefJSON(values))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if wanted[name] == nil && !anyClientAdds(name, seen[name]) {
			cmp.differs(place, "field %s was not expected: %s", name, briefJSON(seen[name]))
		}
	}
	for _, name := range want.Absent {
		if seen[strings.ToLower(name)] != nil {
			cmp.differs(place, "field %s must be absent", name)
		}
	}
}

// anyClientAdds reports whether any client may add the field.
func anyClientAdds(name string, values []any) bool {
	switch name {
	case "user-agent", "accept", "accept-encoding", "connection", "transfer-encoding":
		return true
	case "content-length":
		return !slices.ContainsFunc(values, func(v any) bool { return v != "0" })
	}
	return false
}

// seenCookiePairs splits Cookie fields into their sorted pairs.
func seenCookiePairs(values []any) []any {
	var pairs []string
	for _, v := range values {
		s, ok := v.(string)
		if !ok {
			return values // not text, to be compared as it is
		}
		pairs = append(pairs, strings.Split(s, "; ")...)
	}
	slices.Sort(pairs)
	out := make([]any, len(pairs))
	for i := range pairs {
		out[i] = pairs[i]
	}
	return out
}

// digest compares the fields of a Digest answer, and verifies its response with the password.
func (cmp *comparison) digest(place string, want *wantMessage, got *seenMessage) {
	value, _ := got.header("Authorization")
	fields, ok := seenDigestFields(value)
	if !ok {
		cmp.differs(place, "the Authorization is no Digest")
		return
	}
	if want.DigestPassword != nil {
		sum, err := seenDigestResponse(fields, *want.DigestPassword, got.method)
		if err != nil || sum != fields["response"] {
			cmp.differs(place+".digest", "response %q does not verify: want %q, error %v", fields["response"], sum, err)
		}
	}
	delete(fields, "response")
	names := slices.Concat(slices.Collect(maps.Keys(fields)), slices.Collect(maps.Keys(want.Digest)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		w, wanted := want.Digest[name]
		g, given := fields[name]
		if wanted != given || name != "cnonce" && w != cmp.hide(g) {
			cmp.differs(place+".digest."+name, "got %q (%t); want %q (%t)", g, given, w, wanted)
		}
	}
}

// multipart compares the parts of a body in order, the fields of each as a set.
func (cmp *comparison) multipart(place string, want []wantPart, got *seenMessage) {
	parts, err := got.parts()
	if err != nil {
		cmp.differs(place, "%v", err)
		return
	}
	if len(parts) != len(want) {
		cmp.differs(place, "got %d parts; want %d", len(parts), len(want))
		return
	}
	for i, p := range parts {
		place := fmt.Sprintf("%s[%d]", place, i)
		cmp.same(place+".body", want[i].Body, observedBytes(p.body, cmp.hide))
		var g, w []string
		for _, h := range p.headers {
			g = append(g, strings.ToLower(h[0])+": "+briefJSON(observedBytes([]byte(h[1]), cmp.hide)))
		}
		for _, h := range want[i].Headers {
			name, _ := h[0].(string)
			w = append(w, strings.ToLower(name)+": "+briefJSON(h[1]))
		}
		slices.Sort(g)
		slices.Sort(w)
		if !slices.Equal(g, w) {
			cmp.differs(place+".headers", "got %q; want %q", g, w)
		}
	}
}

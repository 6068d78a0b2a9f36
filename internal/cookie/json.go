package cookie

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

const jsonVersion = 1

// A record is a [Cookie] as the JSON form writes it. Times are in RFC 3339;
// expires is when the store drops the cookie. Flags must be present when it is
// read: without one of them the cookie would go to more hosts (CVE-2026-54279).
type record struct {
	Name       octets    `json:"name"`
	Value      octets    `json:"value"`
	Domain     string    `json:"domain"`
	HostOnly   *bool     `json:"host_only"`
	Path       octets    `json:"path"`
	Expires    time.Time `json:"expires,omitzero"`
	Secure     *bool     `json:"secure"`
	HTTPOnly   *bool     `json:"http_only"`
	SameSite   string    `json:"same_site,omitempty"`
	Created    time.Time `json:"created,omitzero"`
	LastAccess time.Time `json:"last_access,omitzero"`
}

// octets are written as a string, or, when they are not UTF-8 and a JSON string
// cannot hold them, as {"base64": "…"}.
type octets string

type encodedOctets struct {
	Base64 []byte `json:"base64"`
}

func (o octets) MarshalJSON() ([]byte, error) {
	if !utf8.ValidString(string(o)) {
		return json.Marshal(encodedOctets{[]byte(o)})
	}
	return json.Marshal(string(o))
}

func (o *octets) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var e encodedOctets
		err := json.Unmarshal(b, &e)
		*o = octets(e.Base64)
		return err
	}
	return json.Unmarshal(b, (*string)(o))
}

// AppendJSON writes cookies with all their attributes, one a line. It leaves
// out cookies that cannot be written, and returns an error for each.
func AppendJSON(b []byte, cookies []Cookie) ([]byte, []error) {
	var left []error
	b = append(b, `{"version": `+strconv.Itoa(jsonVersion)+`, "cookies": [`...)
	separator := "\n"
	for i := range cookies {
		c := &cookies[i]
		line, err := json.Marshal(record{
			Name: octets(c.Name), Value: octets(c.Value), Domain: c.Domain, HostOnly: &c.HostOnly,
			Path: octets(c.Path), Expires: c.deadline(), Secure: &c.Secure, HTTPOnly: &c.HTTPOnly,
			SameSite: c.SameSite.String(), Created: c.Created, LastAccess: c.LastAccess,
		})
		if err != nil { // a time after the year 9999
			left = append(left, fmt.Errorf("cookie %.64q cannot be written as JSON", c.Name))
			continue
		}
		b = append(append(b, separator...), line...)
		separator = ",\n"
	}
	return append(b, "\n]}\n"...), left
}

// ParseJSON reads what [AppendJSON] writes. A malformed cookie is left out,
// with an error. If the file is cut or stops being JSON, the cookies before
// that point count. Unknown members are errors: in a newer form they may
// restrict the hosts that get the cookie.
func ParseJSON(data []byte) ([]Cookie, []LineError) {
	p := jsonParser{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	if reason := p.file(); reason != "" {
		p.failAt(p.dec.InputOffset(), reason)
	}
	if p.version != jsonVersion {
		p.cookies = nil
	}
	return p.cookies, p.bad.list
}

type jsonParser struct {
	data    []byte
	dec     *json.Decoder
	version int
	cookies []Cookie
	bad     lineErrors
}

// failAt names the line of what follows offset. It leaves out the text of
// errors of encoding/json, which quotes the file.
func (p *jsonParser) failAt(offset int64, reason string) {
	rest := p.data[offset:]
	gap := len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,:"))
	p.bad.add(1+bytes.Count(p.data[:int(offset)+gap], []byte("\n")), reason)
}

func (p *jsonParser) delim(want json.Delim) bool {
	t, err := p.dec.Token()
	return err == nil && t == want
}

// file reads as much as it can, and returns why it stopped, "" at the end.
func (p *jsonParser) file() (reason string) {
	found := false
	if !utf8.Valid(p.data) {
		return "not UTF-8" // encoding/json would replace the bad bytes
	}
	if !p.delim('{') {
		return "not a JSON object"
	}
	for p.dec.More() {
		key, err := p.dec.Token()
		switch {
		case err != nil:
			return "not JSON"
		case key == "version":
			if p.dec.Decode(&p.version) != nil || p.version != jsonVersion {
				p.version = 0
				return "not version " + strconv.Itoa(jsonVersion)
			}
		case key == "cookies" && !found:
			found = true
			if reason := p.list(); reason != "" {
				return reason
			}
		default:
			p.version = 0
			return "unknown or repeated member"
		}
	}
	if !p.delim('}') {
		return "not JSON"
	}
	if p.version == 0 || !found {
		return `"version" or "cookies" is missing`
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return "more after the end"
	}
	return ""
}

// list reads the list of cookies.
func (p *jsonParser) list() (reason string) {
	if !p.delim('[') {
		return `"cookies" is not a list`
	}
	for p.dec.More() {
		start := p.dec.InputOffset()
		var raw json.RawMessage
		if p.dec.Decode(&raw) != nil {
			return "not a cookie" // nothing can be read after it
		}
		c, reason := parseRecord(raw)
		if reason != "" {
			p.failAt(start, reason)
			continue
		}
		p.cookies = append(p.cookies, c)
	}
	if !p.delim(']') {
		return "not JSON"
	}
	return ""
}

func parseRecord(raw []byte) (c Cookie, reason string) {
	var r record
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if dec.Decode(&r) != nil {
		return c, "not a cookie"
	}
	return r.cookie()
}

func (r *record) cookie() (c Cookie, reason string) {
	if r.HostOnly == nil || r.Secure == nil || r.HTTPOnly == nil {
		return c, `"host_only", "secure" or "http_only" is missing`
	}
	c = Cookie{
		Name: string(r.Name), Value: string(r.Value), Domain: r.Domain, HostOnly: *r.HostOnly, Path: string(r.Path),
		Expires: r.Expires, Secure: *r.Secure, HTTPOnly: *r.HTTPOnly, SameSite: ParseSameSite(r.SameSite),
		Created: r.Created, LastAccess: r.LastAccess,
	}
	if c.SameSite == SameSiteDefault && r.SameSite != "" {
		return c, `unknown "same_site"`
	}
	return c, c.Settle()
}

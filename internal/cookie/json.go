package cookie

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

const jsonVersion = 1

// A record is a [Cookie] as the JSON form writes it. Times are in RFC 3339;
// expires is when the store drops the cookie. Flags must be there when it is
// read: one that was lost would widen who gets the cookie (CVE-2026-54279).
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

// AppendJSON writes cookies with all their attributes, one a line.
func AppendJSON(b []byte, cookies []Cookie) ([]byte, error) {
	b = append(b, `{"version": `+strconv.Itoa(jsonVersion)+`, "cookies": [`...)
	for i := range cookies {
		c := &cookies[i]
		line, err := json.Marshal(record{
			Name: octets(c.Name), Value: octets(c.Value), Domain: c.Domain, HostOnly: &c.HostOnly,
			Path: octets(c.Path), Expires: c.deadline(), Secure: &c.Secure, HTTPOnly: &c.HTTPOnly,
			SameSite: c.SameSite.String(), Created: c.Created, LastAccess: c.LastAccess,
		})
		if err != nil { // a time after the year 9999
			return nil, errors.New("cookie " + strconv.Quote(c.Name) + " cannot be written as JSON")
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), line...)
	}
	return append(b, "\n]}\n"...), nil
}

// ParseJSON reads what [AppendJSON] writes. Unknown members are errors: a newer
// form may mean by them that a cookie goes to fewer hosts.
func ParseJSON(data []byte) ([]Cookie, *LineError) {
	p := jsonParser{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.DisallowUnknownFields()
	return p.file()
}

type jsonParser struct {
	data []byte
	dec  *json.Decoder
}

// fail names the line of the next thing in the file. The text of errors of
// encoding/json is left out, because it quotes the file.
func (p *jsonParser) fail(reason string) *LineError { return p.failAt(p.dec.InputOffset(), reason) }

func (p *jsonParser) failAt(offset int64, reason string) *LineError {
	rest := p.data[offset:]
	gap := len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,:"))
	return &LineError{1 + bytes.Count(p.data[:int(offset)+gap], []byte("\n")), reason}
}

func (p *jsonParser) delim(want json.Delim) bool {
	t, err := p.dec.Token()
	return err == nil && t == want
}

func (p *jsonParser) file() (cookies []Cookie, bad *LineError) {
	version, found := 0, false
	if !utf8.Valid(p.data) {
		return nil, p.fail("not UTF-8") // encoding/json would replace what is not
	}
	if !p.delim('{') {
		return nil, p.fail("not a JSON object")
	}
	for p.dec.More() {
		key, err := p.dec.Token()
		switch {
		case err != nil:
			return nil, p.fail("not JSON")
		case key == "version":
			if p.dec.Decode(&version) != nil || version != jsonVersion {
				return nil, p.fail("not version " + strconv.Itoa(jsonVersion))
			}
		case key == "cookies" && !found:
			found = true
			if cookies, bad = p.cookies(); bad != nil {
				return nil, bad
			}
		default:
			return nil, p.fail("unknown or repeated member")
		}
	}
	if !p.delim('}') {
		return nil, p.fail("not JSON")
	}
	if version == 0 || !found {
		return nil, p.fail(`"version" or "cookies" is missing`)
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return nil, p.fail("more after the end")
	}
	return cookies, nil
}

func (p *jsonParser) cookies() (cookies []Cookie, bad *LineError) {
	if !p.delim('[') {
		return nil, p.fail(`"cookies" is not a list`)
	}
	for p.dec.More() {
		start := p.dec.InputOffset()
		var r record
		if p.dec.Decode(&r) != nil {
			return nil, p.failAt(start, "not a cookie")
		}
		c, reason := r.cookie()
		if reason != "" {
			return nil, p.failAt(start, reason)
		}
		cookies = append(cookies, c)
	}
	if !p.delim(']') {
		return nil, p.fail("not JSON")
	}
	return cookies, nil
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

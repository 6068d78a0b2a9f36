package requests

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/go-requests/requests/internal/message"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/uri"
	"github.com/go-requests/requests/internal/values"
)

// mergeHeaders builds the fields of a request: those of the call over those of
// the session. It allocates one map and one array of values, at their final size.
func mergeHeaders(session http.Header, call []Headers) (http.Header, error) {
	fields, entries := len(session), 0
	for _, l := range call {
		fields += len(l)
	}
	for _, v := range session {
		entries += len(v)
	}
	h := make(http.Header, fields+2) // and Cookie or Content-Type, and Authorization
	backing := make([]string, 0, entries+fields)
	for name, v := range session {
		key, err := canonicalName(name)
		if err != nil {
			return nil, err
		}
		if key != name {
			if session, err = spelled(session); err != nil {
				return nil, err
			}
			return mergeHeaders(session, call)
		}
		if len(v) == 0 {
			continue
		}
		if err := checkValues(key, v); err != nil {
			return nil, err
		}
		start := len(backing)
		backing = append(backing, v...)
		h[key] = backing[start:len(backing):len(backing)]
	}
	for _, layer := range call {
		for name, v := range layer {
			key, err := canonicalName(name)
			if err != nil {
				return nil, err
			}
			if key != name && clashes(layer, name) {
				return nil, givenTwice(key)
			}
			start := len(backing)
			if backing, err = values.Append(backing, v, http.TimeFormat); err != nil {
				return nil, fail(ErrInvalidHeader, fmt.Errorf("field %q: %w", key, err))
			}
			if len(backing) == start {
				delete(h, key)
				continue
			}
			if err := checkValues(key, backing[start:]); err != nil {
				return nil, err
			}
			h[key] = backing[start:len(backing):len(backing)]
		}
	}
	return h, nil
}

// defaults are the fields of a session whose Headers are nil. Read only.
var defaults = defaultHeaders()

func defaultHeaders() http.Header {
	values := []string{"go-requests/" + Version, acceptEncoding, "*/*"}
	return http.Header{"User-Agent": values[0:1:1], "Accept-Encoding": values[1:2:2], "Accept": values[2:3:3]}
}

// spelled returns h with canonical names. s.Headers["user-agent"], written as in
// Requests, replaces the default. Two spellings by the caller are refused, since
// a map does not say which was written last.
func spelled(h http.Header) (http.Header, error) {
	out := make(http.Header, len(h))
	for name, v := range h {
		key, err := canonicalName(name)
		if err != nil {
			return nil, err
		}
		if key == name {
			continue
		}
		if other, has := out[key]; has && !slices.Equal(other, v) {
			return nil, givenTwice(key)
		}
		out[key] = v
	}
	for name, v := range h {
		if textproto.CanonicalMIMEHeaderKey(name) != name {
			continue
		}
		other, has := out[name]
		if has && !slices.Equal(other, v) && !slices.Equal(v, defaults[name]) {
			return nil, givenTwice(name)
		}
		if !has {
			out[name] = v
		}
	}
	return out, nil
}

func givenTwice(key string) error {
	return failText(ErrInvalidHeader, fmt.Sprintf("field %q is given twice in other letters", key))
}

// clashes reports whether m also has name in another letter case.
func clashes(m Headers, name string) bool {
	for other := range m {
		if other != name && strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

// canonicalName checks the name of a field and returns its canonical form.
func canonicalName(name string) (string, error) {
	switch name {
	case "User-Agent", "Accept", "Accept-Encoding": // in every request
		return name, nil
	}
	if !message.IsToken(name) {
		return "", failText(ErrInvalidHeader, "name "+redact.Token(name)+" is not a token")
	}
	return textproto.CanonicalMIMEHeaderKey(name), nil
}

// maxHeaderValue bounds the value of one field; servers refuse far less.
const maxHeaderValue = 256 << 10

// checkHeader refuses fields that would break the framing of the message, and
// those that only the library sets (RFC 9110, section 7.6.1; CVE-2026-1525).
// Errors name the field and never its value.
func checkHeader(h http.Header) error {
	for name, vals := range h {
		if key, err := canonicalName(name); err != nil || key != name {
			return failText(ErrInvalidHeader, "name "+redact.Token(name)+" is not canonical")
		}
		if err := checkValues(name, vals); err != nil {
			return err
		}
	}
	if _, has := h["Upgrade"]; has != hasUpgrade(h["Connection"]) { // RFC 9110, section 7.8
		return failText(ErrInvalidHeader, "fields Upgrade and Connection: Upgrade go together")
	}
	return nil
}

// hasUpgrade reports whether the values of a Connection field have the option.
func hasUpgrade(values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, "upgrade") })
}

func checkValues(name string, vals []string) error {
	if name == "Host" && len(vals) > 1 {
		return failText(ErrInvalidHeader, "field Host is given twice")
	}
	for _, v := range vals {
		if err := checkField(name, v); err != nil {
			return err
		}
	}
	return nil
}

func checkField(name, value string) error {
	if len(value) > maxHeaderValue {
		return failText(ErrInvalidHeader, "field "+name+" is too long")
	}
	if value != "" && (value[0] == ' ' || value[0] == '\t') {
		return failText(ErrInvalidHeader, "field "+name+" begins with white space")
	}
	for i := 0; i < len(value); i++ {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return failText(ErrInvalidHeader, "field "+name+" has a control character")
		}
	}
	switch name {
	case "Content-Length", "Transfer-Encoding", "Trailer", "Proxy-Connection", "Te", "Keep-Alive", "Http2-Settings":
		return failText(ErrInvalidHeader, "field "+name+" is set by the library")
	case "Connection":
		if !strings.EqualFold(value, "close") && !strings.EqualFold(value, "keep-alive") && !strings.EqualFold(value, "upgrade") {
			return failText(ErrInvalidHeader, "field Connection takes only close, keep-alive and Upgrade")
		}
	case "Expect":
		if !strings.EqualFold(value, "100-continue") {
			return failText(ErrInvalidHeader, "field Expect takes only 100-continue")
		}
	case "Host":
		return checkHost(value)
	}
	return nil
}

// checkHost refuses a Host that is not one host with an optional port: net/http
// would send an empty one in its place (CVE-2023-29406).
func checkHost(value string) error {
	if uri.CheckHost(value) != nil {
		return failText(ErrInvalidHeader, "field Host is not an ASCII host with an optional port")
	}
	return nil
}

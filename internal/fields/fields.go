// Package fields checks the fields of a request (RFC 9110, section 5): their names
// and values, fields that only the library may set, and fields in several
// spellings.
//
// It knows neither the request nor who set the fields. Its errors are of the kind
// InvalidHeader; they name a field and never show its value.
package fields

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/message"
	"github.com/go-requests/requests/internal/redact"
	"github.com/go-requests/requests/internal/uri"
	"github.com/go-requests/requests/internal/values"
)

// Merge builds the fields of a request: those of the call, layer by layer, over
// those of the session. See [Spelled] for defaults. Merge allocates one map and one
// array of values, at their final size.
func Merge[M ~map[string]any](session http.Header, call []M, defaults http.Header) (http.Header, error) {
	fields, entries := len(session), 0
	for _, l := range call {
		fields += len(l)
	}
	for _, v := range session {
		entries += len(v)
	}
	h := make(http.Header, fields+2) // room for Cookie or Content-Type, and Authorization
	backing := make([]string, 0, entries+fields)
	for name, v := range session {
		key, err := Canonical(name)
		if err != nil {
			return nil, err
		}
		if key != name {
			if session, err = Spelled(session, defaults); err != nil {
				return nil, err
			}
			return Merge(session, call, defaults)
		}
		if len(v) == 0 {
			continue
		}
		if err := CheckValues(key, v); err != nil {
			return nil, err
		}
		start := len(backing)
		backing = append(backing, v...)
		h[key] = backing[start:len(backing):len(backing)]
	}
	for _, layer := range call {
		for name, v := range layer {
			key, err := Canonical(name)
			if err != nil {
				return nil, err
			}
			if key != name && clashes(layer, name) {
				return nil, givenTwice(key)
			}
			start := len(backing)
			if backing, err = values.Append(backing, v, http.TimeFormat); err != nil {
				return nil, fault.New(fault.InvalidHeader, fmt.Errorf("field %q: %w", key, err))
			}
			if len(backing) == start {
				delete(h, key)
				continue
			}
			if err := CheckValues(key, backing[start:]); err != nil {
				return nil, err
			}
			h[key] = backing[start:len(backing):len(backing)]
		}
	}
	return h, nil
}

// Over sets the fields of layer in h, in place of those of h. A field without
// values stays, to say that it is not sent.
func Over[M ~map[string]any](h http.Header, layer M) error {
	for name, v := range layer {
		key, err := Canonical(name)
		if err != nil {
			return err
		}
		if key != name && clashes(layer, name) {
			return givenTwice(key)
		}
		vals, err := values.Append(nil, v, http.TimeFormat)
		if err != nil {
			return fault.New(fault.InvalidHeader, fmt.Errorf("field %q: %w", key, err))
		}
		h[key] = vals
	}
	return nil
}

// Spelled returns h with canonical names. A "user-agent", spelled as in Requests,
// replaces the one of defaults. Two spellings by the caller are refused: a map does
// not say which one came last.
func Spelled(h, defaults http.Header) (http.Header, error) {
	out := make(http.Header, len(h))
	for name, v := range h {
		key, err := Canonical(name)
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
	return fault.Text(fault.InvalidHeader, fmt.Sprintf("field %q is given twice in other letters", key))
}

// clashes reports whether m also has name in another letter case.
func clashes[M ~map[string]any](m M, name string) bool {
	for other := range m {
		if other != name && strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

// Canonical checks the name of a field and returns its canonical form.
func Canonical(name string) (string, error) {
	switch name {
	case "User-Agent", "Accept", "Accept-Encoding": // the fields of every request
		return name, nil
	}
	if !message.IsToken(name) {
		return "", fault.Text(fault.InvalidHeader, "name "+redact.Token(name)+" is not a token")
	}
	return textproto.CanonicalMIMEHeaderKey(name), nil
}

// MaxValue bounds the value of one field; servers refuse far less.
const MaxValue = 256 << 10

// Check refuses fields that would break the framing of the message, and
// those that only the library sets (RFC 9110, section 7.6.1; CVE-2026-1525).
func Check(h http.Header) error {
	for name, vals := range h {
		if key, err := Canonical(name); err != nil || key != name {
			return fault.Text(fault.InvalidHeader, "name "+redact.Token(name)+" is not canonical")
		}
		if err := CheckValues(name, vals); err != nil {
			return err
		}
	}
	if _, has := h["Upgrade"]; has != hasUpgrade(h["Connection"]) { // RFC 9110, section 7.8
		return fault.Text(fault.InvalidHeader, "fields Upgrade and Connection: Upgrade go together")
	}
	return nil
}

// hasUpgrade reports whether the values of a Connection field include "upgrade".
func hasUpgrade(values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, "upgrade") })
}

// CheckValues is [Check] for the values of one field with a canonical name.
func CheckValues(name string, vals []string) error {
	if name == "Host" && len(vals) > 1 {
		return fault.Text(fault.InvalidHeader, "field Host is given twice")
	}
	for _, v := range vals {
		if err := CheckValue(name, v); err != nil {
			return err
		}
	}
	return nil
}

// CheckValue is [Check] for one value of a field with a canonical name.
func CheckValue(name, value string) error {
	if len(value) > MaxValue {
		return fault.Text(fault.InvalidHeader, "field "+name+" is too long")
	}
	if value != "" && (value[0] == ' ' || value[0] == '\t') {
		return fault.Text(fault.InvalidHeader, "field "+name+" begins with white space")
	}
	for i := 0; i < len(value); i++ {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return fault.Text(fault.InvalidHeader, "field "+name+" has a control character")
		}
	}
	switch name {
	case "Content-Length", "Transfer-Encoding", "Trailer", "Proxy-Connection", "Te", "Keep-Alive", "Http2-Settings":
		return fault.Text(fault.InvalidHeader, "field "+name+" is set by the library")
	case "Connection":
		if !strings.EqualFold(value, "close") && !strings.EqualFold(value, "keep-alive") && !strings.EqualFold(value, "upgrade") {
			return fault.Text(fault.InvalidHeader, "field Connection takes only close, keep-alive and Upgrade")
		}
	case "Expect":
		if !strings.EqualFold(value, "100-continue") {
			return fault.Text(fault.InvalidHeader, "field Expect takes only 100-continue")
		}
	case "Host":
		return checkHost(value)
	}
	return nil
}

// checkHost refuses a Host that is not one host with an optional port: net/http
// would send an empty one instead (CVE-2023-29406).
func checkHost(value string) error {
	if uri.CheckHost(value) != nil {
		return fault.Text(fault.InvalidHeader, "field Host is not an ASCII host with an optional port")
	}
	return nil
}

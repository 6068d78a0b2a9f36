package message

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/redact"
)

// Check refuses what a reader could misunderstand, as several requests or as
// one of another length (RFC 9112, section 11). The errors are
// [fault.InvalidHeader] for a field, Host included, [fault.InvalidURL] for the
// target and [fault.InvalidOption] for the rest. Nothing else in this package
// checks the request, except that WriteBody checks the trailer.
func (r *Request) Check() error {
	switch {
	case !IsToken(r.Method):
		return fault.Text(fault.InvalidOption, "the method "+redact.Token(r.Method)+" is not a token")
	case r.Target == "":
		return fault.Text(fault.InvalidURL, "the request target is empty")
	case !all(r.Target, targetByte):
		return fault.Text(fault.InvalidURL, "the request target has a space or a control character")
	case hasZone(r.authority()):
		return fault.Text(fault.InvalidURL, "the request target has the zone of an IPv6 address")
	case !all(r.Host, hostByte):
		return fault.Text(fault.InvalidHeader, "the field Host has a character that no host has")
	case hasZone(r.Host):
		return fault.Text(fault.InvalidHeader, "the field Host has the zone of an IPv6 address")
	}
	for name, values := range r.Header {
		if err := r.checkField(name, values); err != nil {
			return err
		}
	}
	return checkTrailer(r.Trailer)
}

// authority returns the part of the target that names a host, or "".
func (r *Request) authority() string {
	if r.Method == http.MethodConnect {
		return r.Target
	}
	scheme, rest, absolute := strings.Cut(r.Target, "://")
	if !absolute || !IsToken(scheme) { // in origin-form, "://" belongs to the path or the query
		return ""
	}
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return rest[strings.LastIndexByte(rest, '@')+1:]
}

// hasZone reports whether host is an IPv6 address with a zone. A zone has a
// meaning only on this machine, and must not be sent (RFC 6874, section 3).
func hasZone(host string) bool {
	address, _, _ := strings.Cut(host, "]")
	return strings.HasPrefix(address, "[") && strings.Contains(address, "%")
}

// checkField checks a field of the head, and that it does not contradict what
// AppendHead writes itself.
func (r *Request) checkField(name string, values []string) error {
	if err := checkValues(name, values); err != nil {
		return err
	}
	switch {
	case equalFold(name, "Host"):
		return agrees(name, values, func(v string) bool { return v == r.Host })
	case equalFold(name, "Content-Length"):
		return agrees(name, values, func(v string) bool { return r.Length >= 0 && v == strconv.FormatInt(r.Length, 10) })
	case equalFold(name, "Transfer-Encoding"):
		return agrees(name, values, func(v string) bool { return r.Length < 0 && equalFold(v, "chunked") })
	case equalFold(name, "Trailer"):
		announced := true
		elements(values, func(e string) bool {
			announced = has(r.Trailer, e)
			return announced
		})
		if !announced {
			return contradiction(name)
		}
	}
	return nil
}

// agrees checks the values of a field that may occur only once.
func agrees(name string, values []string, same func(string) bool) error {
	for _, v := range values {
		if !same(trim(v)) || len(values) > 1 {
			return contradiction(name)
		}
	}
	return nil
}

func contradiction(name string) error {
	return fault.Text(fault.InvalidHeader, "the field "+redact.Token(name)+" contradicts the request")
}

// has reports whether h has the field name, in any letter case.
func has(h http.Header, name string) bool {
	for n := range h {
		if equalFold(n, name) {
			return true
		}
	}
	return false
}

// checkTrailer checks the fields that are sent after the body.
func checkTrailer(h http.Header) error {
	for name, values := range h {
		if err := checkValues(name, values); err != nil {
			return err
		}
		if isFraming(name) {
			return fault.Text(fault.InvalidHeader, "the field "+redact.Token(name)+" must not be in a trailer")
		}
	}
	return nil
}

func checkValues(name string, values []string) error {
	if !IsToken(name) {
		return fault.Text(fault.InvalidHeader, "the field name "+redact.Token(name)+" is not a token")
	}
	for _, v := range values {
		if !all(v, valueByte) {
			return fault.Text(fault.InvalidHeader, "the field "+redact.Token(name)+" has a control character")
		}
	}
	return nil
}

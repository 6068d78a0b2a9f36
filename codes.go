package requests

import "strings"

// Code returns the status code that a name stands for, under any of the names
// that Python's Requests gives it: Code("not_found"), Code("teapot"). The
// upper-case form of a name works as well, except for the names that are faces
// (`\o/`); a form of mixed case is not a name. A name that has stood for two
// codes means the later one: "precondition" is 428, "uri_too_long" is 414.
func Code(name string) (int, bool) {
	name, ok := lowerCodeName(name)
	if !ok {
		return 0, false
	}
	for code := maxCode; code >= minCode; code-- { // downwards: the later code wins
		names := codeNames(code)
		if !strings.Contains(names, name) {
			continue // most codes, at a glance
		}
		for n := range strings.FieldsSeq(names) {
			if n == name {
				return code, true
			}
		}
	}
	return 0, false
}

// CodeNames returns the names of a status code in lower case, the main one
// first, and an empty slice if it has none. The slice is the caller's. For each
// of the names [Code] gives the code back, but for two that later codes took
// over: "precondition" (412, now 428) and "uri_too_long" (122, now 414).
func CodeNames(code int) []string { return strings.Fields(codeNames(code)) }

// lowerCodeName gives the form of name that codeNames lists. Only ASCII letters
// have two forms: the Kelvin sign is no K.
func lowerCodeName(name string) (string, bool) {
	var upper, lower bool
	for i := range len(name) {
		upper = upper || 'A' <= name[i] && name[i] <= 'Z'
		lower = lower || 'a' <= name[i] && name[i] <= 'z'
	}
	if !upper {
		return name, true
	}
	if lower || name[0] == '\\' || name[0] == '/' {
		return "", false
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, name), true
}

// The codes that codeNames knows lie between these.
const minCode, maxCode = 100, 599

// codeNames is the table of Python's Requests: names parted by spaces, the main
// one first. Its mistakes are kept, for programs that rely on them: early-hints
// is a name of 102 there, and 103 and 122 have the names of old drafts.
func codeNames(code int) string {
	switch code {
	case 100:
		return "continue"
	case 101:
		return "switching_protocols"
	case 102:
		return "processing early-hints"
	case 103:
		return "checkpoint"
	case 122:
		return "uri_too_long request_uri_too_long"
	case 200:
		return `ok okay all_ok all_okay all_good \o/ ✓`
	case 201:
		return "created"
	case 202:
		return "accepted"
	case 203:
		return "non_authoritative_info non_authoritative_information"
	case 204:
		return "no_content"
	case 205:
		return "reset_content reset"
	case 206:
		return "partial_content partial"
	case 207:
		return "multi_status multiple_status multi_stati multiple_stati"
	case 208:
		return "already_reported"
	case 226:
		return "im_used"
	case 300:
		return "multiple_choices"
	case 301:
		return `moved_permanently moved \o-`
	case 302:
		return "found"
	case 303:
		return "see_other other"
	case 304:
		return "not_modified"
	case 305:
		return "use_proxy"
	case 306:
		return "switch_proxy"
	case 307:
		return "temporary_redirect temporary_moved temporary"
	case 308:
		return "permanent_redirect resume_incomplete resume"
	case 400:
		return "bad_request bad"
	case 401:
		return "unauthorized"
	case 402:
		return "payment_required payment"
	case 403:
		return "forbidden"
	case 404:
		return "not_found -o-"
	case 405:
		return "method_not_allowed not_allowed"
	case 406:
		return "not_acceptable"
	case 407:
		return "proxy_authentication_required proxy_auth proxy_authentication"
	case 408:
		return "request_timeout timeout"
	case 409:
		return "conflict"
	case 410:
		return "gone"
	case 411:
		return "length_required"
	case 412:
		return "precondition_failed precondition"
	case 413:
		return "request_entity_too_large content_too_large"
	case 414:
		return "request_uri_too_large uri_too_long"
	case 415:
		return "unsupported_media_type unsupported_media media_type"
	case 416:
		return "requested_range_not_satisfiable requested_range range_not_satisfiable"
	case 417:
		return "expectation_failed"
	case 418:
		return "im_a_teapot teapot i_am_a_teapot"
	case 421:
		return "misdirected_request"
	case 422:
		return "unprocessable_entity unprocessable unprocessable_content"
	case 423:
		return "locked"
	case 424:
		return "failed_dependency dependency"
	case 425:
		return "unordered_collection unordered too_early"
	case 426:
		return "upgrade_required upgrade"
	case 428:
		return "precondition_required precondition"
	case 429:
		return "too_many_requests too_many"
	case 431:
		return "header_fields_too_large fields_too_large"
	case 444:
		return "no_response none"
	case 449:
		return "retry_with retry"
	case 450:
		return "blocked_by_windows_parental_controls parental_controls"
	case 451:
		return "unavailable_for_legal_reasons legal_reasons"
	case 499:
		return "client_closed_request"
	case 500:
		return `internal_server_error server_error /o\ ✗`
	case 501:
		return "not_implemented"
	case 502:
		return "bad_gateway"
	case 503:
		return "service_unavailable unavailable"
	case 504:
		return "gateway_timeout"
	case 505:
		return "http_version_not_supported http_version"
	case 506:
		return "variant_also_negotiates"
	case 507:
		return "insufficient_storage"
	case 509:
		return "bandwidth_limit_exceeded bandwidth"
	case 510:
		return "not_extended"
	case 511:
		return "network_authentication_required network_auth network_authentication"
	}
	return ""
}

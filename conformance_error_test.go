package requests

import (
	"encoding/json"
	"errors"
	"slices"
)

// errorTree has the parents of the classes of FORMAT.md, section 11.3.
var errorTree = map[string][]string{
	"HTTPError":             {"RequestException"},
	"TooManyRedirects":      {"RequestException"},
	"MissingSchema":         {"RequestException"},
	"InvalidSchema":         {"RequestException"},
	"InvalidHeader":         {"RequestException"},
	"ChunkedEncodingError":  {"RequestException"},
	"ContentDecodingError":  {"RequestException"},
	"StreamConsumedError":   {"RequestException"},
	"RetryError":            {"RequestException"},
	"UnrewindableBodyError": {"RequestException"},
	"InvalidURL":            {"RequestException"},
	"InvalidProxyURL":       {"InvalidURL"},
	"InvalidJSONError":      {"RequestException"},
	"JSONDecodeError":       {"InvalidJSONError"},
	"ConnectionError":       {"RequestException"},
	"ProxyError":            {"ConnectionError"},
	"SSLError":              {"ConnectionError"},
	"ConnectTimeout":        {"ConnectionError", "Timeout"},
	"Timeout":               {"RequestException"},
	"ReadTimeout":           {"Timeout"},
}

// errorKinds are the classes that stand for one kind here, the more telling ones first.
var errorKinds = []struct {
	kind  error
	class string
}{
	{ErrTooManyRedirects, "TooManyRedirects"},
	{ErrMissingScheme, "MissingSchema"},
	{ErrInvalidScheme, "InvalidSchema"},
	{ErrInvalidProxy, "InvalidProxyURL"},
	{ErrInvalidURL, "InvalidURL"},
	{ErrInvalidHeader, "InvalidHeader"},
	{ErrStreamConsumed, "StreamConsumedError"},
	{ErrBodyNotReplayable, "UnrewindableBodyError"},
	{ErrInvalidJSON, "JSONDecodeError"},
	{ErrContentDecoding, "ContentDecodingError"},
	{ErrIncompleteBody, "ChunkedEncodingError"},
	{ErrConnectTimeout, "ConnectTimeout"},
	{ErrReadTimeout, "ReadTimeout"},
	{ErrProxy, "ProxyError"},
	{ErrTLS, "SSLError"},
	{ErrConnection, "ConnectionError"},
	{ErrTimeout, "Timeout"},
	{ErrProtocol, "ConnectionError"},
	{ErrRetriesExhausted, "RetryError"},
}

// errorClass maps an error to the hierarchy of Requests, "" for one that is not of it.
func errorClass(err error) string {
	if isA[*HTTPError](err) {
		return "HTTPError"
	}
	if isA[*json.UnsupportedValueError](err) {
		return "InvalidJSONError" // of a request
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Op == "read" {
		switch { // within a body other classes are used
		case errors.Is(err, ErrProtocol):
			return "ChunkedEncodingError"
		case errors.Is(err, ErrReadTimeout):
			return "ConnectionError"
		}
	}
	for _, k := range errorKinds {
		if errors.Is(err, k.kind) {
			return k.class
		}
	}
	return ""
}

// ancestors are the classes above one, sorted.
func ancestors(class string) []string {
	var all []string
	for _, parent := range errorTree[class] {
		all = append(all, parent)
		all = append(all, ancestors(parent)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// observeError describes err, nil for none.
func (p *player) observeError(err error) *seenError {
	if err == nil {
		return nil
	}
	class := errorClass(err)
	seen := &seenError{class: class, isA: ancestors(class), err: err}
	var r *Response
	if e, ok := errors.AsType[*HTTPError](err); ok {
		seen.message, r = e.Error(), e.Response
	}
	if e, ok := errors.AsType[*RedirectError](err); ok {
		seen.message, r = e.Error(), e.Response
	}
	if r != nil {
		seen.response = map[string]any{
			"status_code": number(r.StatusCode), "url": p.hide(r.URL.String()), "history_len": number(len(r.History)),
		}
	}
	return seen
}

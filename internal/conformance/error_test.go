package conformance

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/go-requests/requests"
)

// classTree has the parents of the classes in FORMAT.md, section 11.3.
var classTree = map[string][]string{
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

// classKinds are the classes for the kinds of the library, more specific ones first.
var classKinds = []struct {
	kind  error
	class string
}{
	{requests.ErrTooManyRedirects, "TooManyRedirects"},
	{requests.ErrMissingScheme, "MissingSchema"},
	{requests.ErrInvalidScheme, "InvalidSchema"},
	{requests.ErrInvalidProxy, "InvalidProxyURL"},
	{requests.ErrInvalidURL, "InvalidURL"},
	{requests.ErrInvalidHeader, "InvalidHeader"},
	{requests.ErrStreamConsumed, "StreamConsumedError"},
	{requests.ErrBodyNotReplayable, "UnrewindableBodyError"},
	{requests.ErrInvalidJSON, "JSONDecodeError"},
	{requests.ErrContentDecoding, "ContentDecodingError"},
	{requests.ErrIncompleteBody, "ChunkedEncodingError"},
	{requests.ErrConnectTimeout, "ConnectTimeout"},
	{requests.ErrReadTimeout, "ReadTimeout"},
	{requests.ErrProxy, "ProxyError"},
	{requests.ErrTLS, "SSLError"},
	{requests.ErrConnection, "ConnectionError"},
	{requests.ErrTimeout, "Timeout"},
	{requests.ErrProtocol, "ConnectionError"},
	{requests.ErrRetriesExhausted, "RetryError"},
}

// classOf maps an error to the hierarchy of Requests, or to "".
func classOf(err error) string {
	if _, ok := errors.AsType[*requests.HTTPError](err); ok {
		return "HTTPError"
	}
	if _, ok := errors.AsType[*json.UnsupportedValueError](err); ok {
		return "InvalidJSONError" // of a request
	}
	if e, ok := errors.AsType[*requests.Error](err); ok && e.Op == "read" {
		switch { // within a body other classes are used
		case errors.Is(err, requests.ErrProtocol):
			return "ChunkedEncodingError"
		case errors.Is(err, requests.ErrReadTimeout):
			return "ConnectionError"
		}
	}
	for _, k := range classKinds {
		if errors.Is(err, k.kind) {
			return k.class
		}
	}
	return ""
}

// errorAncestors returns the ancestors of a class, sorted.
func errorAncestors(class string) []string {
	var all []string
	for _, parent := range classTree[class] {
		all = append(all, parent)
		all = append(all, errorAncestors(parent)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// observeError describes err, nil for none.
func (p *player) observeError(err error) *seenError {
	if err == nil {
		return nil
	}
	class := classOf(err)
	seen := &seenError{class: class, isA: errorAncestors(class), err: err}
	var r *requests.Response
	if e, ok := errors.AsType[*requests.HTTPError](err); ok {
		seen.message, r = e.Error(), e.Response
	}
	if e, ok := errors.AsType[*requests.RedirectError](err); ok {
		seen.message, r = e.Error(), e.Response
	}
	if r != nil {
		seen.response = map[string]any{
			"status_code": jsonNumber(r.StatusCode), "url": p.hide(r.URL.String()), "history_len": jsonNumber(len(r.History)),
		}
	}
	return seen
}

package bridge

import (
	"net/http"
	"strconv"

	"github.com/go-requests/requests/internal/fault"
)

// CheckRequest refuses a request of net/http that cannot be sent, as net/http does.
func CheckRequest(hr *http.Request) error {
	switch {
	case hr == nil:
		return fault.Text(fault.InvalidOption, "the request is nil")
	case hr.URL == nil:
		return fault.Text(fault.InvalidURL, "the URL is nil")
	case hr.Header == nil:
		return fault.Text(fault.InvalidHeader, "the Header is nil")
	case hr.URL.Host == "":
		return fault.Text(fault.InvalidURL, "no host in the URL")
	case hr.ContentLength != 0 && hr.Body == nil:
		return fault.Text(fault.InvalidOption, "a ContentLength of "+strconv.FormatInt(hr.ContentLength, 10)+" and no Body")
	}
	return nil
}

// Fields returns a copy of the fields of hr that net/http would send.
func Fields(hr *http.Request) http.Header {
	h := hr.Header.Clone()
	for _, own := range [...]string{"Host", "Content-Length", "Transfer-Encoding", "Trailer"} {
		delete(h, own) // net/http has them elsewhere, and does not look here
	}
	if agents := h["User-Agent"]; len(agents) > 1 {
		h["User-Agent"] = agents[:1]
	}
	return h
}

// Chunked reports whether hr is to be chunked. net/http then does so even if the
// length is known, or if there is NoBody.
func Chunked(hr *http.Request) bool {
	return len(hr.TransferEncoding) > 0 && hr.TransferEncoding[0] == "chunked"
}

// Length returns the length of the body of hr, -1 if it is unknown: that is what
// net/http's zero beside a body means.
func Length(hr *http.Request) int64 {
	if hr.ContentLength <= 0 || Chunked(hr) {
		return -1
	}
	return hr.ContentLength
}

// Package coding undoes the content codings of HTTP (RFC 9110, section 8.4):
// gzip and deflate (RFC 1952, 1950, 1951), br (RFC 7932) and zstd (RFC 8878).
//
// [Parse] reads Content-Encoding, [NewReader] decodes. What a peer sends is
// taken as hostile: the number of codings, the memory of a decoder and what a
// body may grow to are bounded.
package coding

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Accept is the Accept-Encoding that announces what [NewReader] decodes.
const Accept = "gzip, deflate, br, zstd"

// maxCodings is how many codings may lie on one body. Requests' urllib3 has
// had the same limit since CVE-2025-66418: each further layer multiplies the
// work that a byte of the peer's can cause.
const maxCodings = 5

// Errors of decoding. An error that is none of these came from the body
// itself, and is returned as the body gave it.
var (
	// ErrTooManyCodings reports a Content-Encoding of more than five codings.
	ErrTooManyCodings = errors.New("too many content codings")
	// ErrUnknownCoding reports a list of codings one of which is not known.
	ErrUnknownCoding = errors.New("unknown content coding")
	// ErrCorrupt reports a body that is not in the format its coding names.
	ErrCorrupt = errors.New("corrupt data")
	// ErrTruncated reports a body that came whole, but whose coded data stops
	// in the middle. It is not io.ErrUnexpectedEOF, which is what a body gives
	// that was itself cut short.
	ErrTruncated = errors.New("truncated data")
	// ErrTooLarge reports a body that decodes to far more than it has a
	// reason to, or whose decoding would need more memory than is granted.
	ErrTooLarge = errors.New("decoded data too large")
)

// Parse returns the codings that the values of Content-Encoding name, one
// value a header line, in the order in which they were applied. What is empty
// or "identity" is left out, names are in lower case, and "x-gzip" is "gzip".
//
// A coding that is not known leaves the body as it is if it is the only one,
// so that Parse returns none: the peer may well have named something that is
// no coding, such as "utf-8". Beside others it is [ErrUnknownCoding], because
// what the caller would get is neither what was sent nor what was meant.
func Parse(values []string) ([]string, error) {
	var codings []string
	unknown := ""
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.ToLower(strings.Trim(name, " \t"))
			switch name {
			case "", "identity":
				continue
			case "x-gzip": // RFC 9110, section 8.4.1.3
				name = "gzip"
			case "gzip", "deflate", "br", "zstd":
			default:
				unknown = name
			}
			if len(codings) == maxCodings {
				return nil, fmt.Errorf("%w: more than %d", ErrTooManyCodings, maxCodings)
			}
			codings = append(codings, name)
		}
	}
	if unknown == "" {
		return codings, nil
	}
	if len(codings) == 1 {
		return nil, nil
	}
	if !slices.Contains(otherCodings, unknown) {
		return nil, fmt.Errorf("%w in a list", ErrUnknownCoding) // the peer's word is not repeated
	}
	return nil, fmt.Errorf("%w in a list: %s", ErrUnknownCoding, unknown)
}

// otherCodings are registered with IANA, but not undone here.
var otherCodings = []string{"compress", "x-compress", "exi", "pack200-gzip", "aes128gcm", "dcb", "dcz"}

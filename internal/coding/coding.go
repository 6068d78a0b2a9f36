// Package coding undoes the content codings of HTTP (RFC 9110, section 8.4):
// gzip and deflate (RFC 1952, 1950, 1951), br (RFC 7932) and zstd (RFC 8878).
//
// [Parse] reads Content-Encoding, [NewReader] decodes. The peer is assumed to
// be hostile: the number of codings, the memory of a decoder and the decoded
// size are bounded.
package coding

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Accept is the Accept-Encoding that announces what [NewReader] decodes.
const Accept = "gzip, deflate, br, zstd"

// maxCodings is how many codings a body may have. Requests' urllib3 has had the
// same limit since CVE-2025-66418: each layer multiplies the work that one byte
// from the peer can cause.
const maxCodings = 5

// Errors of decoding. An error that is none of these came from the body itself,
// and is returned unchanged.
var (
	// ErrTooManyCodings reports a Content-Encoding of more than five codings.
	ErrTooManyCodings = errors.New("too many content codings")
	// ErrUnknownCoding reports a list of codings with an unknown one.
	ErrUnknownCoding = errors.New("unknown content coding")
	// ErrCorrupt reports a body that is not in the format its coding names.
	ErrCorrupt = errors.New("corrupt data")
	// ErrTruncated reports a body that is complete but whose coded data stops
	// in the middle. A body that was itself cut short gives io.ErrUnexpectedEOF
	// instead.
	ErrTruncated = errors.New("truncated data")
	// ErrTooLarge reports a body that decodes to more than [Limits] allow, or
	// whose decoding would need more memory than is allowed.
	ErrTooLarge = errors.New("decoded data too large")
)

// Parse returns the codings that the values of Content-Encoding name, one value
// a header line, in the order in which they were applied. Empty names and
// "identity" are left out, names are in lower case, and "x-gzip" is "gzip".
//
// If the only coding is unknown, Parse returns none and the body stays as it
// is: the peer may have named something that is not a coding, such as "utf-8".
// An unknown coding among others is [ErrUnknownCoding], because the result
// would be neither what was sent nor what was meant.
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
		return nil, fmt.Errorf("%w in a list", ErrUnknownCoding) // the peer's text is not repeated
	}
	return nil, fmt.Errorf("%w in a list: %s", ErrUnknownCoding, unknown)
}

// otherCodings are registered with IANA, but not undone here.
var otherCodings = []string{"compress", "x-compress", "exi", "pack200-gzip", "aes128gcm", "dcb", "dcz"}

// Named reports whether the values of Content-Encoding name a coding, known or
// not. The offsets of a range are then not those of the file.
func Named(values []string) bool {
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.Trim(name, " \t"); name != "" && !strings.EqualFold(name, "identity") {
				return true
			}
		}
	}
	return false
}

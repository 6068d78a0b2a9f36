// Package fault is the tree of error kinds. The packages under internal give
// each failure its kind where it arises; package requests gives the kinds their
// public names.
//
// No text of this package quotes a URL or the value of a field, and text from
// elsewhere is made printable first.
package fault

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Kind is one node of the tree. It matches itself and every node above it, so
// that errors.Is follows the tree.
type Kind struct {
	text    string
	parents []*Kind
}

// Request is the root.
var Request = &Kind{text: "request failed"}

// kind makes a kind below its parents, or below the root.
func kind(text string, parents ...*Kind) *Kind {
	if parents == nil {
		parents = []*Kind{Request}
	}
	return &Kind{text, parents}
}

func (k *Kind) Error() string { return k.text }

// Is reports whether target is above k.
func (k *Kind) Is(target error) bool {
	for _, p := range k.parents {
		if errors.Is(p, target) {
			return true
		}
	}
	return false
}

// Kinds of bad input, found before anything is sent.
var (
	InvalidURL    = kind("invalid URL")
	MissingScheme = kind("missing scheme", InvalidURL)
	InvalidScheme = kind("no adapter for the scheme", InvalidURL)
	InvalidHeader = kind("invalid header")
	InvalidOption = kind("invalid option")
	InvalidProxy  = kind("invalid proxy")
)

// Kinds of a connection that was not made, or that broke.
var (
	Connection     = kind("connection failed")
	DNS            = kind("name resolution failed", Connection)
	Address        = kind("address not allowed", Connection)
	Proxy          = kind("proxy failed", Connection)
	TLS            = kind("TLS failed", Connection)
	ConnectionLost = kind("connection lost", Connection)
	Adapter        = kind("adapter failed") // of the caller's
)

// Kinds of time that ran out.
var (
	Timeout        = kind("timed out")
	ConnectTimeout = kind("connect timed out", Connection, Timeout)
	ReadTimeout    = kind("read timed out", Timeout)
	TotalTimeout   = kind("total time ran out", Timeout)
)

// Kinds of a response that cannot be used.
var (
	Protocol        = kind("malformed response")
	IncompleteBody  = kind("incomplete body")
	ContentDecoding = kind("cannot decode content")
	BodyTooLarge    = kind("body too large")
	Checksum        = kind("checksum does not match")
	InvalidJSON     = kind("invalid JSON")
)

// Authentication is the kind of credentials that the server refused, or could
// not prove in return.
var Authentication = kind("authentication failed")

// Kinds of use that cannot continue.
var (
	TooManyRedirects  = kind("too many redirects")
	BodyNotReplayable = kind("body cannot be sent again")
	RetriesExhausted  = kind("retries exhausted")
	StreamConsumed    = kind("stream was consumed before")
	CookieConflict    = kind("several cookies of this name")
	Closed            = kind("closed")
)

// A failure is one kind with what led to it.
type failure struct {
	kind  error
	cause error
	text  string // "" for that of kind and cause
}

// New wraps cause in a kind. The text of cause may quote the peer, so it is
// made printable and cut.
func New(kind, cause error) error { return &failure{kind: kind, cause: cause} }

// Text is New for a cause that is only a text.
func Text(kind error, text string) error {
	return &failure{kind: kind, text: kind.Error() + ": " + text}
}

// Reword is New with other words than those of cause, which may hold a secret.
func Reword(kind, cause error, text string) error {
	return &failure{kind: kind, cause: cause, text: kind.Error() + ": " + text}
}

// Mark gives cause a kind and keeps its words.
func Mark(kind, cause error) error {
	return &failure{kind: kind, cause: cause, text: cause.Error()}
}

func (f *failure) Error() string {
	if f.text != "" {
		return Printable(f.text)
	}
	return f.kind.Error() + ": " + Printable(f.cause.Error())
}

func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}

// Classified marks f as an error that has its kind. See [Of].
func (f *failure) Classified() error { return f }

// Of finds the outermost error in err's tree that was given its kind where it
// arose, and is therefore passed on unchanged. Besides the errors of this
// package that is any error with a method Classified, which returns what to
// pass on.
func Of(err error) (error, bool) {
	if e, ok := errors.AsType[interface {
		error
		Classified() error
	}](err); ok {
		return e.Classified(), true
	}
	return nil, false
}

// MaxText bounds, in bytes, what an error repeats of the peer's words (CVE-2025-58187: texts of megabytes).
const MaxText = 1 << 10

// Printable makes text safe for a log line: control characters, which could
// forge lines or drive a terminal, are escaped (CVE-2026-42507), and more than
// 1 KiB is cut.
func Printable(s string) string {
	if len(s) > MaxText {
		cut := MaxText
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	if strings.IndexFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

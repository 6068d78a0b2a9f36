package requests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/charset"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/redact"
)

// JSONDecoder decodes the JSON of responses in place of [encoding/json]: with
// another library, or with other settings, such as numbers that keep their digits.
// It gets one whole text in UTF-8. It must refuse anything after the one value, and
// must not keep data.
//
//	s := requests.NewSession(requests.JSONDecoder(sonic.Unmarshal))
type JSONDecoder func(data []byte, v any) error

func (JSONDecoder) option() {}

// JSON decodes the body, which must be one JSON value, into v: with
// [json.Unmarshal], or with the [JSONDecoder] of the call. The body may be in
// UTF-8, UTF-16 or UTF-32, with or without a byte order mark, or in another
// Encoding. Bytes that are not text become U+FFFD.
//
// The error is [ErrInvalidJSON], or the one that kept the body from being read; v
// then stays as it was. ErrInvalidJSON says where in the text the fault is, and
// wraps the error of the decoder, usually a [*json.SyntaxError] or a
// [*json.UnmarshalTypeError]. An empty body, as of a 204,
// is both [ErrInvalidJSON] and [io.EOF].
func (r *Response) JSON(v any) error {
	if err := r.Load(); err != nil {
		return err
	}
	if len(r.content) == 0 { // as of a 204
		return readError(r.URL, fault.Reword(ErrInvalidJSON, errEmptyJSON, "the body is empty"))
	}
	return r.decode(jsonText(r.content, r.Encoding), v)
}

// errEmptyJSON is what JSON decoders say of nothing, in their two ways.
var errEmptyJSON = errors.Join(io.EOF, json.Unmarshal(nil, new(any)))

// IterJSON returns the values of a body that has one JSON value on each line (JSON
// Lines). Blank lines are skipped. The iterator streams and ends like
// [Response.IterLines]. A line that cannot be decoded ends it with
// [ErrInvalidJSON]. Range with both variables: a loop with one sees neither that
// error nor that the body was cut short.
func IterJSON[T any](r *Response) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if r == nil {
			yield(none, failText(ErrInvalidOption, "IterJSON(nil)"))
			return
		}
		n := 0
		for line, err := range r.IterLineBytes() {
			n++
			if err != nil {
				yield(none, err)
				return
			}
			if len(bytes.TrimLeft(line, " \t")) == 0 {
				continue
			}
			var v T
			if err := r.decode(line, &v); err != nil {
				yield(none, atLine(n, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// decode decodes data. Its errors say where the fault is.
func (r *Response) decode(data []byte, v any) error {
	err := unmarshal(r.jsonDecoder, data, v)
	if err == nil {
		return nil
	}
	if offset, ok := faultOffset(err); ok {
		err = &jsonFault{err: err, place: placeOf(data, offset), near: snippet(data, offset)}
	}
	return readError(r.URL, failForeign(ErrInvalidJSON, err)) // other libraries quote the text around the fault
}

// unmarshal decodes data into v, but leaves v as it was after an error.
func unmarshal(decode JSONDecoder, data []byte, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("JSON(%T): the target is not a pointer", v)
	}
	if decode == nil {
		decode = json.Unmarshal
	}
	if target.Elem().IsZero() { // the usual case: after an error it is set to zero again
		err := decode(data, v)
		if err != nil {
			target.Elem().SetZero()
		}
		return err
	}
	if err := decode(data, reflect.New(target.Type().Elem()).Interface()); err != nil {
		return err
	}
	return decode(data, v)
}

// jsonText returns data in UTF-8 without a byte order mark, which is data itself
// as a rule. A NUL among the first two bytes can only be half a character, as
// JSON has none (RFC 4627, section 3); otherwise encoding counts.
func jsonText(data []byte, encoding string) []byte {
	if rest, ok := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); ok {
		return rest
	}
	if name := charset.DetectJSON(data); name != "utf-8" {
		return []byte(charset.Decode(data, name))
	}
	if name, ok := charset.Lookup(encoding); ok && name != "utf-8" {
		return []byte(charset.Decode(data, encoding))
	}
	return data
}

// A jsonFault tells where a text is not JSON, or not of the wanted type.
type jsonFault struct {
	err   error
	place string
	near  string // the text around it, "" if that may be a secret
}

func (e *jsonFault) Error() string {
	err := e.err
	if wrong, ok := err.(*json.UnmarshalTypeError); ok && e.near == "" {
		shown := *wrong
		shown.Value, _, _ = strings.Cut(shown.Value, " ") // "number 1234"
		err = &shown
	}
	text := e.place + ": " + strings.TrimPrefix(err.Error(), "json: ")
	if e.near != "" {
		text += " near " + e.near
	}
	return text
}

func (e *jsonFault) Unwrap() error { return e.err }

// faultOffset is how many bytes encoding/json had read when it found err.
func faultOffset(err error) (int64, bool) {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return e.Offset, true
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return e.Offset, true
	}
	return 0, false
}

// placeOf returns the line and the column, in bytes, after read bytes of data.
func placeOf(data []byte, read int64) string {
	before := data[:min(max(read-1, 0), int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return "line " + strconv.Itoa(line) + " column " + strconv.Itoa(column)
}

// A snippet shows this many bytes before and after a fault.
const (
	snippetBefore = 24
	snippetAfter  = 24
)

// snippet quotes data around a fault. It is "" if there is nothing to quote, or if
// the text or what comes just before looks like a credential: it has the name of
// one, or a word as long as a token.
func snippet(data []byte, read int64) string {
	at := int(min(max(read-1, 0), int64(len(data))))
	from, to := max(at-snippetBefore, 0), min(at+snippetAfter, len(data))
	if from == to || redact.Mentions(string(data[max(from-4*snippetBefore, 0):to])) || hasLongWord(data[from:to]) {
		return ""
	}
	return strconv.Quote(strings.ToValidUTF8(string(data[from:to]), "\uFFFD"))
}

// hasLongWord reports whether b has a run of token68 characters (RFC 9110,
// section 11.2) that is longer than most words.
func hasLongWord(b []byte) bool {
	const long = 16
	run := 0
	for _, c := range b {
		if run++; !isToken68(c) {
			run = 0
		}
		if run == long {
			return true
		}
	}
	return false
}

// atLine adds the number of a line to err, which decode gave.
func atLine(n int, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	return &Error{Op: e.Op, URL: e.URL, Err: fmt.Errorf("value on line %d: %w", n, e.Err)}
}

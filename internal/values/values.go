// Package values makes text of the values that Params, Headers and Form take, and
// queries and forms of maps of them. It knows Go's types and nothing of requests.
package values

import (
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/uri"
)

// Append appends the texts of one value of Params, Headers or Form to
// dst: none for nil, one for each element of a slice. layout is how a time is written.
func Append(dst []string, v any, layout string) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return dst, nil
	case string:
		return append(dst, v), nil
	case []string:
		return append(dst, v...), nil
	case int:
		return append(dst, strconv.Itoa(v)), nil
	case bool:
		return append(dst, strconv.FormatBool(v)), nil
	case []byte:
		return append(dst, string(v)), nil
	}
	rv := reflect.ValueOf(v)
	if k := rv.Kind(); k != reflect.Slice && k != reflect.Array || isText(v) {
		s, ok, err := scalar(v, layout)
		if ok {
			dst = append(dst, s)
		}
		return dst, err
	}
	for i := range rv.Len() {
		s, ok, err := scalar(rv.Index(i).Interface(), layout)
		if err != nil {
			return dst, err
		}
		if ok {
			dst = append(dst, s)
		}
	}
	return dst, nil
}

// isText reports whether v speaks for itself, though it may be a slice (net.IP).
func isText(v any) bool {
	switch v.(type) {
	case fmt.Stringer, []byte:
		return true
	}
	return false
}

// scalar is the text of one value, false for nil.
func scalar(v any, layout string) (s string, ok bool, err error) {
	switch v := v.(type) {
	case nil:
		return "", false, nil
	case string:
		return v, true, nil
	case []byte:
		return string(v), true, nil
	case time.Time:
		if layout == http.TimeFormat {
			v = v.UTC() // the format has GMT as a literal
		}
		return v.Format(layout), true, nil
	case fmt.Stringer:
		if IsNil(v) {
			return "", false, nil
		}
		return v.String(), true, nil
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.String:
		return rv.String(), true, nil
	case reflect.Bool:
		return strconv.FormatBool(rv.Bool()), true, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(rv.Int(), 10), true, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(rv.Uint(), 10), true, nil
	case reflect.Float32, reflect.Float64:
		f := rv.Float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return "", false, fmt.Errorf("%v is no number", f)
		}
		return strconv.FormatFloat(f, 'f', -1, rv.Type().Bits()), true, nil
	case reflect.Pointer:
		if rv.IsNil() {
			return "", false, nil
		}
		if k := rv.Elem().Kind(); k != reflect.Pointer && k != reflect.Interface {
			return scalar(rv.Elem().Interface(), layout)
		}
	}
	return "", false, fmt.Errorf("a value of type %T cannot be sent", v)
}

// Clone copies a value that is a slice, perhaps of slices: whoever gave it
// may change it.
func Clone(v any) any {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice || rv.IsNil() {
		return v
	}
	c := reflect.MakeSlice(rv.Type(), rv.Len(), rv.Len())
	for i := range rv.Len() {
		if e := reflect.ValueOf(Clone(rv.Index(i).Interface())); e.IsValid() {
			c.Index(i).Set(e)
		}
	}
	return c.Interface()
}

// IsNil reports whether v is nil or an interface that holds a nil pointer.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.Interface:
		return rv.IsNil()
	}
	return false
}

// SortedKeys returns the keys of m in order, on the stack of the caller for small maps.
func SortedKeys(m map[string]any, buf []string) []string {
	for k := range m {
		buf = append(buf, k)
	}
	slices.Sort(buf)
	return buf
}

// AppendQuery writes m as application/x-www-form-urlencoded after what b has,
// leaving out the keys for which skip is true. what names m in errors.
func AppendQuery(b *strings.Builder, m map[string]any, skip func(key string) bool, what string) error {
	var keyBuf, valueBuf [8]string
	for _, k := range SortedKeys(m, keyBuf[:0]) {
		if skip != nil && skip(k) {
			continue
		}
		if err := AppendPairs(b, k, m[k], valueBuf[:0], what); err != nil {
			return err
		}
	}
	return nil
}

// AppendPairs writes key once for each value of v.
func AppendPairs(b *strings.Builder, key string, v any, buf []string, what string) error {
	vals, err := Append(buf, v, time.RFC3339Nano)
	if err != nil {
		return fault.New(fault.InvalidOption, fmt.Errorf("%s %q: %w", what, key, err))
	}
	for _, s := range vals {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		uri.EscapeForm(b, key)
		b.WriteByte('=')
		uri.EscapeForm(b, s)
	}
	return nil
}

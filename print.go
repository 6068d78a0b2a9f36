package requests

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/go-requests/requests/internal/redact"
)

// This file says how the values of the package print, so that no verb of package
// fmt and no logger shows a credential: fmt goes by Format, whatever the verb, and
// package log/slog by LogValue. What is encoded as JSON when it is logged, as by zap, has a
// String as well, which these loggers go by. All three give the same.

// String shows the fields, and *** for the values of those that look like secrets.
func (h Headers) String() string { return showMap(h) }

// Format prints what String returns, whatever the verb.
func (h Headers) Format(f fmt.State, _ rune) { io.WriteString(f, h.String()) }

// LogValue is String.
func (h Headers) LogValue() slog.Value { return slog.StringValue(h.String()) }

// String shows the parameters, and *** for the values of those that look like secrets.
func (p Params) String() string { return showMap(p) }

// Format prints what String returns, whatever the verb.
func (p Params) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue is String.
func (p Params) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Format prints the names, and *** for the values of those that look like
// secrets, whatever the verb.
func (p PathParams) Format(f fmt.State, _ rune) { io.WriteString(f, showMap(p)) }

// LogValue is what Format prints.
func (p PathParams) LogValue() slog.Value { return slog.StringValue(showMap(p)) }

// String shows the fields, and *** for the values of those that look like secrets.
func (m Form) String() string { return showMap(m) }

// Format prints what String returns, whatever the verb.
func (m Form) Format(f fmt.State, _ rune) { io.WriteString(f, m.String()) }

// LogValue is String.
func (m Form) LogValue() slog.Value { return slog.StringValue(m.String()) }

// String shows the names of the cookies, and *** for their values.
func (c Cookies) String() string {
	return showPairs(c, func(string, string) string { return redact.Mask })
}

// Format prints what String returns, whatever the verb.
func (c Cookies) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// LogValue is String.
func (c Cookies) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String shows the proxies without their credentials.
func (p Proxies) String() string {
	return showPairs(p, func(key, value string) string {
		if key == noProxyKey {
			return value
		}
		return redact.RawURL(value)
	})
}

// Format prints what String returns, whatever the verb.
func (p Proxies) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue is String.
func (p Proxies) LogValue() slog.Value { return slog.StringValue(p.String()) }

// String shows the query without what looks like a secret in it. It is no
// conversion: string(q) is the query.
func (q RawQuery) String() string { return redact.Query(string(q)) }

// Format prints what String returns as it would a string.
func (q RawQuery) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), q.String())
}

// LogValue is String.
func (q RawQuery) LogValue() slog.Value { return slog.StringValue(q.String()) }

// String shows the URL without its password. It is no conversion: string(u) is
// the URL.
func (u BaseURL) String() string { return redact.RawURL(string(u)) }

// Format prints what String returns as it would a string.
func (u BaseURL) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), u.String())
}

// LogValue is String.
func (u BaseURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// LogValue is what Format prints.
func (a Auth) LogValue() slog.Value { return slog.StringValue(a.scheme()) }

// Format prints only what s is: its fields may hold secrets, whatever the verb.
func (s *Session) Format(f fmt.State, _ rune) { io.WriteString(f, s.text()) }

// LogValue is what Format prints.
func (s *Session) LogValue() slog.Value { return slog.StringValue(s.text()) }

// Format prints what String returns, whatever the verb.
func (r Request) Format(f fmt.State, _ rune) { io.WriteString(f, r.String()) }

// LogValue is String.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Format prints what String returns, whatever the verb.
func (p PreparedRequest) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// LogValue is String.
func (p PreparedRequest) LogValue() slog.Value { return slog.StringValue(p.String()) }

// Format prints what String returns, whatever the verb: the header sets cookies.
func (r Response) Format(f fmt.State, _ rune) { io.WriteString(f, r.String()) }

// LogValue is String.
func (r Response) LogValue() slog.Value { return slog.StringValue(r.String()) }

// text shows the options that cannot hold a secret, and the proxy without its credentials.
func (o SendOptions) text() string { return showFields(reflect.ValueOf(o)) }

// Format prints the options that cannot hold a secret, and the proxy without its credentials, whatever the verb.
func (o SendOptions) Format(f fmt.State, _ rune) { io.WriteString(f, o.text()) }

// LogValue is what Format prints.
func (o SendOptions) LogValue() slog.Value { return slog.StringValue(o.text()) }

// String shows the attempt with its request and response by their Strings.
func (a Attempt) String() string {
	return fmt.Sprintf("{Number:%d Request:%v Response:%v Err:%v Wait:%v}", a.Number, a.Request, a.Response, a.Err, a.Wait)
}

// Format prints what String returns, whatever the verb.
func (a Attempt) Format(f fmt.State, _ rune) { io.WriteString(f, a.String()) }

// LogValue is String.
func (a Attempt) LogValue() slog.Value { return slog.StringValue(a.String()) }

// String shows the result with its request and response by their Strings.
func (r Result) String() string {
	return fmt.Sprintf("{Index:%d Request:%v Response:%v Size:%d Err:%v}", r.Index, r.Request, r.Response, r.Size, r.Err)
}

// Format prints what String returns, whatever the verb.
func (r Result) Format(f fmt.State, _ rune) { io.WriteString(f, r.String()) }

// LogValue is String.
func (r Result) LogValue() slog.Value { return slog.StringValue(r.String()) }

// text shows the field and the names of the file, and nothing of what it holds.
func (file File) text() string {
	return fmt.Sprintf("{Field:%q Path:%q Name:%q ContentType:%q}", file.Field, file.Path, file.Name, file.ContentType)
}

// Format prints the field and the names of the file, and nothing of what it holds, whatever the verb.
func (file File) Format(f fmt.State, _ rune) { io.WriteString(f, file.text()) }

// LogValue is what Format prints.
func (file File) LogValue() slog.Value { return slog.StringValue(file.text()) }

// text tells no more than what a is: its pools know the credentials of proxies.
func (a *HTTPAdapter) text() string { return "<HTTPAdapter>" }

// Format prints only what a is: its pools know the credentials of proxies, whatever the verb.
func (a *HTTPAdapter) Format(f fmt.State, _ rune) { io.WriteString(f, a.text()) }

// LogValue is what Format prints.
func (a *HTTPAdapter) LogValue() slog.Value { return slog.StringValue(a.text()) }

// Format prints how many cookies there are, and no more, whatever the verb.
func (j *CookieJar) Format(f fmt.State, _ rune) { io.WriteString(f, j.text()) }

// LogValue is what Format prints.
func (j *CookieJar) LogValue() slog.Value { return slog.StringValue(j.text()) }

// LogValue is Error.
func (e *ProxyError) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// showMap formats m as package fmt would, with its secrets masked.
func showMap(m map[string]any) string {
	return showPairs(m, func(name string, v any) string { return redact.Field(name, fmt.Sprint(v)) })
}

func showPairs[V any](m map[string]V, value func(string, V) string) string {
	pairs := make([]string, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, name+":"+value(name, m[name]))
	}
	return "map[" + strings.Join(pairs, " ") + "]"
}

// showFields formats a struct as package fmt would, with those of its fields alone
// that cannot hold a secret.
func showFields(v reflect.Value) string {
	var shown []string
	for f, value := range v.Fields() {
		if !f.IsExported() {
			continue
		}
		if text, safe := showField(value); safe {
			shown = append(shown, f.Name+":"+text)
		}
	}
	return "{" + strings.Join(shown, " ") + "}"
}

// showField goes by the type of a field, so that nobody has to think of this when
// a struct gets a new one. It reports false for text, and for all that may have
// text in it, but for a URL.
func showField(v reflect.Value) (string, bool) {
	if v.Type() == reflect.TypeFor[*url.URL]() {
		u, _ := reflect.TypeAssert[*url.URL](v)
		return redact.URL(u), true
	}
	switch {
	case v.Kind() == reflect.Bool, v.CanInt(), v.CanUint(), v.CanFloat():
		return fmt.Sprint(v), true
	case v.Kind() == reflect.Struct:
		return showFields(v), true
	}
	return "", false
}

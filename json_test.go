package requests

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

func TestJSON(t *testing.T) {
	for _, tt := range []struct {
		name, body, encoding string
		want                 any
		err                  string // what comes after "invalid JSON: "
	}{
		{name: "object", body: ` {"a": [1, null]} `, want: map[string]any{"a": []any{1.0, nil}}},
		{name: "B172 byte order mark", body: "\ufeff[1]", encoding: "utf-8", want: []any{1.0}},
		{name: "B173 no UTF-8", body: "\"a\xff\"", want: "a\ufffd"},
		{name: "other encoding", body: "\"caf\xe9\"", encoding: "latin-1", want: "caf\u00e9"},
		{name: "unknown encoding", body: "\"caf\u00e9\"", encoding: "nonsense", want: "caf\u00e9"},
		{name: "B174 trailing data", body: `{"a":1} x`, err: `line 1 column 9: invalid character 'x' after top-level value near "{\"a\":1} x"`},
		{name: "B174 second value", body: "1\n2", err: `line 2 column 1: invalid character '2' after top-level value near "1\n2"`},
		{name: "B175 nothing", body: "", err: `the body is empty`},
		{name: "B175 spaces", body: "  ", err: `line 1 column 2: unexpected end of JSON input near "  "`},
		{name: "B175 NaN", body: "[NaN]", err: `line 1 column 2: invalid character 'N' looking for beginning of value near "[NaN]"`},
		{name: "B175 too deep", body: strings.Repeat("[", 20_000), err: `line 1 column 10001: invalid character '[' exceeded max depth near "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["`},
		{name: "page of HTML", body: "<!DOCTYPE html>\n<html>\x1b[31m", err: `line 1 column 1: invalid character '<' looking for beginning of value near "<!DOCTYPE html>\n<html>\x1b["`},
		{name: "cut in a token", body: `{"access_token": "abc`, err: `line 1 column 21: unexpected end of JSON input`},
		{name: "cut in a long word", body: `["eyJhbGciOiJIUzI1NiIsInR5cCI6`, err: `line 1 column 30: unexpected end of JSON input`},
		{name: "many lines", body: "{\n \"a\": 1,\n \"b\": oh\n}", err: `line 3 column 7: invalid character 'o' looking for beginning of value near "{\n \"a\": 1,\n \"b\": oh\n}"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := unread(strings.NewReader(tt.body), tt.encoding, 0)
			got := any("untouched")
			err := r.JSON(&got)
			if tt.err == "" {
				if err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("JSON of %q = %v, error %v; want %v", tt.body, got, err, tt.want)
				}
				return
			}
			want := "requests: read http://a.test/: invalid JSON: " + tt.err
			if !errors.Is(err, ErrInvalidJSON) || err.Error() != want {
				t.Errorf("JSON of %.40q: error %v; want %s", tt.body, err, want)
			}
			if _, ok := errors.AsType[*json.SyntaxError](err); !ok {
				t.Errorf("JSON of %.40q: the error of encoding/json is lost: %v", tt.body, err)
			}
			if got != "untouched" {
				t.Errorf("JSON of %.40q: the target has become %v", tt.body, got)
			}
		})
	}
}

// B174: a target is as it was after an error, wherever in the text that was.
func TestJSONTargetUntouched(t *testing.T) {
	type target struct {
		A, B int
		C    []int
	}
	for _, body := range []string{`{"A":1,"C":[7]} x`, `{"A":1,"C":[7],"B":"text"}`, `{"A":1,"C":[7]`} {
		for _, start := range []target{{}, {A: 5, C: []int{1, 2}}} {
			want := start
			want.C = append([]int(nil), start.C...)
			r := unread(strings.NewReader(body), "", 0)
			if err := r.JSON(&start); !errors.Is(err, ErrInvalidJSON) || !reflect.DeepEqual(start, want) {
				t.Errorf("JSON of %s = %+v, error %v; want %+v and %v", body, start, err, want, ErrInvalidJSON)
			}
		}
	}
	r := unread(strings.NewReader("{}"), "", 0)
	for _, v := range []any{nil, target{}, (*target)(nil)} {
		if err := r.JSON(v); !errors.Is(err, ErrInvalidJSON) {
			t.Errorf("JSON(%T): error %v; want %v", v, err, ErrInvalidJSON)
		}
	}
}

// B176: what cut the body is the error, and not the JSON that is cut by it.
func TestJSONOfCutBody(t *testing.T) {
	s := pipes{serve: raw(ok + "Content-Length: 100\r\n\r\n{\"a\":")}.session(t, Stream(true))
	r, err := s.Get(t.Context(), "http://a.test/")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := r.JSON(&v); !errors.Is(err, ErrIncompleteBody) || errors.Is(err, ErrInvalidJSON) {
		t.Errorf("JSON: error %v; want %v", err, ErrIncompleteBody)
	}
}

// B175: a decoder of one's own keeps the digits of large numbers.
func TestJSONDecoder(t *testing.T) {
	exact := JSONDecoder(func(data []byte, v any) error {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		return d.Decode(v)
	})
	fails := errors.New("of another library")
	s := pipes{serve: raw(ok + "Content-Length: 23\r\n\r\n\xef\xbb\xbf12345678901234567890")}.session(t, exact)
	r, err := s.Get(t.Context(), "http://a.test/")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := r.JSON(&v); err != nil || v != json.Number("12345678901234567890") {
		t.Errorf("JSON = %v, error %v; want the number as it was sent", v, err)
	}
	r, err = s.With(JSONDecoder(nil)).Get(t.Context(), "http://a.test/")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.JSON(&v); err != nil || v != 12345678901234567890.0 {
		t.Errorf("JSON with encoding/json = %v, error %v", v, err)
	}
	_, err = As[int](s.Get(t.Context(), "http://a.test/", JSONDecoder(func([]byte, any) error { return fails })))
	if !errors.Is(err, ErrInvalidJSON) || !errors.Is(err, fails) {
		t.Errorf("As: error %v; want %v and %v", err, ErrInvalidJSON, fails)
	}
}

func TestIterJSON(t *testing.T) {
	type record struct{ N int }
	const body = "{\"N\":1}\r\n\n \t\n{\"N\":2}\n{\"N\":3}"
	var got []record
	for v, err := range IterJSON[record](unread(strings.NewReader(body), "", 0)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	if want := []record{{1}, {2}, {3}}; !reflect.DeepEqual(got, want) {
		t.Errorf("IterJSON of %q = %v; want %v", body, got, want)
	}
	n := 0
	var last error
	for _, err := range IterJSON[record](unread(strings.NewReader("{\"N\":1}\n\n{\"N\":2} x\n{\"N\":3}"), "", 0)) {
		n, last = n+1, err
	}
	want := `requests: read http://a.test/: value on line 3: invalid JSON: line 1 column 9: invalid character 'x' after top-level value near "{\"N\":2} x"`
	if n != 2 || !errors.Is(last, ErrInvalidJSON) || last.Error() != want {
		t.Errorf("IterJSON: %d pieces, error %v; want 2, %s", n, last, want)
	}
}

// FuzzJSONText proves that JSON is found in whatever encoding of Unicode it is
// sent, and that no other input does more than fail.
func FuzzJSONText(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `"\u4e00"`, "\"\u4e00\"", "1", " 1", "[]", "\ufeff1", "\x00", "\"\U0001f600"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := jsonText([]byte(text), ""); got == nil && text != "" {
			t.Fatalf("jsonText(%q) is nil", text)
		}
		if !utf8.ValidString(text) || !json.Valid([]byte(text)) {
			return
		}
		for name, e := range map[string]encoding.Encoding{
			"UTF-8":              unicode.UTF8,
			"UTF-8 with mark":    unicode.UTF8BOM,
			"UTF-16LE":           unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
			"UTF-16BE":           unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
			"UTF-16LE with mark": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
			"UTF-16BE with mark": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
			"UTF-32LE":           utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM),
			"UTF-32BE":           utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
			"UTF-32LE with mark": utf32.UTF32(utf32.LittleEndian, utf32.UseBOM),
			"UTF-32BE with mark": utf32.UTF32(utf32.BigEndian, utf32.UseBOM),
		} {
			sent, err := e.NewEncoder().Bytes([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if got := jsonText(sent, "utf-8"); string(got) != text {
				t.Errorf("jsonText of %q in %s = %q", text, name, got)
			}
		}
	})
}

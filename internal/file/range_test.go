package file

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
)

var contentRangeTests = []struct {
	in   string
	want Range
	ok   bool
}{
	{"bytes 0-99/200", Range{0, 99, 200}, true},
	{"bytes 5-5/6", Range{5, 5, 6}, true},
	{"Bytes 0-0/*", Range{0, 0, -1}, true},
	{"bytes */200", Range{-1, -1, 200}, true},
	{"bytes 0-9223372036854775806/9223372036854775807", Range{0, math.MaxInt64 - 1, math.MaxInt64}, true},
	{in: ""},
	{in: "bytes"},
	{in: "bytes 0-99"},
	{in: "bytes=0-99/200"},
	{in: "bytes  0-99/200"},
	{in: "bytes 0-99/200 "},
	{in: "lines 0-99/200"},
	{in: "bytes 0-200/200"},
	{in: "bytes 9-8/200"},
	{in: "bytes -8/200"},
	{in: "bytes 8-/200"},
	{in: "bytes +0-99/200"},
	{in: "bytes 0x0-99/200"},
	{in: "bytes 0-99/-1"},
	{in: "bytes */*"},
	{in: "bytes 0-99/9223372036854775808"},
	{in: "bytes 0-99/200, 100-199/200"},
}

func TestParseContentRange(t *testing.T) {
	for _, tt := range contentRangeTests {
		if !tt.ok {
			tt.want = Range{-1, -1, -1}
		}
		if got, ok := ParseRange(tt.in); got != tt.want || ok != tt.ok {
			t.Errorf("ParseRange(%q) = %v, %t; want %v, %t", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	for _, tt := range contentRangeTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c, ok := ParseRange(in)
		if !ok {
			return
		}
		span, size := "*", "*"
		if c.First >= 0 {
			span = fmt.Sprintf("%d-%d", c.First, c.Last)
		}
		if c.Size >= 0 {
			size = fmt.Sprint(c.Size)
		}
		if again, ok := ParseRange("bytes " + span + "/" + size); !ok || again != c {
			t.Errorf("ParseRange(%q) = %v, and of what that means %v, %t", in, c, again, ok)
		}
		if c.First >= 0 && (c.Last < c.First || c.Size >= 0 && c.Last >= c.Size) || c.First < 0 && c.Size < 0 {
			t.Errorf("ParseRange(%q) = %v", in, c)
		}
	})
}

func TestValidator(t *testing.T) {
	const old, now = "Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:06 GMT"
	for _, tt := range []struct {
		name   string
		header http.Header
		want   Validator
	}{
		{"none", http.Header{}, ""},
		{"tag", http.Header{"Etag": {`"a"`}}, `"a"`},
		{"empty tag", http.Header{"Etag": {`""`}}, `""`},
		{"weak tag", http.Header{"Etag": {`W/"a"`}}, ""},
		{"weak tag beside a date", http.Header{"Etag": {`W/"a"`}, "Last-Modified": {old}, "Date": {now}}, ""},
		{"bare tag", http.Header{"Etag": {`a`}}, ""},
		{"one quote", http.Header{"Etag": {`"`}}, ""},
		{"quote within", http.Header{"Etag": {`"a"b"`}}, ""},
		{"space within", http.Header{"Etag": {`"a b"`}}, ""},
		{"long tag", http.Header{"Etag": {`"` + strings.Repeat("a", maxTag) + `"`}}, ""},
		{"date", http.Header{"Last-Modified": {old}, "Date": {now}}, old},
		{"date of this second", http.Header{"Last-Modified": {now}, "Date": {now}}, ""},
		{"date without the server's", http.Header{"Last-Modified": {old}}, ""},
		{"no date", http.Header{"Last-Modified": {"yesterday"}, "Date": {now}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ValidatorOf(tt.header); got != tt.want {
				t.Errorf("ValidatorOf(%v) = %q; want %q", tt.header, got, tt.want)
			}
			if tt.want != "" && (!tt.want.Matches(tt.header) || tt.want.Contradicts(tt.header)) {
				t.Errorf("%q does not match %v, of which it is", tt.want, tt.header)
			}
			if other := (http.Header{"Etag": {`"b"`}, "Last-Modified": {"Tue, 03 Jan 2006 15:04:05 GMT"}}); tt.want.Matches(other) {
				t.Errorf("%q matches %v", tt.want, other)
			}
		})
	}
}

// TestContinues is about the 206 that answers an If-Range.
func TestContinues(t *testing.T) {
	const old, later = "Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:06 GMT"
	for _, tt := range []struct {
		name   string
		v      Validator
		header http.Header
		want   bool
	}{
		{"the tag", `"a"`, http.Header{"Etag": {`"a"`}}, true},
		{"the tag, with a date", `"a"`, http.Header{"Etag": {`"a"`}, "Last-Modified": {later}}, true},
		{"another tag", `"a"`, http.Header{"Etag": {`"b"`}}, false},
		{"a weak tag", `"a"`, http.Header{"Etag": {`W/"a"`}}, false},
		{"no tag", `"a"`, http.Header{}, false},
		{"a date in the place of the tag", `"a"`, http.Header{"Last-Modified": {old}}, false},
		{"the date", old, http.Header{"Last-Modified": {old}}, true},
		{"another date", old, http.Header{"Last-Modified": {later}}, false},
		{"no date", old, http.Header{}, true},
		{"a tag in the place of the date", old, http.Header{"Etag": {`"a"`}}, false},
		{"no validator", "", http.Header{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.v.Continues(tt.header); got != tt.want {
				t.Errorf("%q.Continues(%v) = %t; want %t", tt.v, tt.header, got, tt.want)
			}
		})
	}
}

func TestRangeUnfit(t *testing.T) {
	for _, tt := range []struct {
		c                    Range
		offset, size, length int64
		want                 string
	}{
		{Range{5, 9, 10}, 5, 10, 5, ""},
		{Range{0, 9, 10}, 5, 10, 10, ""},
		{Range{5, 7, 10}, 5, 10, 3, ""},
		{Range{5, 9, -1}, 5, -1, -1, ""},
		{Range{5, 9, 10}, 5, -1, 5, ""},
		{Range{5, 9, -1}, 5, 10, 5, ""},
		{Range{-1, -1, 10}, 5, 10, -1, "it begins elsewhere"},
		{Range{6, 9, 10}, 5, 10, 4, "it begins elsewhere"},
		{Range{0, 4, 10}, 5, 10, 5, "it ends elsewhere"},
		{Range{5, 9, 11}, 5, 10, 5, "the file has another length"},
		{Range{5, 10, -1}, 5, 10, 6, "the file has another length"},
		{Range{5, 9, 10}, 5, 10, 4, "its length is another"},
		{Range{5, 9, 10}, 5, 10, 6, "its length is another"},
	} {
		if got := tt.c.Unfit(tt.offset, tt.size, tt.length); got != tt.want {
			t.Errorf("%v.Unfit(%d, %d, %d) = %q; want %q", tt.c, tt.offset, tt.size, tt.length, got, tt.want)
		}
	}
}

package cookie

import (
	"testing"
	"time"
)

var dates = []struct {
	in   string
	want string // "" if it is no date
}{
	{"Wed, 09 Jun 2021 10:18:14 GMT", "2021-06-09T10:18:14Z"},
	{"Wednesday, 09-Jun-21 10:18:14 GMT", "2021-06-09T10:18:14Z"},
	{"Wed Jun  9 10:18:14 2021", "2021-06-09T10:18:14Z"},
	{"10:18:14 2021 9 june", "2021-06-09T10:18:14Z"},
	{"9/JUNIPER/2021/10:18:14", "2021-06-09T10:18:14Z"},
	{"\t,09;jun@2021_1:2:3~", "2021-06-09T01:02:03Z"},
	{"9th Jun 2021x 10:18:14pm", "2021-06-09T10:18:14Z"},
	{"1 Jan 70 00:00:00", "1970-01-01T00:00:00Z"},
	{"1 Jan 69 00:00:00", "2069-01-01T00:00:00Z"},
	{"1 Jan 99 00:00:00", "1999-01-01T00:00:00Z"},
	{"1 Jan 00 00:00:00", "2000-01-01T00:00:00Z"},
	{"1 Jan 020 00:00:00", "2020-01-01T00:00:00Z"},
	{"1 Jan 1601 00:00:00", "1601-01-01T00:00:00Z"},
	{"31 Dec 9999 23:59:59", "9999-12-31T23:59:59Z"},
	{"29 Feb 2024 00:00:00", "2024-02-29T00:00:00Z"},
	{"29 Feb 2023 00:00:00", ""},
	{"30 Feb 2024 00:00:00", ""},
	{"31 Apr 2024 00:00:00", ""},
	{"0 Jan 2020 00:00:00", ""},
	{"32 Jan 2020 00:00:00", ""},
	{"1 Jan 1600 00:00:00", ""},
	{"1 Jan 100 00:00:00", ""},
	{"1 Jan 20201 00:00:00", ""},
	{"1 Jan 2020 24:00:00", ""},
	{"1 Jan 2020 00:60:00", ""},
	{"1 Jan 2020 00:00:60", ""},
	{"1 Jan 2020 000:00:00", ""},
	{"1 Jan 2020 00:00", ""},
	{"1 Jan 2020 00:00:", ""},
	{"1 Jan 2020 :00:00", ""},
	{"1 Ja 2020 00:00:00", ""},
	{"1 2020 00:00:00", ""},
	{"Jan 2020 00:00:00", ""},
	{"1 Jan 00:00:00", ""},
	{"1 Jan 2020", ""},
	{"2020-01-01T00:00:00Z", ""},
	{"1577836800", ""},
	{"", ""},
}

func TestParseDate(t *testing.T) {
	for _, tt := range dates {
		got := ""
		if d, ok := ParseDate(tt.in); ok {
			got = d.Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("ParseDate(%q) = %q; want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, tt := range dates {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		d, ok := ParseDate(in)
		if !ok {
			return
		}
		if d.Year() < 1601 || d.Year() > 9999 || d.Location() != time.UTC || d.Nanosecond() != 0 {
			t.Errorf("ParseDate(%q) = %v", in, d)
		}
		if again, ok := ParseDate(d.Format(time.RFC1123)); !ok || !again.Equal(d) {
			t.Errorf("ParseDate(%q) = %v, which reads back as %v, %v", in, d, again, ok)
		}
	})
}

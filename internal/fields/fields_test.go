package fields

import (
	"bufio"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

// layer stands for a type of the caller's.
type layer map[string]any

var defaults = http.Header{"User-Agent": {"default"}, "Accept": {"*/*"}}

func TestMerge(t *testing.T) {
	date := time.Date(2015, 10, 21, 9, 28, 0, 0, time.FixedZone("", 7200))
	for _, tt := range []struct {
		name    string
		session http.Header
		call    []layer
		want    http.Header
		err     string // instead
	}{
		{"nothing", nil, nil, http.Header{}, ""},
		{"the session alone", http.Header{"A": {"1", "2"}}, nil, http.Header{"A": {"1", "2"}}, ""},
		{"the call over the session", http.Header{"A": {"1"}, "B": {"2"}}, []layer{{"b": "3", "C": 4}}, http.Header{"A": {"1"}, "B": {"3"}, "C": {"4"}}, ""},
		{"the last layer counts", nil, []layer{{"A": "1"}, {"a": "2"}}, http.Header{"A": {"2"}}, ""},
		{"removed", http.Header{"A": {"1"}}, []layer{{"a": nil}}, http.Header{}, ""},
		{"removed and given again", http.Header{"A": {"1"}}, []layer{{"a": nil}, {"A": "2"}}, http.Header{"A": {"2"}}, ""},
		{"no values in the session", http.Header{"A": {}}, nil, http.Header{}, ""},
		{"several values", nil, []layer{{"A": []string{"1", "2"}}}, http.Header{"A": {"1", "2"}}, ""},
		{"a time", nil, []layer{{"Date": date}}, http.Header{"Date": {"Wed, 21 Oct 2015 07:28:00 GMT"}}, ""},
		{"the session in other letters", http.Header{"User-Agent": {"default"}, "user-agent": {"mine"}}, []layer{{"A": 1}},
			http.Header{"User-Agent": {"mine"}, "A": {"1"}}, ""},
		{"twice in one layer", nil, []layer{{"X-A": 1, "x-a": 2}}, nil, `invalid header: field "X-A" is given twice in other letters`},
		{"twice in the session", http.Header{"X-A": {"1"}, "x-a": {"2"}}, nil, nil, `invalid header: field "X-A" is given twice in other letters`},
		{"a name of the session", http.Header{"X A": {"1"}}, nil, nil, `invalid header: name "X"… is not a token`},
		{"a name of the call", nil, []layer{{"X A": 1}}, nil, `invalid header: name "X"… is not a token`},
		{"a value of the session", http.Header{"A": {"s3cret\n"}}, nil, nil, "invalid header: field A has a control character"},
		{"a value of the call", nil, []layer{{"A": "s3cret\n"}}, nil, "invalid header: field A has a control character"},
		{"a value that is none", nil, []layer{{"A": struct{}{}}}, nil, `invalid header: field "A": `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.session.Clone()
			got, err := Merge(tt.session, tt.call, defaults)
			require.Equal(t, before, tt.session, "it is not changed")
			if tt.err != "" {
				require.ErrorIs(t, err, fault.InvalidHeader)
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// TestMergeKeepsValuesApart: they are in one array, and whoever appends to those of
// a field must not change another one.
func TestMergeKeepsValuesApart(t *testing.T) {
	h, err := Merge(http.Header{"A": {"1"}, "B": {"2"}}, []layer{{"C": 3, "D": 4}}, defaults)
	require.NoError(t, err)
	for name := range h {
		h.Add(name, "more")
	}
	require.Equal(t, http.Header{"A": {"1", "more"}, "B": {"2", "more"}, "C": {"3", "more"}, "D": {"4", "more"}}, h)
}

func TestMergeAllocatesTwice(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage allocates")
	}
	call := []layer{{"X-A": "1", "X-B": "2"}}
	session := http.Header{"User-Agent": {"x"}, "Accept": {"*/*"}}
	few := testing.AllocsPerRun(100, func() { Merge(session, call[:0], defaults) })
	more := testing.AllocsPerRun(100, func() { Merge(session, call, defaults) })
	require.Equal(t, few, more, "whatever the call brings")
}

func TestOver(t *testing.T) {
	h := http.Header{"A": {"1"}, "B": {"2"}}
	require.NoError(t, Over(h, layer{"a": 3, "B": nil, "c-d": []string{"4", "5"}}))
	require.Equal(t, http.Header{"A": {"3"}, "B": nil, "C-D": {"4", "5"}}, h, "B stays, as one that is not sent")
	for _, bad := range []layer{{"X-A": 1, "x-a": 2}, {"X A": 1}, {"A": struct{}{}}} {
		require.ErrorIs(t, Over(http.Header{}, bad), fault.InvalidHeader, "%v", bad)
	}
}

func TestSpelled(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   http.Header
		want http.Header // nil: refused
	}{
		{"canonical", http.Header{"A": {"1"}}, http.Header{"A": {"1"}}},
		{"not", http.Header{"x-a": {"1"}}, http.Header{"X-A": {"1"}}},
		{"over the default", http.Header{"User-Agent": {"default"}, "user-agent": {"mine"}}, http.Header{"User-Agent": {"mine"}}},
		{"over another one", http.Header{"User-Agent": {"other"}, "user-agent": {"mine"}}, nil},
		{"the same twice", http.Header{"X-A": {"1"}, "x-a": {"1"}}, http.Header{"X-A": {"1"}}},
		{"neither canonical", http.Header{"x-A": {"1"}, "x-a": {"2"}}, nil},
		{"no token", http.Header{"": {"1"}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Spelled(tt.in, defaults)
			require.Equal(t, tt.want, got)
			if tt.want == nil {
				require.ErrorIs(t, err, fault.InvalidHeader)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// checked are values with what Check says of them, "" for nothing.
var checked = []struct{ name, value, want string }{
	{"X-T", "a", ""},
	{"X-T", "", ""},
	{"X-T", "a\tb ", ""},
	{"X-T", "\xff\u00e9", ""},
	{"X-T", "a\rb", "field X-T has a control character"},
	{"X-T", "a\nb", "field X-T has a control character"},
	{"X-T", "a\x00", "field X-T has a control character"},
	{"X-T", "a\x7f", "field X-T has a control character"},
	{"X-T", " a", "field X-T begins with white space"},
	{"X-T", "\ta", "field X-T begins with white space"},
	{"X-T", strings.Repeat("x", MaxValue), ""},
	{"X-T", strings.Repeat("x", MaxValue+1), "field X-T is too long"},
	{"x-t", "a", `name "x-t" is not canonical`},
	{"X T", "a", `name "X"… is not canonical`},
	{"Content-Length", "5", "field Content-Length is set by the library"},
	{"Transfer-Encoding", "chunked", "field Transfer-Encoding is set by the library"},
	{"Trailer", "X", "field Trailer is set by the library"},
	{"Proxy-Connection", "keep-alive", "field Proxy-Connection is set by the library"},
	{"Te", "trailers", "field Te is set by the library"},
	{"Keep-Alive", "timeout=5", "field Keep-Alive is set by the library"},
	{"Http2-Settings", "AAMAAABk", "field Http2-Settings is set by the library"},
	{"Connection", "close", ""},
	{"Connection", "Keep-Alive", ""},
	{"Connection", "X-T", "field Connection takes only close, keep-alive and Upgrade"},
	{"Connection", "upgrade", "fields Upgrade and Connection: Upgrade go together"},
	{"Upgrade", "h2c", "fields Upgrade and Connection: Upgrade go together"},
	{"Expect", "100-Continue", ""},
	{"Expect", "200-ok", "field Expect takes only 100-continue"},
	{"Host", "a.test:8080", ""},
	{"Host", "a b", "field Host is not an ASCII host with an optional port"},
	{"Host", "", "field Host is not an ASCII host with an optional port"},
	{"Host", "\u00e9vil", "field Host is not an ASCII host with an optional port"},
}

func TestCheck(t *testing.T) {
	for _, tt := range checked {
		err := Check(http.Header{tt.name: {tt.value}})
		if tt.want == "" {
			require.NoError(t, err, "%s: %.80q", tt.name, tt.value)
			continue
		}
		require.ErrorIs(t, err, fault.InvalidHeader)
		require.EqualError(t, err, "invalid header: "+tt.want)
	}
	require.NoError(t, Check(http.Header{"Upgrade": {"h2c"}, "Connection": {"Upgrade"}}))
	require.EqualError(t, Check(http.Header{"Host": {"a.test", "b.test"}}), "invalid header: field Host is given twice")
}

// FuzzCheck: a field that passes arrives as it is, alone.
func FuzzCheck(f *testing.F) {
	for _, tt := range checked {
		if len(tt.value) < 1<<10 {
			f.Add(tt.name, tt.value)
		}
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		if Check(http.Header{name: {value}}) != nil {
			return
		}
		if name == "Host" || name == "Upgrade" {
			return
		}
		got, err := textproto.NewReader(bufio.NewReader(strings.NewReader(name + ": " + value + "\r\n\r\n"))).ReadMIMEHeader()
		require.NoError(t, err)
		require.Equal(t, textproto.MIMEHeader{name: {strings.TrimRight(value, " \t")}}, got)
	})
}

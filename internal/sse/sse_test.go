package sse

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-requests/requests/internal/suite"
)

// A result is all that a stream gave.
type result struct {
	events   []Event
	lastID   string
	retry    time.Duration
	hasRetry bool
	err      error
}

func (r result) equal(other result) bool {
	return slices.Equal(r.events, other.events) && r.lastID == other.lastID &&
		r.retry == other.retry && r.hasRetry == other.hasRetry && r.err == other.err
}

func read(src io.Reader, limit int) result {
	var got result
	r := NewReader(src, limit)
	for {
		event, err := r.Next()
		if err != nil {
			got.err = err
			break
		}
		got.events = append(got.events, event)
	}
	got.lastID, _ = r.LastEventID()
	got.retry, got.hasRetry = r.Retry()
	return got
}

// split gives text in two pieces.
func split(text string, at int) io.Reader {
	return io.MultiReader(strings.NewReader(text[:at]), strings.NewReader(text[at:]))
}

func message(data string) Event { return Event{Type: "message", Data: data} }

var readerTests = []struct {
	name   string
	stream string
	want   []Event
}{
	{"nothing", "", nil},
	{"blank lines", "\n\r\n\r\n\n", nil},
	{"one event", "data: a\n\n", []Event{message("a")}},
	{"one space is taken off", "data:  a \n\n", []Event{message(" a ")}},
	{"no space", "data:a\n\n", []Event{message("a")}},
	{"colons in the value", "data: a: b\n\n", []Event{message("a: b")}},
	{"several lines", "data: a\ndata\ndata: b\n\n", []Event{message("a\n\nb")}},
	{"empty data", "data\n\n", []Event{message("")}},
	{"no data", "event: x\n\ndata: a\n\n", []Event{message("a")}},
	{"CR", "data: a\rdata: b\r\rdata: c\r\r", []Event{message("a\nb"), message("c")}},
	{"CR LF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", []Event{message("a\nb"), message("c")}},
	{"mixed line ends", "data: a\r\ndata: b\r\ndata: c\n\rdata: d\r\n\n", []Event{message("a\nb\nc"), message("d")}},
	{"LF CR is two", "data: a\n\rdata: b\n\r", []Event{message("a"), message("b")}},
	{"line and paragraph separators are text", "data: a\u2028b\u0085\vc\fd\n\n", []Event{message("a\u2028b\u0085\vc\fd")}},
	{"mark", "\ufeffdata: a\n\n", []Event{message("a")}},
	{"second mark", "\ufeff\ufeffdata: a\n\ndata: b\n\n", []Event{message("b")}},
	{"mark on a later line", "\n\ufeffdata: a\n\n", nil},
	{"mark before a blank line", "\ufeff\ndata: a\n\n", []Event{message("a")}},
	{"part of a mark", "\xef\xbbdata: a\n\n", nil},
	{"comments", ": x\ndata: a\n:\n:data: b\n\n", []Event{message("a")}},
	{"unknown fields", "Data: x\n data: x\ndata : x\ndatas: x\nx\ndata: a\n\n", []Event{message("a")}},
	{"type", "event: x\ndata: a\n\ndata: b\n\n", []Event{{Type: "x", Data: "a"}, message("b")}},
	{"last type counts", "event: x\nevent: y\ndata: a\n\n", []Event{{Type: "y", Data: "a"}}},
	{"empty type", "event: x\nevent\ndata: a\n\n", []Event{message("a")}},
	{"ID stays", "id: 1\ndata: a\n\ndata: b\n\n", []Event{{ID: "1", Type: "message", Data: "a"}, {ID: "1", Type: "message", Data: "b"}}},
	{"ID is taken back", "id: 1\ndata: a\n\nid\ndata: b\n\n", []Event{{ID: "1", Type: "message", Data: "a"}, message("b")}},
	{"ID without data", "id: 1\n\ndata: a\n\n", []Event{{ID: "1", Type: "message", Data: "a"}}},
	{"ID with NUL", "id: 1\nid: 2\x00\ndata: a\n\n", []Event{{ID: "1", Type: "message", Data: "a"}}},
	{"retry", "retry: 20\ndata: a\n\ndata: b\n\n", []Event{
		{Type: "message", Data: "a", Retry: 20 * time.Millisecond}, {Type: "message", Data: "b", Retry: 20 * time.Millisecond}}},
	{"last event is not complete", "data: a\n\ndata: b\n", []Event{message("a")}},
	{"last line is not complete", "data: a\n\ndata: b", []Event{message("a")}},
	{"blank line is not complete", "data: a\r\n", nil},
	{"not UTF-8", "data: \xff\xe2\x82\xe2\x82\xac\xf0\x9f\x98\xc0\x80\xed\xa0\x80|\xf0\x9f\n\n",
		[]Event{message("\ufffd\ufffd€\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd|\ufffd")}},
	{"not UTF-8 elsewhere", "event: \xff\nid: \xe2\x82\ndata: a\n\n", []Event{{ID: "\ufffd", Type: "\ufffd", Data: "a"}}},
	{"NUL", "data: \x00\nevent: \x00\n\n", []Event{{Type: "\x00", Data: "\x00"}}},
}

func TestReader(t *testing.T) {
	for _, tt := range readerTests {
		t.Run(tt.name, func(t *testing.T) {
			for at := range len(tt.stream) + 1 {
				got := read(split(tt.stream, at), 0)
				if !slices.Equal(got.events, tt.want) || got.err != io.EOF {
					t.Fatalf("events of %q, split at %d = %q, error %v; want %q", tt.stream, at, got.events, got.err, tt.want)
				}
			}
		})
	}
}

func TestReaderRetry(t *testing.T) {
	const longest = math.MaxInt64 / time.Millisecond * time.Millisecond
	for _, tt := range []struct {
		stream string
		want   time.Duration
		ok     bool
	}{
		{"", 0, false},
		{"retry: 0\n", 0, true},
		{"retry: 1500\n", 1500 * time.Millisecond, true},
		{"retry:007\n", 7 * time.Millisecond, true},
		{"retry: 1\nretry: 2\n", 2 * time.Millisecond, true},
		{"retry: 1\nretry: x\nretry\nretry: -2\nretry: +2\nretry: 2x\nretry: 2.0\nretry: 2 \nretry:  2\nretry: ٢\n", time.Millisecond, true},
		{"retry: 9223372036854\n", longest, true},
		{"retry: 9223372036855\n", longest, true},
		{"retry: 99999999999999999999\n", longest, true},
		{"retry: 1", 0, false},
	} {
		if got := read(strings.NewReader(tt.stream), 0); got.retry != tt.want || got.hasRetry != tt.ok {
			t.Errorf("retry of %q = %v, %t; want %v, %t", tt.stream, got.retry, got.hasRetry, tt.want, tt.ok)
		}
	}
}

// TestReaderReset reads a stream that goes on after another one that was cut.
func TestReaderReset(t *testing.T) {
	for _, tt := range []struct {
		name, before, after string
		want                []Event
		id                  string
		given               bool
	}{
		{"kept", "id: 7\n\n", "data: a\n\n", []Event{{ID: "7", Type: "message", Data: "a"}}, "7", true},
		{"new", "id: 7\n\n", "id: 8\ndata: a\n\n", []Event{{ID: "8", Type: "message", Data: "a"}}, "8", true},
		{"taken back", "id: 7\n\n", "id\ndata: a\n\n", []Event{message("a")}, "", true},
		{"without data", "id: 7\n\n", "id: 8\n\n", nil, "8", true},
		{"of an event that is not complete", "id: 7\n\n", "id: 8\ndata: a\n", nil, "7", true},
		{"of one that was not complete before", "id: 7\n\nid: 8\ndata: b\n", "data: a\n\n", []Event{{ID: "7", Type: "message", Data: "a"}}, "7", true},
		{"none", "data: b\n\n", "data: a\n\n", []Event{message("a")}, "", false},
		{"none that is complete", "id: 7\n", "data: a\n\n", []Event{message("a")}, "", false},
		{"an empty one", "id\n\n", "data: a\n\n", []Event{message("a")}, "", true},
		{"with NUL", "id: a\x00\n\n", "data: a\n\n", []Event{message("a")}, "", false},
		{"the time", "retry: 5\n\n", "data: a\n\n", []Event{{Type: "message", Data: "a", Retry: 5 * time.Millisecond}}, "", false},
		{"what was begun", "event: x\ndata: b", "data: a\n\n", []Event{message("a")}, "", false},
		{"a mark and line ends", "\ufeffdata: b\r\r", "\ufeff\ndata: a\n\n", []Event{message("a")}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.before), 0)
			for err := error(nil); err == nil; {
				_, err = r.Next()
			}
			r.Reset(strings.NewReader(tt.after))
			var got []Event
			for {
				event, err := r.Next()
				if err != nil {
					break
				}
				got = append(got, event)
			}
			id, given := r.LastEventID()
			if !slices.Equal(got, tt.want) || id != tt.id || given != tt.given {
				t.Errorf("after %q, %q gives %q and the last ID %q, %t; want %q, %q, %t", tt.before, tt.after, got, id, given, tt.want, tt.id, tt.given)
			}
		})
	}
}

// TestReaderDoesNotWait gives a stream that breaks right after the end of a
// blank line: the event must have come before the break was seen.
func TestReaderDoesNotWait(t *testing.T) {
	broken := errors.New("broken")
	for _, stream := range []string{"data: a\n\n", "data: a\r\r", "data: a\r\n\r", "data: a\n\r"} {
		r := NewReader(io.MultiReader(strings.NewReader(stream), iotest.ErrReader(broken)), 0)
		if event, err := r.Next(); event != message("a") || err != nil {
			t.Errorf("Next() for %q = %q, %v; want the event", stream, event, err)
		}
		for range 2 {
			if event, err := r.Next(); event != (Event{}) || err != broken {
				t.Errorf("Next() after %q = %q, %v; want error %v", stream, event, err, broken)
			}
		}
	}
}

func TestReaderLimit(t *testing.T) {
	for _, tt := range []struct {
		name, stream string
		events       int
		err          error
	}{
		{"line as long as may be", "data:67890\n\n", 1, io.EOF},
		{"line too long", "data:678901\n\n", 0, ErrTooLarge},
		{"line without an end", "data:678901", 0, ErrTooLarge},
		{"comment too long", ":2345678901\n", 0, ErrTooLarge},
		{"data as long as may be", "data:12345\ndata:7890\n\n", 1, io.EOF},
		{"data too long", "data:12345\ndata:78901\n\n", 0, ErrTooLarge},
		{"each event counts for itself", "data:67890\n\ndata:67890\n\n", 2, io.EOF},
		{"the event before is given", "data\n\ndata:678901\n\n", 1, ErrTooLarge},
		{"comments add nothing up", strings.Repeat(":234567890\n", 10) + "data\n\n", 1, io.EOF},
		{"nor do the other fields", strings.Repeat("event:7890\nid:4567890\n", 10) + "data\n\n", 1, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for at := range len(tt.stream) + 1 {
				got := read(split(tt.stream, at), 10)
				if len(got.events) != tt.events || got.err != tt.err {
					t.Fatalf("%q with limit 10, split at %d: %d events, error %v; want %d, error %v",
						tt.stream, at, len(got.events), got.err, tt.events, tt.err)
				}
			}
		})
	}
}

func TestReaderStaysTooLarge(t *testing.T) {
	for _, stream := range []string{"data: 1234567890\n\ndata: 1\n\n", "data:1\ndata:2\ndata:3\ndata:4\ndata:5\ndata:6\n\ndata: 1\n\n"} {
		r := NewReader(strings.NewReader(stream), 10)
		for range 3 {
			if event, err := r.Next(); err != ErrTooLarge {
				t.Errorf("Next() for %q = %q, %v; want %v", stream, event, err, ErrTooLarge)
			}
		}
	}
}

// idle is a reader that gives nothing and no error, which io.Reader discourages.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReaderOfNothing(t *testing.T) {
	if got := read(idle{}, 0); got.err != io.ErrNoProgress {
		t.Errorf("error = %v; want %v", got.err, io.ErrNoProgress)
	}
}

// TestReaderOfErrorsWithData gives the last bytes together with the error, as
// io.Reader allows.
func TestReaderOfErrorsWithData(t *testing.T) {
	got := read(iotest.DataErrReader(strings.NewReader("data: a\n\n")), 0)
	if !slices.Equal(got.events, []Event{message("a")}) || got.err != io.EOF {
		t.Errorf("events = %q, error %v; want one", got.events, got.err)
	}
}

// TestWebPlatform runs the rows of the web platform tests that are for the
// parser: those of streams that a client is to read at all.
func TestWebPlatform(t *testing.T) {
	var rows []struct {
		Name   string
		Body   []byte `json:"body_b64"`
		Events []struct{ Event, Data, ID string }
		Retry  *int64  `json:"retry_ms"`
		LastID *string `json:"last_event_id_after"`
		Fails  bool    `json:"connect_error"`
	}
	suite.Read(t, "external/wpt-eventsource/wpt-sse.json", &rows)
	run := 0
	for _, row := range rows {
		if row.Fails {
			continue
		}
		run++
		want := []Event{}
		for _, e := range row.Events {
			want = append(want, Event{ID: e.ID, Type: e.Event, Data: e.Data})
		}
		whole := read(strings.NewReader(string(row.Body)), 0)
		got := slices.Clone(whole.events)
		for i := range got {
			got[i].Retry = 0 // not in the rows
		}
		if !slices.Equal(got, want) || whole.err != io.EOF {
			t.Errorf("%s: events of %q = %q, error %v; want %q", row.Name, row.Body, got, whole.err, want)
		}
		if row.Retry != nil && whole.retry.Milliseconds() != *row.Retry {
			t.Errorf("%s: retry of %q = %v; want %d ms", row.Name, row.Body, whole.retry, *row.Retry)
		}
		if row.LastID != nil && whole.lastID != *row.LastID {
			t.Errorf("%s: last event ID of %q = %q; want %q", row.Name, row.Body, whole.lastID, *row.LastID)
		}
		for at := range len(row.Body) + 1 {
			if parts := read(split(string(row.Body), at), 0); !parts.equal(whole) {
				t.Fatalf("%s: %q split at %d gives %+v; want %+v", row.Name, row.Body, at, parts, whole)
			}
		}
		if bytes := read(iotest.OneByteReader(strings.NewReader(string(row.Body))), 0); !bytes.equal(whole) {
			t.Errorf("%s: the bytes of %q give %+v; want %+v", row.Name, row.Body, bytes, whole)
		}
	}
	if run != 31 {
		t.Errorf("%d rows run; want 31", run)
	}
}

func FuzzReader(f *testing.F) {
	for _, tt := range readerTests {
		f.Add(tt.stream, len(tt.stream)/2, 0)
		f.Add(tt.stream, 1, 8)
	}
	f.Fuzz(func(t *testing.T, stream string, at, limit int) {
		limit = max(limit, 0)
		whole := read(strings.NewReader(stream), limit)
		at = min(max(at, 0), len(stream))
		if parts := read(split(stream, at), limit); !parts.equal(whole) {
			t.Errorf("%q split at %d gives %+v; want %+v", stream, at, parts, whole)
		}
		if bytes := read(iotest.OneByteReader(strings.NewReader(stream)), limit); !bytes.equal(whole) {
			t.Errorf("the bytes of %q give %+v; want %+v", stream, bytes, whole)
		}
		for _, e := range whole.events {
			if strings.ToValidUTF8(e.ID+e.Type+e.Data, "") != e.ID+e.Type+e.Data || strings.ContainsAny(e.ID, "\x00\r\n") ||
				strings.ContainsAny(e.Type, "\r\n") || strings.Contains(e.Data, "\r") || e.Type == "" || e.Retry < 0 {
				t.Errorf("%q gives %q", stream, e)
			}
			if limit > 0 && !strings.ContainsRune(e.Data, '\ufffd') && len(e.Data) > limit {
				t.Errorf("%q gives %d bytes of data with limit %d", stream, len(e.Data), limit)
			}
		}
	})
}

// endless gives the same text over and over.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

func BenchmarkReader(b *testing.B) {
	const event = "id: 12345\nevent: update\ndata: {\"price\": 12.5, \"volume\": 1000}\ndata: {}\n\n"
	r := NewReader(&endless{text: strings.Repeat(event, 1000)}, 1<<20)
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

package cookie

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func origin(t *testing.T, rawURL string) *Origin {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	o, ok := OriginOf(u)
	if !ok {
		t.Fatalf("OriginOf(%s) fails", rawURL)
	}
	return &o
}

// receive hands lines to s, each a second after the one before.
func receive(t *testing.T, s *Store, from string, start time.Time, lines ...string) time.Time {
	t.Helper()
	for _, line := range lines {
		start = start.Add(time.Second)
		if r, ok := Parse(line); ok {
			s.Receive(origin(t, from), &r, start)
		}
	}
	return start
}

func names(s *Store, now time.Time) (list []string) {
	for _, c := range s.Select(now, func(*Cookie) bool { return true }) {
		list = append(list, c.Name)
	}
	return list
}

var epoch = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// The order of section 5.7: expired, then not Secure, then any; within each the
// one that was used least recently.
func TestEvictionInDomain(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first []string // the oldest cookies of the domain
		use   bool     // a request is sent before the last is set
		gone  []string
	}{
		{"oldest", []string{"a=1", "b=1"}, false, []string{"a"}},
		{"expired first", []string{"a=1", "b=1; Max-Age=30"}, false, []string{"b"}},
		{"Secure last", []string{"a=1; Secure", "b=1"}, false, []string{"b"}},
		{"Secure last of all", []string{"a=1; Secure", "b=1; Secure"}, false, []string{"n0"}},
		{"unused first", []string{"a=1; Path=/", "b=1; Path=/elsewhere"}, true, []string{"b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s Store
			const from = "https://a.test/"
			now := receive(t, &s, from, epoch, tt.first...)
			for i := range maxPerDomain - len(tt.first) {
				now = receive(t, &s, from, now, fmt.Sprintf("n%d=1", i))
			}
			before := names(&s, epoch)
			if tt.use {
				s.Header(Request{Origin: *origin(t, from)}, func() time.Time { return now })
			}
			receive(t, &s, from, now, "last=1")
			after := names(&s, epoch) // as of then, so that expired ones show
			gone := slices.DeleteFunc(before, func(n string) bool { return slices.Contains(after, n) })
			if !slices.Equal(gone, tt.gone) || len(after) != maxPerDomain || !slices.Contains(after, "last") {
				t.Errorf("gone: %q; want %q; %d left", gone, tt.gone, len(after))
			}
		})
	}
}

func TestEvictionInAll(t *testing.T) {
	var s Store
	s.Put(Cookie{Name: "everywhere", Value: "1", Path: "/"}, epoch)
	s.Put(Cookie{Name: "old", Value: "1", Domain: "program.test", Path: "/"}, epoch)
	// A domain that the program has filled above the limit gives first.
	for i := range maxPerDomain + 1 {
		s.Put(Cookie{Name: fmt.Sprint("full", i), Value: "1", Domain: "full.test", Path: "/", Secure: i == 0}, epoch.Add(time.Second))
	}
	now := epoch.Add(time.Minute)
	for i := s.Len(); i < maxTotal; i++ {
		now = receive(t, &s, fmt.Sprintf("http://h%d.test/", i), now, "a=1")
	}
	for _, want := range []string{"full1", "old"} {
		before := names(&s, now)
		now = receive(t, &s, "http://new-"+want+".test/", now, "new=1")
		after := names(&s, now)
		gone := slices.DeleteFunc(before, func(n string) bool { return slices.Contains(after, n) })
		if !slices.Equal(gone, []string{want}) || s.Len() != maxTotal {
			t.Errorf("gone: %q; want %q; %d left", gone, want, s.Len())
		}
	}
	if got := names(&s, now); !slices.Contains(got, "everywhere") {
		t.Error("a cookie that the program has set for all hosts was evicted")
	}
}

// What the program puts in is not limited, and what comes after removes one for one.
func TestPutIsNotLimited(t *testing.T) {
	var s Store
	for i := range maxTotal + 100 {
		s.Put(Cookie{Name: fmt.Sprint("n", i), Value: "1", Domain: "a.test", Path: "/"}, epoch)
	}
	if got := s.Len(); got != maxTotal+100 {
		t.Errorf("Len() = %d; want %d", got, maxTotal+100)
	}
	receive(t, &s, "http://b.test/", epoch, "a=1")
	if got := s.Len(); got != maxTotal+100 {
		t.Errorf("after one more of a server, Len() = %d; want %d", got, maxTotal+100)
	}
}

func TestReceiveKeepsCreation(t *testing.T) {
	var s Store
	now := receive(t, &s, "http://a.test/", epoch, "a=1", "b=1", "a=2; HttpOnly")
	got := s.Select(now, func(*Cookie) bool { return true })
	if len(got) != 2 || got[0].Value != "2" || !got[0].HTTPOnly || !got[0].Created.Equal(epoch.Add(time.Second)) || !got[0].LastAccess.Equal(now) {
		t.Errorf("%+v; want a=2 with the creation of a=1", got)
	}
}

// A small cookie must not keep the large field alive that it came in.
func TestStoreOwnsItsStrings(t *testing.T) {
	line := "name=value; Path=/path; Domain=a.test; X=" + strings.Repeat("x", 1<<16)
	within := func(part string) bool {
		p, base := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(line)))
		return p >= base && p < base+uintptr(len(line))
	}
	var s Store
	for range 2 { // added, then replaced
		receive(t, &s, "http://www.a.test/", epoch, line, strings.Replace(line, "value", "other", 1), line)
		for _, c := range s.Select(epoch, func(*Cookie) bool { return true }) {
			if within(c.Name) || within(c.Value) || within(c.Path) || within(c.Domain) {
				t.Errorf("%+v shares memory with its field", c)
			}
		}
	}
}

// The counts that the store keeps must agree with what is in it.
func FuzzStore(f *testing.F) {
	f.Add("https://a.example.com/", "a=1; Secure\na=1\na=; Max-Age=0\nb=1; Domain=example.com", 5)
	f.Add("http://a.test/x", "a\n=b\nc=d; Path=/\nc=e; Path=/; Max-Age=1", 100)
	f.Fuzz(func(t *testing.T, from, lines string, seconds int) {
		u, err := url.Parse(from)
		if err != nil {
			return
		}
		o, ok := OriginOf(u)
		if !ok {
			return
		}
		var s Store
		now := epoch
		for line := range strings.Lines(lines) {
			if r, ok := Parse(strings.TrimSuffix(line, "\n")); ok {
				s.Receive(&o, &r, now)
			}
			now = now.Add(time.Duration(seconds%1e6) * time.Second)
			s.Header(Request{Origin: o}, func() time.Time { return now })
		}
		s.RemoveExpired(now)
		count, secure := 0, map[string]int{}
		for domain, list := range s.domains {
			for _, e := range list {
				count++
				if e.Secure {
					secure[e.Name]++
				}
				if e.Domain != domain || e.expired(now) || e.Path[0] != '/' || e.pair != e.Value && e.pair != e.Name+"="+e.Value {
					t.Errorf("under %q: %+v", domain, e)
				}
			}
			if len(list) == 0 || len(list) > maxPerDomain {
				t.Errorf("%d cookies under %q", len(list), domain)
			}
		}
		if count != s.count || fmt.Sprint(secure) != fmt.Sprint(s.secure) {
			t.Errorf("%d cookies counted, Secure %v; are %d, %v", s.count, s.secure, count, secure)
		}
		s.Remove(func(*Cookie) bool { return true })
		if s.count != 0 || len(s.domains) != 0 || len(s.secure) != 0 {
			t.Errorf("emptied: %+v", s)
		}
	})
}

// What has expired is gone once a request comes across it.
func TestHeaderRemovesExpired(t *testing.T) {
	var s Store
	now := receive(t, &s, "http://a.test/", epoch, "a=1; Max-Age=5", "b=1")
	got := s.Header(Request{Origin: *origin(t, "http://a.test/")}, func() time.Time { return now.Add(time.Minute) })
	if got != "b=1" || s.Len() != 1 {
		t.Errorf("Header = %q with %d left; want b=1 with 1 left", got, s.Len())
	}
}

package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/fault"
)

func TestKindMatchesWhatIsAboveIt(t *testing.T) {
	err := fmt.Errorf("outer: %w", fault.New(fault.ConnectTimeout, io.EOF))
	for _, want := range []error{fault.ConnectTimeout, fault.Connection, fault.Timeout, io.EOF} {
		if !errors.Is(err, want) {
			t.Errorf("errors.Is(%v, %v) is false", err, want)
		}
	}
	for _, other := range []error{fault.ReadTimeout, fault.DNS, fault.Protocol} {
		if errors.Is(err, other) {
			t.Errorf("errors.Is(%v, %v) is true", err, other)
		}
	}
}

func TestOf(t *testing.T) {
	inner := fault.Text(fault.DNS, "no such host")
	if got, ok := fault.Of(fmt.Errorf("dial: %w", inner)); !ok || got != inner {
		t.Errorf("Of(dial: inner) = %v, %v; want the inner error", got, ok)
	}
	if got, ok := fault.Of(io.EOF); ok {
		t.Errorf("Of(io.EOF) = %v, true; want false", got)
	}
}

func TestRewordHidesTheTextOfItsCause(t *testing.T) {
	err := fault.Reword(fault.Protocol, errors.New("sid=SECRET"), "a field is malformed")
	if got, want := err.Error(), "malformed response: a field is malformed"; got != want {
		t.Errorf("Error() = %q; want %q", got, want)
	}
}

func TestPrintable(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"plain ünïcode", "plain ünïcode"},
		{"a\r\nb\x1b[2J", `a\r\nb\x1b[2J`},
		{strings.Repeat("é", 600), strings.Repeat("é", 512) + "…"},
	} {
		if got := fault.Printable(test.in); got != test.want {
			t.Errorf("Printable(%.20q) = %q; want %q", test.in, got, test.want)
		}
	}
}

func TestList(t *testing.T) {
	list := make(fault.List, 22)
	for i := range list {
		list[i] = fmt.Errorf("%d", i+1)
	}
	for n, want := range map[int]string{
		0: "", 1: "1", 3: "1; 2; 3",
		20: "1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11; 12; 13; 14; 15; 16; 17; 18; 19; 20",
		22: "1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11; 12; 13; 14; 15; 16; 17; 18; 19; 20; 2 more",
	} {
		if got := list[:n].Error(); got != want {
			t.Errorf("Error() of %d errors = %q; want %q", n, got, want)
		}
	}
	if list[21] = io.EOF; !errors.Is(list, io.EOF) {
		t.Error("errors.Is does not find an error of the list")
	}
}

package scan

import "testing"

func TestScanner(t *testing.T) {
	s := Scanner{Rest: "  a=b;c"}
	s.Skip(" \t")
	if name := s.Until("=;"); name != "a" {
		t.Errorf("Until = %q; want a", name)
	}
	if s.Consume(';') || !s.Consume('=') {
		t.Errorf("Consume at %q; want = and not ;", s.Rest)
	}
	if n := s.Index(";"); n != 1 || s.Rest != "b;c" {
		t.Errorf("Index = %d at %q; want 1, with nothing consumed", n, s.Rest)
	}
	if rest := s.Until("<"); rest != "b;c" || s.Rest != "" || s.Index("<") != 0 || s.Consume('c') {
		t.Errorf("Until = %q and %q is left; want all", rest, s.Rest)
	}
	if s.Looked != 15 { // one for each of 8 calls, and the 7 bytes that Skip, Until and Index pass
		t.Errorf("Looked = %d; want 15", s.Looked)
	}
}

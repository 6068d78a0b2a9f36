//go:build unix

package main

import (
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
)

// servers has the answers of the server in this process.
func servers(t *testing.T) target {
	forgetEnvironment()
	plain, secure := httptest.NewServer(answers()), httptest.NewTLSServer(answers())
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	return target{plain.URL, secure.URL, secure.Certificate().Raw}
}

// Each client does each scenario, and the server sees that it is done in full.
func TestScenarios(t *testing.T) {
	at := servers(t)
	config, err := at.config()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		base := at.Plain
		if s.secure {
			base = at.TLS
		}
		for _, p := range append([]peer{{baseline, newByHand}}, peers...) {
			if err := first(s, p.new(config.Clone()), base); err != nil {
				t.Errorf("%s with %s: %v", s.title, p.name, err)
			}
		}
		py, err := newPython(s, at)
		if errors.Is(err, errNoPython) {
			t.Log("Requests was left out:", err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if c, err := py.run(s.atOnce); err != nil || c.cpu <= 0 {
			t.Errorf("%s with Requests: %v, %v", s.title, c, err)
		}
		py.close()
	}
}

// A client that gets less than all of it is found out.
func TestScenariosFail(t *testing.T) {
	short := httptest.NewServer(answers())
	short.Close()
	for _, s := range scenarios {
		if err := first(s, newByHand(&tls.Config{}), short.URL); err == nil {
			t.Errorf("%s succeeds without a server", s.title)
		}
	}
	at := servers(t)
	wrong := scenario{"S1", "another document", false, 1, func(client, string) error { return whole(nil, document{}) }}
	if err := first(wrong, newByHand(nil), at.Plain); err == nil || !strings.Contains(err.Error(), "not the document") {
		t.Errorf("got %v for an empty document", err)
	}
}

// fake costs what it says.
type fake struct{ costs []float64 }

func (f *fake) run(n int) (cost, error) {
	c := f.costs[0]
	if len(f.costs) > 1 {
		f.costs = f.costs[1:]
	}
	return cost{c, 2 * c}, nil
}

// A ratio is that to the slices of net/http before and after, and one slow or fast slice does not move it.
func TestAlternate(t *testing.T) {
	base := &fake{[]float64{100}}
	other := &fake{[]float64{50, 50, 5000, 50, 5, 50}} // the first is for the calibration
	cells, err := alternate(scenarios[0], []string{baseline, "other"}, []runner{base, other}, 5, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := cells[0]; got.RCPU != 1 || got.CPU != 100 || got.Allocs != 200 {
		t.Errorf("net/http: %+v", got)
	}
	if got := cells[1]; got.RCPU != 0.5 || got.CPU != 50 || got.RAllocs != 0.5 {
		t.Errorf("the other: %+v", got)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
)

// A Run holds the results of one session of comparison/speed, and how they were made.
type Run struct {
	Date     string // of the day, as 2026-11-28
	Machine  string
	Go       string
	Note     string `json:",omitempty"` // what else readers need to know
	Versions map[string]string
	Cells    []Cell
}

// A Cell is the result of one client in one scenario, as comparison/speed writes it. Each
// ratio is the median of slices that ran next to slices of net/http in one process.
type Cell struct {
	Scen, Peer string
	NA         bool    `json:",omitempty"`
	Err        string  `json:",omitempty"`
	CPU        float64 `json:",omitempty"` // of the client, ns for each call
	RCPU       float64 `json:",omitempty"` // to net/http
	RNs        float64 `json:",omitempty"` // of the time, to net/http
	Allocs     float64 `json:",omitempty"`
	RAllocs    float64 `json:",omitempty"`
}

// A column has the name of a scenario or client, and its title for readers.
type column struct{ id, title string }

// scenarios and peers are shown in this order. Others in a run are not shown.
var (
	scenarios = []column{
		{"S1", "GET 1 KB of JSON, decode it"},
		{"S2", "GET with 5 parameters, 5 fields and Basic, decode"},
		{"S3", "POST 1 KB of JSON, decode the answer"},
		{"S7", "32 calls at once, decode"},
		{"S13", "GET over TLS, decode"},
		{"S8", "Stream 100,000 lines"},
	}
	peers = []column{
		{"candidate", "requests (this library)"},
		{"carlmj-requests", "carlmjohnson/requests"},
		{"resty3", "resty v3"},
		{"resty2", "resty v2"},
		{"req", "req"},
		{"py-requests", "Requests (Python)"},
	}
	baseline = column{"nethttp", "net/http by hand"}
)

// read reads a run that describe has made.
func read(path string) (*Run, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Run)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, r.check()
}

// describe makes a Run of the output of comparison/speed, without what is not shown.
func describe(r Run, results []byte) (*Run, error) {
	var cells []Cell
	if err := json.Unmarshal(results, &cells); err != nil {
		return nil, err
	}
	for _, c := range cells {
		if known(scenarios, c.Scen) && (known(peers, c.Peer) || c.Peer == baseline.id) {
			r.Cells = append(r.Cells, c)
		}
	}
	return &r, r.check()
}

func known(columns []column, id string) bool {
	return slices.ContainsFunc(columns, func(c column) bool { return c.id == id })
}

func (r *Run) check() error {
	for _, c := range r.Cells {
		if c.Err != "" {
			return fmt.Errorf("%s failed in %s: %s", c.Peer, c.Scen, c.Err)
		}
	}
	if r.Date == "" || r.Machine == "" || r.Go == "" || len(r.Cells) == 0 {
		return errors.New("a run needs a date, a machine, a version of Go and figures")
	}
	return nil
}

// cell finds the result of a client. It returns false if there is nothing to show.
func (r *Run) cell(scen, peer string) (Cell, bool) {
	for _, c := range r.Cells {
		if c.Scen == scen && c.Peer == peer {
			return c, !c.NA && c.RCPU > 0
		}
	}
	return Cell{}, false
}

// shown returns the scenarios for which r has results.
func (r *Run) shown() []column {
	return slices.DeleteFunc(slices.Clone(scenarios), func(s column) bool {
		return !slices.ContainsFunc(peers, func(p column) bool {
			_, ok := r.cell(s.id, p.id)
			return ok
		})
	})
}

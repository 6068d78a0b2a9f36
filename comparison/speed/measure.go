//go:build unix

package main

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A scenario is one kind of call. Its id is that of benchmarks/chart.
type scenario struct {
	id, title string
	secure    bool
	atOnce    int // how many goroutines call; 1 unless said
	call      func(c client, base string) error
}

var scenarios = []scenario{
	{"S1", "GET 1 KB of JSON, decode it", false, 1, getJSON},
	{"S2", "GET with 5 parameters, 5 fields and Basic, decode", false, 1, func(c client, base string) error {
		var d document
		return whole(c.full(base+"/full", &d), d)
	}},
	{"S3", "POST 1 KB of JSON, decode the answer", false, 1, func(c client, base string) error {
		var d document
		return whole(c.post(base+"/json", &d), d)
	}},
	{"S7", "32 calls at once, decode", false, 32, getJSON},
	{"S13", "GET over TLS, decode", true, 1, getJSON},
	{"S8", "Stream 100,000 lines", false, 1, func(c client, base string) error {
		n := 0
		if err := c.lines(base+"/lines", func(line []byte) { n++ }); err != nil {
			return err
		}
		if n != lines {
			return fmt.Errorf("%d lines", n)
		}
		return nil
	}},
}

func getJSON(c client, base string) error {
	var d document
	return whole(c.get(base+"/json", &d), d)
}

// whole checks of each answer that it is there; first checks all of the first one.
func whole(err error, d document) error {
	if err == nil && (d.ID != sample.ID || len(d.Comment) != len(sample.Comment)) {
		return errors.New("not the document")
	}
	return err
}

func first(s scenario, c client, base string) error {
	if s.id != "S8" {
		var d document
		if err := c.get(base+"/json", &d); err != nil || !reflect.DeepEqual(d, sample) {
			return fmt.Errorf("the first answer is %+v, %w", d, err)
		}
	}
	return s.call(c, base)
}

// A cost is that of one call.
type cost struct{ cpu, allocs float64 }

// A runner does n calls and says what each cost.
type runner interface {
	run(n int) (cost, error)
}

// inProcess runs a client of Go.
type inProcess struct {
	s    scenario
	c    client
	base string
}

func (p inProcess) run(n int) (cost, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime()
	err := p.calls(n)
	spent := processorTime() - start
	runtime.ReadMemStats(&after)
	return cost{float64(spent) / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n)}, err
}

func (p inProcess) calls(n int) error {
	if p.s.atOnce == 1 {
		for range n {
			if err := p.s.call(p.c, p.base); err != nil {
				return err
			}
		}
		return nil
	}
	failed := make([]error, p.s.atOnce)
	var group sync.WaitGroup
	for i := range p.s.atOnce {
		group.Go(func() {
			for range n / p.s.atOnce {
				if failed[i] = p.s.call(p.c, p.base); failed[i] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// processorTime is what this process has used, in user and system mode.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs one scenario with all clients.
func measure(s scenario, t target, rounds int, slice time.Duration) ([]cell, error) {
	if s.atOnce == 1 {
		// One after the other, a second processor would only be waited for.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	config, err := t.config()
	if err != nil {
		return nil, err
	}
	base := t.Plain
	if s.secure {
		base = t.TLS
	}
	all := append([]peer{{baseline, newByHand}}, peers...)
	names, runners := []string{}, []runner{}
	for _, p := range all {
		c := p.new(config.Clone())
		if err := first(s, c, base); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		names, runners = append(names, p.name), append(runners, inProcess{s, c, base})
	}
	py, err := newPython(s, t)
	switch {
	case err == nil:
		defer py.close()
		names, runners = append(names, pythonName), append(runners, py)
	case !errors.Is(err, errNoPython):
		return nil, err
	}
	return alternate(s, names, runners, rounds, slice)
}

// alternate gives each runner a slice in each round, between two of the first one.
func alternate(s scenario, names []string, runners []runner, rounds int, slice time.Duration) ([]cell, error) {
	counts := make([]int, len(runners))
	for i, r := range runners {
		n, err := calibrate(s, r, slice)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		counts[i] = n
	}
	ratios, costs := make([][]cost, len(runners)), make([][]cost, len(runners))
	for range rounds {
		before, err := runners[0].run(counts[0])
		if err != nil {
			return nil, err
		}
		for i := range runners {
			if i > 0 {
				between, err := runners[i].run(counts[i])
				if err != nil {
					return nil, fmt.Errorf("%s: %w", names[i], err)
				}
				costs[i] = append(costs[i], between)
			}
			after, err := runners[0].run(counts[0])
			if err != nil {
				return nil, err
			}
			if i == 0 { // what net/http differs from itself
				costs[0] = append(costs[0], after)
				ratios[0] = append(ratios[0], cost{after.cpu / before.cpu, 1})
			} else {
				last := costs[i][len(costs[i])-1]
				ratios[i] = append(ratios[i], cost{last.cpu / ((before.cpu + after.cpu) / 2), last.allocs / after.allocs})
			}
			before = after
		}
	}
	var cells []cell
	for i, name := range names {
		c, r := median(costs[i]), median(ratios[i])
		cells = append(cells, cell{s.id, name, c.cpu, r.cpu, c.allocs, r.allocs})
	}
	return cells, nil
}

// calibrate finds how many calls a slice has. It goes by processor time, as a busy machine lets time pass without calls.
func calibrate(s scenario, r runner, slice time.Duration) (int, error) {
	n := s.atOnce
	for {
		c, err := r.run(n)
		if err != nil {
			return 0, err
		}
		if c.cpu*float64(n) >= float64(slice) {
			return n, nil
		}
		n *= 2
	}
}

func median(costs []cost) cost {
	pick := func(of func(cost) float64) float64 {
		values := make([]float64, len(costs))
		for i, c := range costs {
			values[i] = of(c)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return cost{pick(func(c cost) float64 { return c.cpu }), pick(func(c cost) float64 { return c.allocs })}
}

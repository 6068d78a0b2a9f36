package main

import (
	"fmt"
	"strings"
)

// page is the page with the table behind the chart, and how it was made.
func page(r *Run) string {
	var b strings.Builder
	b.WriteString(`# Speed

<!-- Made by benchmarks/chart from speed.json: change neither by hand. -->

<picture>
<source media="(prefers-color-scheme: dark)" srcset="speed-dark.svg">
<img alt="Processor time of a call with each client, as a multiple of net/http by hand; the table below has the figures" src="speed-light.svg">
</picture>

## Processor time of the client

Each figure is a multiple of the same thing written by hand on net/http: below 1 is less processor time than that.

`)
	table(&b, r, func(c Cell) string { return number(c.RCPU) }, func(c Cell) string { return fmt.Sprintf("1 (%s)", duration(c.CPU)) })
	b.WriteString("\n## Allocations of the client\n\n")
	table(&b, r, func(c Cell) string {
		if c.Allocs == 0 {
			return "–"
		}
		return fmt.Sprintf("%.0f", c.Allocs)
	}, func(c Cell) string { return fmt.Sprintf("%.0f", c.Allocs) })
	fmt.Fprintf(&b, "\n## How it was measured\n\nOn %s, with %s, on %s.", r.Date, r.Go, r.Machine)
	if r.Note != "" {
		b.WriteString(" " + r.Note)
	}
	b.WriteString("\n\n| client | version |\n|---|---|\n")
	for _, p := range append([]column{baseline}, peers...) {
		if v := r.Versions[p.id]; v != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", p.title, v)
		}
	}
	b.WriteString(`
Server and client are processes of their own on one machine, over loopback. Short slices of each client stand between slices of net/http
in one process, which may use one processor, or all for calls at once. A figure is the median of the ratios of neighbouring slices. Each first
answer is checked in full. Where the machine is quiet, differences below 3 % are noise. A call over a real network waits most of its time, which no
client can shorten: the processor time is what a client adds. The program is [comparison/speed](../comparison/speed):

` + "```" + `
go run -C comparison ./speed -json /tmp/run.json             # two minutes and a half
go run -C benchmarks ./chart -run /tmp/run.json -machine '…' # speed.json, speed.md and both charts
go run -C benchmarks ./chart                                 # the charts again, from speed.json
` + "```" + `
`)
	return b.String()
}

// table writes a row for each scenario and a column for each client.
func table(b *strings.Builder, r *Run, show, first func(Cell) string) {
	head, rule := "| |", "|---|"
	for _, p := range append([]column{baseline}, peers...) {
		head += " " + p.title + " |"
		rule += "---:|"
	}
	b.WriteString(head + "\n" + rule + "\n")
	for _, s := range r.shown() {
		b.WriteString("| " + s.title + " |")
		base, _ := r.cell(s.id, baseline.id)
		b.WriteString(" " + first(base) + " |")
		for _, p := range peers {
			if c, ok := r.cell(s.id, p.id); ok {
				b.WriteString(" " + show(c) + " |")
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteString("\n")
	}
}

// duration writes nanoseconds in the unit that suits them.
func duration(ns float64) string {
	switch {
	case ns >= 1e6:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	case ns >= 1e3:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	}
	return fmt.Sprintf("%.0f ns", ns)
}

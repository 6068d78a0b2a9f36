package main

import (
	"fmt"
	"html"
	"strings"
)

// A theme is the colours of a chart.
type theme struct{ name, back, text, dim, rule, ours, others string }

var themes = []theme{
	{"light", "#ffffff", "#1f2328", "#59636e", "#d1d9e0", "#0969da", "#9aa4af"},
	{"dark", "#0d1117", "#f0f6fc", "#9198a1", "#3d444d", "#4493f8", "#656c76"},
}

// Measures of the chart, in pixels.
const (
	width     = 760
	left      = 190 // where the bars begin
	right     = 700 // and end
	longest   = 2.0 // the ratio of the longest bar; longer ones are cut
	lineHigh  = 19
	barHigh   = 12
	titleHigh = 30
	topHigh   = 84
)

// chart draws the processor time of each client as a multiple of that of net/http by
// hand. Shorter is better.
func chart(r *Run, t theme) string {
	var b strings.Builder
	rows := r.shown()
	lines := 0
	for _, s := range rows {
		for _, p := range peers {
			if _, ok := r.cell(s.id, p.id); ok {
				lines++
			}
		}
	}
	high := topHigh + titleHigh*len(rows) + lineHigh*lines + 14
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="12">`+"\n", width, high)
	b.WriteString("<title>Processor time of a call, as a multiple of net/http by hand</title>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="%s"/>`+"\n", width, high, t.back)
	text(&b, 16, 26, t.text, `font-size="15" font-weight="600"`, "Processor time of a call, as a multiple of net/http by hand")
	text(&b, 16, 45, t.dim, "", "Shorter is better. A bar with » is cut.")
	text(&b, 16, 62, t.dim, "", r.Date+", "+r.Go+", "+r.Machine)
	one := position(1)
	fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%[1]d" y2="%[3]d" stroke="%[4]s" stroke-dasharray="3 3"/>`+"\n", one, topHigh+4, high-14, t.text)
	text(&b, one, topHigh-2, t.dim, `text-anchor="middle"`, "net/http = 1")
	y := topHigh
	for _, s := range rows {
		text(&b, 16, y+20, t.text, `font-weight="600"`, s.title)
		y += titleHigh
		for _, p := range peers {
			c, ok := r.cell(s.id, p.id)
			if !ok {
				continue
			}
			bar(&b, t, y, p, c.RCPU)
			y += lineHigh
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func position(ratio float64) int { return left + int(ratio/longest*(right-left)) }

func bar(b *strings.Builder, t theme, y int, p column, ratio float64) {
	colour, weight := t.others, ""
	if p.id == peers[0].id {
		colour, weight = t.ours, `font-weight="600"`
	}
	end, cut := position(ratio), ""
	if ratio > longest {
		end, cut = right, " »"
	}
	text(b, left-8, y+barHigh-2, t.text, `text-anchor="end" `+weight, p.title)
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="2" fill="%s"/>`+"\n", left, y, end-left, barHigh, colour)
	halo := fmt.Sprintf(`paint-order="stroke" stroke="%s" stroke-width="4" `, t.back) // covers the line of net/http
	text(b, end+6, y+barHigh-2, t.text, halo+weight, number(ratio)+cut)
}

// number writes a ratio with the digits that matter.
func number(ratio float64) string {
	if ratio >= 10 {
		return fmt.Sprintf("%.0f", ratio)
	}
	return fmt.Sprintf("%.2f", ratio)
}

func text(b *strings.Builder, x, y int, colour, attributes, s string) {
	if attributes = strings.TrimSpace(attributes); attributes != "" {
		attributes += " "
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" %sfill="%s">%s</text>`+"\n", x, y, attributes, colour, html.EscapeString(s))
}

package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An observation records what happened in a case, in the form of the expectation.
type observation struct {
	wire    []loggedRequest
	steps   []seenStep
	jar     []any
	sleeps  []float64 // nil if the library cannot be asked
	hookLog []string
	err     *seenError // kind proxy
	proxy   string
	codes   map[string]any
}

type seenStep struct {
	err      *seenError
	response map[string]any
	reads    []seenRead
	prepared *seenPrepared
	value    any
}

type seenPrepared struct {
	seenMessage
	url, pathURL string
}

type seenRead struct {
	value  any
	chunks [][]byte
	err    *seenError
}

type seenError struct {
	class    string   // in the hierarchy of Requests, "" for any other error
	isA      []string // its ancestors
	message  string   // of an HTTPError or TooManyRedirects
	response map[string]any
	err      error
}

func (e *seenError) String() string {
	if e == nil {
		return "no error"
	}
	return fmt.Sprintf("%q (%v)", e.class, e.err)
}

// A comparison compares an observation with an expectation by the rules of
// FORMAT.md, section 12, and gathers the differences.
type comparison struct {
	c     *corpusCase
	hide  func(string) string
	diffs []string
}

func (cmp *comparison) differs(place, format string, args ...any) {
	cmp.diffs = append(cmp.diffs, place+": "+fmt.Sprintf(format, args...))
}

// same compares values and records a difference.
func (cmp *comparison) same(place string, want, got any) {
	if !sameJSON(want, got) {
		cmp.differs(place, "got %s; want %s", briefJSON(got), briefJSON(want))
	}
}

func briefJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(b) > 300 {
		return string(b[:300]) + "…"
	}
	return string(b)
}

func (cmp *comparison) all(want *expectation, got *observation) {
	switch cmp.c.Kind {
	case "proxy":
		cmp.err("proxy", want.Error, got.err)
		if want.Error == nil && got.err == nil {
			cmp.same("proxy", orEmpty(want.Proxy), cmp.hide(got.proxy))
		}
		return
	case "codes":
		cmp.same("codes", any(want.Codes), any(got.codes))
		return
	}
	if want.Wire != nil {
		cmp.wire(want.Wire, got.wire)
	}
	if len(want.Steps) != len(got.steps) {
		cmp.differs("steps", "got %d; want %d", len(got.steps), len(want.Steps))
		return
	}
	for i := range want.Steps {
		cmp.step("steps["+strconv.Itoa(i)+"]", cmp.c.Steps[i].Reads, &want.Steps[i], &got.steps[i])
	}
	if want.Jar != nil {
		cmp.cookies("jar", any(want.Jar), any(got.jar))
	}
	if got.sleeps != nil {
		cmp.sleeps(want.Sleeps, got.sleeps)
	}
	if want.HookLog != nil && !slices.Equal(want.HookLog, got.hookLog) {
		cmp.differs("hook_log", "got %q; want %q", got.hookLog, want.HookLog)
	}
}

// orEmpty returns *s, or "" for nil: an empty proxy counts as none.
func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// sleeps compares the waits of retries. A case that lists none must have none.
func (cmp *comparison) sleeps(want, got []float64) {
	near := func(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }
	if !slices.EqualFunc(want, got, near) {
		cmp.differs("sleeps", "got %v; want %v", got, want)
	}
}

func (cmp *comparison) wire(want []wantWire, got []loggedRequest) {
	if len(want) != len(got) {
		cmp.differs("wire", "got %d requests; want %d", len(got), len(want))
	}
	for i := range min(len(want), len(got)) {
		place, w, g := "wire["+strconv.Itoa(i)+"]", &want[i], &got[i]
		if w.On != nil {
			cmp.same(place+".on", *w.On, g.on)
		}
		if w.Target != nil {
			cmp.same(place+".target", w.Target, observedBytes([]byte(g.target), cmp.hide))
		}
		if w.Framing != nil && string(w.Body) != `""` { // the framing of an empty body does not matter
			cmp.same(place+".framing", *w.Framing, g.framing)
		}
		if w.Conn != nil {
			cmp.same(place+".conn", jsonNumber(*w.Conn), jsonNumber(g.conn))
		}
		if g.cut {
			cmp.differs(place, "the body was cut short")
		}
		if g.method == "CONNECT" { // only the target and the credentials matter
			g.headers = slices.DeleteFunc(g.headers, func(h [2]string) bool { return !strings.EqualFold(h[0], "Proxy-Authorization") })
			w.Headers = slices.DeleteFunc(w.Headers, func(h []json.RawMessage) bool { return string(h[0]) != `"Proxy-Authorization"` })
		}
		cmp.message(place, &w.wantMessage, &g.seenMessage)
	}
}

func (cmp *comparison) step(place string, reads []readSpec, want *wantStep, got *seenStep) {
	cmp.err(place, want.Error, got.err)
	if want.Error != nil || got.err != nil {
		return
	}
	for _, member := range slices.Sorted(maps.Keys(want.Response)) {
		cmp.same(place+".response."+member, want.Response[member], got.response[member])
	}
	if want.Value != nil {
		cmp.raw(place+".value", want.Value, got.value)
	}
	if want.Prepared != nil && got.prepared == nil {
		cmp.differs(place, "nothing was prepared")
	} else if w, g := want.Prepared, got.prepared; w != nil {
		if w.URL != nil {
			cmp.same(place+".prepared.url", *w.URL, cmp.hide(g.url))
		}
		if w.PathURL != nil {
			cmp.same(place+".prepared.path_url", *w.PathURL, cmp.hide(g.pathURL))
		}
		cmp.message(place+".prepared", &w.wantMessage, &g.seenMessage)
	}
	if len(want.Reads) != len(got.reads) {
		cmp.differs(place+".reads", "got %d; want %d", len(got.reads), len(want.Reads))
		return
	}
	for i := range want.Reads {
		cmp.read(fmt.Sprintf("%s.reads[%d] %s", place, i, want.Reads[i].Op), &reads[i], &want.Reads[i], &got.reads[i])
	}
}

func (cmp *comparison) raw(place string, want json.RawMessage, got any) {
	v, err := decodeAny(want)
	if err != nil {
		cmp.differs(place, "%v", err)
		return
	}
	cmp.same(place, v, got)
}

// err compares errors. Where a foreign error is expected, any error will do.
func (cmp *comparison) err(place string, want *wantError, got *seenError) {
	if want == nil || got == nil {
		if want != nil {
			cmp.differs(place, "got no error; want %s", want.Class)
		} else if got != nil {
			cmp.differs(place, "got the error %s; want none", got)
		}
		return
	}
	if want.Foreign {
		return
	}
	if want.Class != got.class {
		cmp.differs(place+".error", "got %s; want %s", got, want.Class)
		return
	}
	if !slices.Equal(want.IsA, got.isA) {
		cmp.differs(place+".error.is_a", "got %q; want %q", got.isA, want.IsA)
	}
	if want.MessageStrict {
		cmp.same(place+".error.message", want.Message, cmp.hide(got.message))
	}
	if want.Response != nil {
		cmp.same(place+".error.response", any(want.Response), any(got.response))
	}
}

func (cmp *comparison) read(place string, op *readSpec, want *wantRead, got *seenRead) {
	cmp.err(place, want.Error, got.err)
	switch want.Op {
	case "cookies", "history_cookies":
		if v, err := decodeAny(want.Value); err == nil {
			cmp.cookies(place, v, got.value)
			return
		}
	}
	if want.Value != nil && got.err == nil {
		cmp.raw(place, want.Value, got.value)
	}
	if want.Chunks != nil {
		cmp.chunks(place, op, want, got.chunks)
	}
}

// chunks compares the pieces of a body: one by one, or joined if the format
// lets the client choose the pieces.
func (cmp *comparison) chunks(place string, op *readSpec, want *wantRead, got [][]byte) {
	var pieces []any
	var joined []byte
	for _, b := range got {
		pieces = append(pieces, observedBytes(b, cmp.hide))
		joined = append(joined, b...)
	}
	if want.Compare == "" {
		cmp.same(place+" chunks", want.Chunks, pieces)
		return
	}
	var wanted []byte
	for _, v := range want.Chunks {
		data, err := json.Marshal(v)
		if err == nil {
			data, err = corpusBytes(data, func(s string) string { return s })
		}
		if err != nil { // only their sums are known
			cmp.same(place+" chunks", want.Chunks, pieces)
			return
		}
		wanted = append(wanted, data...)
	}
	g, w := cmp.hide(string(joined)), string(wanted)
	switch {
	case want.Compare == "concat" && g != w,
		want.Compare == "prefix" && !strings.HasPrefix(g, w) && !strings.HasPrefix(w, g):
		cmp.differs(place, "got %q in all; want %q", g, w)
	}
	if n, err := strconv.Atoi(string(op.ChunkSize)); err == nil && want.Compare == "concat" && n > 0 {
		for _, b := range got {
			if len(b) > n {
				cmp.differs(place, "a piece of %d bytes; want at most %d", len(b), n)
			}
		}
	}
}

// cookies compares cookie lists. In want, {"in": seconds} is an expiry relative to
// now.
func (cmp *comparison) cookies(place string, want, got any) {
	settleExpiry(want, got)
	if list, ok := got.([]any); ok && len(list) == 0 {
		got = []any{}
	}
	cmp.same(place, want, got)
}

func settleExpiry(want, got any) {
	switch w := want.(type) {
	case []any:
		g, _ := got.([]any)
		for i := range min(len(w), len(g)) {
			settleExpiry(w[i], g[i])
		}
	case map[string]any:
		g, _ := got.(map[string]any)
		ahead, ok := w["expires"].(map[string]any)
		in, isNumber := ahead["in"].(json.Number)
		at, expires := g["expires"].(json.Number)
		if !ok || !isNumber || !expires {
			return
		}
		due, _ := in.Float64()
		when, _ := at.Float64()
		if left := when - float64(time.Now().Unix()); left > due-100 && left < due+100 {
			g["expires"] = w["expires"]
		}
	}
}

// jsonNumber returns n in the form of decoded JSON.
func jsonNumber(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// sameJSON reports whether two decoded JSON values are equal, numbers by value.
func sameJSON(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		n, ok := b.(json.Number)
		return ok && sameNumber(string(a), string(n))
	case []any:
		list, ok := b.([]any)
		return ok && slices.EqualFunc(a, list, sameJSON)
	case map[string]any:
		m, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, m, sameJSON)
	}
	return reflect.DeepEqual(a, b)
}

func sameNumber(a, b string) bool {
	x, xok := new(big.Int).SetString(a, 10)
	y, yok := new(big.Int).SetString(b, 10)
	if xok && yok {
		return x.Cmp(y) == 0
	}
	f, err1 := strconv.ParseFloat(a, 64)
	g, err2 := strconv.ParseFloat(b, 64)
	return f == g && (err1 == nil) == (err2 == nil)
}

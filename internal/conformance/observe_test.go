package conformance

import (
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-requests/requests"
)

// observe records a response and the results of reading it.
func (p *player) observe(r *requests.Response, st *stepSpec, seen *seenStep) {
	streaming := p.session.Stream
	if st.Stream != nil {
		streaming = *st.Stream
	}
	history := []any{}
	for _, h := range r.History {
		history = append(history, []any{jsonNumber(h.StatusCode), p.hide(h.URL.String())})
	}
	seen.response = map[string]any{
		"status_code": jsonNumber(r.StatusCode), "reason": observedText(r.Reason, p.hide), "url": p.hide(r.URL.String()),
		"ok": r.OK(), "is_redirect": r.IsRedirect(), "is_permanent_redirect": r.IsPermanentRedirect(),
		"history": any(history),
	}
	if !streaming && (st.Text == nil || *st.Text) {
		seen.response["text"] = observedText(r.Text(), p.hide)
	}
	for i := range st.Reads {
		var got seenRead
		err := p.read(r, &st.Reads[i], &got)
		got.err = p.observeError(err)
		seen.reads = append(seen.reads, got)
	}
}

// read performs one operation of FORMAT.md, section 10.
func (p *player) read(r *requests.Response, op *readSpec, got *seenRead) (err error) {
	switch op.Op {
	case "text":
		got.value = observedText(r.Text(), p.hide)
		return r.Err()
	case "content":
		got.value = observedBytes(r.Content(), p.hide)
		return r.Err()
	case "json":
		var raw json.RawMessage
		if err = r.JSON(&raw); err == nil {
			var v any
			v, err = decodeAny(raw)
			got.value = observedJSON(v, p.hide)
		}
		return err
	case "raise_for_status":
		return r.RaiseForStatus()
	case "set_encoding":
		r.Encoding = ""
		if isGiven(op.Value) {
			r.Encoding = p.text(op.Value)
		}
		return nil
	case "close":
		return r.Close()
	case "raw_read":
		n := -1
		if op.N != nil {
			n = *op.N
		}
		b, err := corpusCalls.rawRead(r, n)
		got.value = observedBytes(b, p.hide)
		return err
	case "next":
		q, err := corpusCalls.next(r)
		if q != nil {
			got.value = p.requestLine(q)
		}
		return err
	case "iter_content", "iter", "iter_lines":
		return p.iterate(r, op, got)
	}
	got.value = p.property(r, op)
	return nil
}

// property returns what can be said of a response without reading it.
func (p *player) property(r *requests.Response, op *readSpec) any {
	switch op.Op {
	case "encoding":
		return orNull(r.Encoding)
	case "apparent_encoding":
		return orNull(corpusCalls.apparentEncoding(r))
	case "ok", "bool":
		return r.OK()
	case "request":
		return p.requestLine(r.Request)
	case "header":
		if v, ok := r.Header[http.CanonicalHeaderKey(op.Name)]; ok {
			return p.fieldValue(v)
		}
		return nil
	case "headers":
		return p.fields(r.Header)
	case "links":
		links := map[string]any{}
		for key, params := range corpusCalls.links(r) {
			link := map[string]any{}
			for name, value := range params {
				link[p.hide(name)] = p.hide(value)
			}
			links[p.hide(key)] = link
		}
		return links
	case "cookies":
		return p.hideAll(corpusCalls.responseCookies(r))
	case "history_cookies", "history_text":
		list := []any{}
		for _, h := range r.History {
			if op.Op == "history_text" {
				list = append(list, observedText(h.Text(), p.hide))
			} else {
				list = append(list, p.hideAll(corpusCalls.responseCookies(h)))
			}
		}
		return list
	}
	p.t.Fatalf("no such read: %q", op.Op)
	return nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// hideAll puts placeholders into a cookie list. nil becomes an empty list.
func (p *player) hideAll(list []any) []any {
	out := []any{}
	for _, v := range list {
		out = append(out, observedJSON(v, p.hide))
	}
	return out
}

func (p *player) requestLine(q *requests.PreparedRequest) any {
	return map[string]any{"method": q.Method, "url": p.hide(q.URL.String())}
}

func (p *player) fieldValue(values []string) any {
	return observedText(strings.Trim(strings.Join(values, ", "), " \t"), p.hide)
}

// fields lists a header without the fields of the framing.
func (p *player) fields(h http.Header) any {
	list := []any{}
	for name, v := range h {
		switch name = strings.ToLower(name); name {
		case "content-length", "transfer-encoding", "connection", "date":
		default:
			list = append(list, []any{name, p.fieldValue(v)})
		}
	}
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(a.([]any)[0].(string), b.([]any)[0].(string))
	})
	return list
}

// iterate ranges over the body. After an error, the pieces before it remain.
func (p *player) iterate(r *requests.Response, op *readSpec, got *seenRead) error {
	got.chunks = [][]byte{}
	pieces, err := p.pieces(r, op)
	if err != nil {
		return err
	}
	for piece, err := range pieces {
		if err != nil {
			return err
		}
		got.chunks = append(got.chunks, piece)
		if op.Max != nil && len(got.chunks) >= *op.Max {
			break
		}
	}
	return nil
}

// pieces returns the iterator that op asks for.
func (p *player) pieces(r *requests.Response, op *readSpec) (iter.Seq2[[]byte, error], error) {
	n := 1
	if op.Op == "iter" {
		n = 128
	}
	if op.ChunkSize != nil {
		n = 0 // null: as received
		if isGiven(op.ChunkSize) {
			var err error
			if n, err = strconv.Atoi(string(op.ChunkSize)); err != nil {
				return nil, errNoGoProgram
			}
		}
	}
	switch {
	case op.Op == "iter_lines" && isGiven(op.Delimiter):
		return clonedPieces(corpusCalls.lines(r, p.text(op.Delimiter))), nil
	case op.Op == "iter_lines":
		return clonedPieces(r.IterLines()), nil
	case op.DecodeUnicode:
		return clonedPieces(corpusCalls.textPieces(r, n)), nil
	}
	return clonedPieces(r.IterContent(n)), nil
}

// clonedPieces copies the pieces, which are valid only until the next one.
func clonedPieces[T string | []byte](pieces iter.Seq2[T, error]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for piece, err := range pieces {
			if !yield([]byte(string(piece)), err) {
				return
			}
		}
	}
}

// observePrepared records what a prepared request would send.
func (p *player) observePrepared(q *requests.PreparedRequest) *seenPrepared {
	return &seenPrepared{seenMessage: *preparedMessage(q), url: q.URL.String(), pathURL: q.URL.RequestURI()}
}

// preparedMessage returns q as a message. q has no fields of the framing; they follow
// from the length of the body.
func preparedMessage(q *requests.PreparedRequest) *seenMessage {
	m := &seenMessage{method: q.Method}
	for name, vals := range q.Header {
		for _, v := range vals {
			m.headers = append(m.headers, [2]string{name, v})
		}
	}
	switch n := q.ContentLength(); {
	case n < 0:
		m.headers = append(m.headers, [2]string{"Transfer-Encoding", "chunked"})
	case n > 0, q.Method == http.MethodPost, q.Method == http.MethodPut, q.Method == http.MethodPatch:
		m.headers = append(m.headers, [2]string{"Content-Length", strconv.FormatInt(n, 10)})
	}
	_, memory := q.Bytes()
	m.stream = !memory
	// Requests builds multipart bodies in memory, so the corpus knows their content.
	multipart := q.Replayable() && strings.HasPrefix(q.Header.Get("Content-Type"), "multipart/")
	if !memory && !multipart {
		return m
	}
	if body, err := q.Body(); err == nil && body != http.NoBody {
		m.body, _ = io.ReadAll(body) // after an error, the comparison shows what is missing
		body.Close()
	}
	return m
}

package requests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/go-requests/requests/internal/fields"
	"github.com/go-requests/requests/internal/mediatype"
	"github.com/go-requests/requests/internal/sse"
)

// An Event is a server-sent event (HTML Standard, section 9.2). Its text is UTF-8.
type Event struct {
	// ID is the last event ID, which came with this event or before it.
	ID string
	// Type is the name of the event, or "message" if it has none.
	Type string
	// Data is the data lines of the event, joined by line feeds.
	Data string
	// Retry is how long the server wants clients to wait before they reconnect,
	// or zero if it has not said. It counts for later connections, too.
	Retry time.Duration
}

// maxEvent limits the size of one event: a stream has no end, so that MaxBody
// cannot limit it.
const maxEvent = 16 << 20

// Events returns the server-sent events of the body, each as soon as it is complete.
// It streams, ends and fails like IterContent, so only a loop with both variables
// sees an error. An event of more than 16 MiB is [ErrBodyTooLarge]. It does not
// reconnect; [Session.Events] does.
func (r *Response) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		src, err := r.reader()
		if err != nil {
			yield(Event{}, err)
			return
		}
		ended := false
		defer r.leave(&ended)
		events := sse.NewReader(src, maxEvent)
		for {
			ev, err := events.Next()
			if ended = err == io.EOF; ended {
				return
			}
			if err != nil {
				yield(Event{}, r.eventError(err))
				return
			}
			if !yield(Event(ev), nil) {
				return
			}
		}
	}
}

// eventError gives an error of the event reader its kind.
func (r *Response) eventError(err error) error {
	if errors.Is(err, sse.ErrTooLarge) {
		return readError(r.URL, fail(ErrBodyTooLarge, err))
	}
	return err
}

// Method is the method of the requests that [Session.Events] sends. The default
// is GET.
type Method string

func (Method) option() {}

func (Method) of() string { return "Session.Events" }

// Events requests a stream of server-sent events and returns the events as they
// come. If the connection ends, is lost, or is silent for longer than
// [Timeout].Read, it reconnects and sends the ID of the last event. Before that it
// waits for as long as the server has asked, or for 3 seconds, and longer while it
// fails.
//
// It ends when the loop is left, when ctx ends, or when the server answers 204,
// which is no error. Any other response that is not a stream of events ends it with
// an error: an [*HTTPError] or [ErrProtocol] for a status other than 200, and
// [ErrProtocol] for a type other than text/event-stream. A failure to connect the
// first time ends it too.
//
// An ID that no field can carry, as it has a control character for example, is in
// the [Event] but is not sent; the last one that can be is. A Last-Event-ID of the
// caller's is sent until the stream gives an ID.
//
// With [Method] and a body the stream is requested in another way than by GET, as
// the APIs of language models want it. Each connection sends the whole request
// again. So leave the loop in time, unless the server answers 204 when it has
// nothing more to say. A body that cannot be sent again is [ErrBodyNotReplayable]
// before anything is sent.
func (s *Session) Events(ctx context.Context, url string, opts ...Option) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		source, err := s.newEventSource(url, opts)
		if err != nil {
			yield(Event{}, step{op: "prepare", raw: url}.error(err))
			return
		}
		if err := source.run(ctx, yield); err != nil {
			yield(Event{}, err)
		}
	}
}

const (
	// defaultReconnect is what the standard calls "a few seconds".
	defaultReconnect = 3 * time.Second
	// minReconnect is for a server that wants no wait and closes each connection
	// at once.
	minReconnect = 10 * time.Millisecond
	// maxReconnect is the longest wait after failures, unless the server wants a
	// longer one.
	maxReconnect = time.Minute
)

// An eventSource is a stream of events over successive connections.
type eventSource struct {
	s      *Session
	method string
	url    string
	opts   []Option
	events *sse.Reader // nil before the first connection

	lastID  Option        // Last-Event-ID; nil until the stream has given one
	wait    time.Duration // that the server wants
	barren  int           // connections since the last event
	stopped bool          // by the loop over the events
}

func (s *Session) newEventSource(url string, opts []Option) (*eventSource, error) {
	s = s.setup()
	e := &eventSource{s: s, method: http.MethodGet, url: url, wait: defaultReconnect}
	e.opts = []Option{Headers{"Accept": eventStream, "Cache-Control": "no-cache"}} // as the standard has it
	for _, o := range opts {
		m, ok := o.(Method)
		switch {
		case !ok:
			e.opts = append(e.opts, o)
		case m != "":
			e.method = string(m)
		}
	}
	e.opts = append(e.opts, Stream(true), RaiseForStatus(false))
	var set settings
	if err := set.merge(s, e.opts); err != nil {
		return nil, err
	}
	body, err := set.prepareContent(nil)
	if err != nil {
		return nil, err
	}
	if body.present && !body.replayable() {
		return nil, failText(ErrBodyNotReplayable, "a stream of events asks anew for each connection")
	}
	return e, nil
}

// eventStream is the type of a stream of events.
const eventStream = "text/event-stream"

// run returns the error that ended the stream, nil if it came to its end.
func (e *eventSource) run(ctx context.Context, yield func(Event, error) bool) error {
	for first := true; ; first = false {
		e.barren++
		r, err := e.connect(ctx)
		switch {
		case err == nil:
			if r.StatusCode == http.StatusNoContent {
				return r.Close()
			}
			err = e.read(r, yield)
			if e.stopped {
				return nil
			}
			if err != nil && !isBroken(err) {
				return err
			}
		case first || !isBroken(err):
			return err
		}
		if ctx.Err() != nil && err != nil {
			return err
		}
		if err := pause(ctx, e.delay()); err != nil {
			return step{op: "send", raw: e.url}.error(err)
		}
	}
}

// connect asks for the stream from the last event on.
func (e *eventSource) connect(ctx context.Context) (*Response, error) {
	opts := e.opts[:len(e.opts):len(e.opts)]
	r, err := e.s.Do(ctx, e.method, e.url, append(opts, e.lastID)...)
	if err != nil {
		return nil, err
	}
	if err = checkEventStream(r); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// checkEventStream refuses a response that is not a stream of events. A page of
// HTML would look like a stream without events.
func checkEventStream(r *Response) error {
	if r.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := r.RaiseForStatus(); err != nil {
		r.Load() // readable from the error
		return err
	}
	text := ""
	if t, _ := mediatype.Extract(r.Header["Content-Type"]...); r.StatusCode != http.StatusOK {
		text = fmt.Sprintf("status %d in place of a stream of events", r.StatusCode)
	} else if t.Essence != eventStream {
		text = "the Content-Type is not " + eventStream
		switch t.Essence {
		case "text/html", "text/plain", "application/json": // no other word of the server's is repeated
			text += " but " + t.Essence
		}
	}
	if text == "" {
		return nil
	}
	return readError(r.URL, failText(ErrProtocol, text))
}

// read yields the events of one connection. It returns nil when that has ended.
func (e *eventSource) read(r *Response, yield func(Event, error) bool) error {
	src, err := r.reader()
	if err != nil {
		return err
	}
	defer r.Close()
	if e.events == nil {
		e.events = sse.NewReader(src, maxEvent)
	} else {
		e.events.Reset(src)
	}
	for {
		ev, err := e.events.Next()
		e.resumeAfter(e.events.LastEventID())
		if wait, ok := e.events.Retry(); ok {
			e.wait = wait
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return r.eventError(err)
		}
		e.barren = 0
		if e.stopped = !yield(Event(ev), nil); e.stopped {
			return nil
		}
	}
}

// isBroken reports whether it was the connection that failed.
func isBroken(err error) bool {
	return errors.Is(err, ErrConnection) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrIncompleteBody)
}

// resumeAfter notes the ID to send as Last-Event-ID, if the stream has given one.
// White space around a value is not part of a field (RFC 9110, section 5.5). An ID
// that a field cannot carry is ignored, as the standard ignores one with NUL.
func (e *eventSource) resumeAfter(id string, given bool) {
	const name = "Last-Event-Id"
	id = strings.Trim(id, " \t")
	switch {
	case !given || fields.CheckValue(name, id) != nil:
	case id == "":
		e.lastID = Headers{name: nil}
	default:
		e.lastID = Headers{name: id}
	}
}

// delay is the wait before the next connection: as long as the server wants, and
// twice as long for each connection that has given no event.
func (e *eventSource) delay() time.Duration {
	wait := max(e.wait, minReconnect)
	for range min(e.barren, 20) {
		if wait < maxReconnect {
			wait = min(2*wait, maxReconnect)
		}
	}
	return wait
}

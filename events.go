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

	"github.com/go-requests/requests/internal/mediatype"
	"github.com/go-requests/requests/internal/sse"
)

// An Event is a server-sent event (HTML Standard, section 9.2). Its text is UTF-8.
type Event struct {
	// ID is the last event ID, given with this event or before it.
	ID string
	// Type is the name of the event, "message" if it was given none.
	Type string
	// Data is the data lines of the event, joined by line feeds.
	Data string
	// Retry is the time that the server wants a client to wait before it
	// connects again; zero if it has not said.
	Retry time.Duration
}

// maxEvent bounds what is gathered of one event, since a stream of them has no
// end at which MaxBody could say something of each.
const maxEvent = 16 << 20

// Events returns the events of the body, each as soon as it is complete. An
// event of more than 16 MiB is [ErrBodyTooLarge]. It streams, ends and fails as
// IterContent does, so that only a loop with both variables sees an error;
// [Session.Events] connects again.
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

// eventError gives what an event reader returned its kind.
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

// Events gets a stream of server-sent events and returns them as they come. When
// the connection is lost, ends or is silent for longer than [Timeout].Read, it
// connects again with the last event's ID, after the time that the server asked
// for or 3 seconds, and longer while it fails. It goes on until the loop over it
// stops, ctx ends or the server answers 204, which is no error. What else is not
// a stream of events ends it with an error: a status other than 200 with an
// [*HTTPError] or [ErrProtocol], another type than text/event-stream with
// [ErrProtocol]. So does a first connection that cannot be made.
//
// An ID that no field can carry, as with a control character in it, is in the
// event, but the one before it is sent. A Last-Event-ID of the caller is sent
// until the stream gives an ID of its own.
//
// With [Method] and a body it is a stream that is asked for by another method,
// often POST. Every connection sends the whole request again: a server that has
// nothing more to say must answer it with 204, or the loop must end. A body that
// cannot be sent again is [ErrBodyNotReplayable], before anything is sent.
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
	// defaultReconnect is the time before connecting again that the standard
	// calls "a few seconds".
	defaultReconnect = 3 * time.Second
	// minReconnect keeps a server that asks for no time, and closes every
	// connection at once, from being called without a pause.
	minReconnect = 10 * time.Millisecond
	// maxReconnect is where the growing of the time ends, if the server does not
	// ask for more.
	maxReconnect = time.Minute
)

// An eventSource is a stream of events over one connection after the other.
type eventSource struct {
	s      *Session
	method string
	url    string
	opts   []Option
	events *sse.Reader // nil until there was a connection

	lastID  Option        // that goes on after the last event, nil until the stream has given an ID
	wait    time.Duration // that the server wants
	barren  int           // connections, since the last one that gave an event
	stopped bool          // by the loop over the events
}

func (s *Session) newEventSource(url string, opts []Option) (*eventSource, error) {
	s.setup()
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
	if err := s.merge(&set, e.opts); err != nil {
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

// run returns nil at the end, or what ended the stream.
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

// checkEventStream refuses what is no stream of events, before a page of HTML
// passes for one without any.
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

// read yields the events of one connection. It returns nil if it came to an end.
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

// resumeAfter notes the ID of the last event, unless the stream has not given it.
// White space around it would be none of a field (RFC 9110, section 5.5). One
// that no field can carry counts as little as one with NUL does by the standard.
func (e *eventSource) resumeAfter(id string, given bool) {
	const field = "Last-Event-Id"
	id = strings.Trim(id, " \t")
	switch {
	case !given || checkField(field, id) != nil:
	case id == "":
		e.lastID = Headers{field: nil}
	default:
		e.lastID = Headers{field: id}
	}
}

// delay is the time before the next connection: what the server wants, and twice
// as long for each connection that has given nothing.
func (e *eventSource) delay() time.Duration {
	wait := max(e.wait, minReconnect)
	for range min(e.barren, 20) {
		if wait < maxReconnect {
			wait = min(2*wait, maxReconnect)
		}
	}
	return wait
}

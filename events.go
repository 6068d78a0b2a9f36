package requests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/go-requests/requests/internal/mediatype"
	"github.com/go-requests/requests/internal/redact"
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
		events := sse.NewReader(src, maxEvent, "")
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
		return &Error{Op: "read", URL: redact.URL(r.URL), Err: fail(ErrBodyTooLarge, err)}
	}
	return err
}

// Events gets a stream of server-sent events and returns them as they come. When
// the connection is lost, ends or is silent for longer than [Timeout].Read, it
// connects again with the last event's ID, after the time that the server asked
// for or 3 seconds, and longer while it fails. It goes on until the loop over it
// stops, ctx ends or the server answers 204, which is no error. What else is not
// a stream of events ends it with an error: a status other than 200 with an
// [*HTTPError] or [ErrProtocol], another type than text/event-stream with
// [ErrProtocol]. So does a first connection that cannot be made.
//
// Options that hold a body read it anew for each connection.
func (s *Session) Events(ctx context.Context, url string, opts ...Option) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		source := eventSource{s: s, url: url, opts: opts, wait: defaultReconnect}
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
	s    *Session
	url  string
	opts []Option

	lastID  string
	wait    time.Duration // that the server wants
	barren  int           // connections, since the last one that gave an event
	stopped bool          // by the loop over the events
}

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
		if err := e.pause(ctx); err != nil {
			return &Error{Op: "send", URL: redact.RawURL(e.url), Err: err}
		}
	}
}

// connect asks for the stream from the last event on.
func (e *eventSource) connect(ctx context.Context) (*Response, error) {
	opts := append([]Option{Headers{"Accept": "text/event-stream", "Cache-Control": "no-store"}}, e.opts...)
	opts = append(opts, Stream(true), RaiseForStatus(false))
	if e.lastID != "" {
		opts = append(opts, Headers{"Last-Event-ID": e.lastID})
	}
	r, err := e.s.Get(ctx, e.url, opts...)
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
	} else if t.Essence != "text/event-stream" {
		text = "the Content-Type is not text/event-stream"
		switch t.Essence {
		case "text/html", "text/plain", "application/json": // no other word of the server's is repeated
			text += " but " + t.Essence
		}
	}
	if text == "" {
		return nil
	}
	return &Error{Op: "read", URL: redact.URL(r.URL), Err: failText(ErrProtocol, text)}
}

// read yields the events of one connection. It returns nil if it came to an end.
func (e *eventSource) read(r *Response, yield func(Event, error) bool) error {
	src, err := r.reader()
	if err != nil {
		return err
	}
	defer r.Close()
	events := sse.NewReader(src, maxEvent, e.lastID)
	for {
		ev, err := events.Next()
		e.lastID = events.LastEventID()
		if wait, ok := events.Retry(); ok {
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

// pause waits before the next connection: as long as the server wants, and
// twice as long for each connection that has given nothing.
func (e *eventSource) pause(ctx context.Context) error {
	wait := max(e.wait, minReconnect)
	for range min(e.barren, 20) {
		if wait < maxReconnect {
			wait = min(2*wait, maxReconnect)
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

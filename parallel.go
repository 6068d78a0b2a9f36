package requests

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/file"
)

// Parallel is how many ranges of a file [Session.Download] fetches at once, if the
// server supports ranges and the file is large enough. If the server does not serve
// so many requests at the same time, the download continues with those that work.
// The default is 1.
type Parallel int

func (Parallel) option() {}

func (Parallel) of() string { return "Download, and of Many with SaveTo" }

const (
	// maxParallel is how many connections to a server one download may use.
	maxParallel = 32
	// minSpan is the shortest range worth a request of its own.
	minSpan = 1 << 20
	// verdictTime is how long a response that has filled its piece is kept, until
	// it is known whether the server serves the request for the next piece.
	verdictTime = time.Second
)

// pieces is the number of pieces into which to divide what is missing.
func (d *download) pieces(a *arrival) int {
	r, missing := a.response, d.part.Whole()-d.part.Size()
	switch {
	case d.part.Whole() < 0, d.part.Validator() == "":
		return 1
	case r.StatusCode != http.StatusPartialContent && (a.at > 0 || !strings.EqualFold(r.Header.Get("Accept-Ranges"), "bytes")):
		return 1 // the server has no ranges, or does not say that it has
	case r.loaded: // in memory already
		return 1
	}
	return int(min(int64(d.ranges), missing/minSpan))
}

// fillAtOnce fills n pieces of the part at once. This goroutine fills the first
// one from a. What is still missing afterwards is left to the next fetch.
func (d *download) fillAtOnce(ctx context.Context, a *arrival, n int) (err error) {
	if err := d.part.Scatter(); err != nil {
		return readError(a.response.URL, err)
	}
	pieces := file.Divide(file.Span{At: d.part.Size(), End: d.part.Whole()}, n, verdictTime)
	defer func() {
		sure := pieces.Sure()
		if noted := d.part.Gather(sure); err == nil && noted != nil {
			err = readError(a.response.URL, noted)
		}
		d.complete = err == nil && sure == d.part.Whole()
	}()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var once sync.Once
	work := func(a *arrival, x *file.Piece) {
		left := false
		defer func() {
			if !left {
				cancel()
			}
		}()
		failed := d.work(ctx, pieces, a, x)
		if left = failed == nil; !left {
			once.Do(func() { err = failed })
		}
	}
	aborts := make([]abort, n)
	var others sync.WaitGroup
	defer func() {
		others.Wait()
		for i := range aborts {
			aborts[i].repeat()
		}
	}()
	for i := 1; i < n; i++ {
		others.Go(func() { aborts[i].catch(func() { work(nil, pieces.At(i)) }) })
	}
	work(a, pieces.At(0))
	return // err, once the others have stopped
}

// work fills x, from a if that is not nil, and then pieces that others have given
// up. An error ends the work of all.
func (d *download) work(ctx context.Context, pieces *file.Pieces, a *arrival, x *file.Piece) error {
	for x != nil {
		err := d.fillPiece(ctx, pieces, a, x)
		switch {
		case err == nil:
			a, x = d.next(ctx, pieces, a, x)
		case pieces.Lost(x):
			x = pieces.Next()
		case ctx.Err() != nil || !d.part.Trusted() || !fault.IsA[*refusal](err) && !interrupted(err):
			return insideRefusal(err)
		case d.giveUp(pieces, x):
			return nil
		case !d.waitToAskAgain(ctx, err): // no other request is running any more
			return insideRefusal(err)
		}
	}
	return nil
}

// next returns the piece to fill after x: the one behind it, if a can fill that
// too, or another one that was given up.
func (d *download) next(ctx context.Context, pieces *file.Pieces, a *arrival, x *file.Piece) (*arrival, *file.Piece) {
	if a != nil && a.at == x.End {
		if y := pieces.Behind(ctx, x); y != nil {
			return a, y
		}
		a.response.end()
	}
	return nil, pieces.Next()
}

// giveUp leaves x to the others, if there are any. When the pieces are done, the
// download does not divide what is missing again.
func (d *download) giveUp(pieces *file.Pieces, x *file.Piece) bool {
	d.mu.Lock()
	d.ranges = 1
	d.mu.Unlock()
	return pieces.GiveUp(x)
}

// fillPiece fills x from a, and by further requests if a ends before x does.
func (d *download) fillPiece(ctx context.Context, pieces *file.Pieces, a *arrival, x *file.Piece) (err error) {
	for x.At < x.End {
		if a != nil && a.at <= x.At && x.At < a.end {
			if err = d.takeBehind(a, &x.Span); err != nil {
				a.response.end()
				a.end = a.at // nothing more comes from it
			}
		} else {
			err = d.fetchPiece(ctx, pieces, x)
		}
		if err != nil && (fault.IsA[*refusal](err) || !d.waitToResume(ctx, err)) {
			return err
		}
	}
	return nil
}

// takeBehind writes the bytes of a that belong to s, after skipping those that
// another request has written already.
func (d *download) takeBehind(a *arrival, s *file.Span) error {
	same, err := d.skip(a, s.At)
	if err != nil {
		return err
	}
	if !same {
		return d.mixedError(a.response, "two responses differ in the same bytes of one version")
	}
	return d.take(a, s)
}

// fetchPiece asks for what is missing of x and writes what comes.
func (d *download) fetchPiece(ctx context.Context, pieces *file.Pieces, x *file.Piece) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !pieces.Ask(x, cancel) {
		return errLost
	}
	r, err := d.request(ctx, x.Span)
	if err != nil {
		if last, ok := errors.AsType[*RetryError](err); ok && last.Response != nil {
			return &refusal{err, mayPass(last.Response.StatusCode)}
		}
		if interrupted(err) {
			return &refusal{err, true}
		}
		return err
	}
	defer r.end()
	if r.StatusCode >= http.StatusBadRequest {
		r.Load()
		return &refusal{r.RaiseForStatus(), mayPass(r.StatusCode)}
	}
	if r.StatusCode != http.StatusPartialContent || coding.Named(r.Header["Content-Encoding"]) || !d.part.Validator().Continues(r.Header) {
		return &refusal{}
	}
	c, problem := d.rangeOf(r, x.At)
	if problem != "" {
		return &refusal{passes: true}
	}
	body, err := r.unread()
	if err != nil {
		return readError(r.URL, err)
	}
	if !pieces.Begin(x) {
		return errLost
	}
	if _, err := io.CopyN(io.Discard, body, x.At-c.First); err != nil {
		return readError(r.URL, err)
	}
	return d.take(&arrival{response: r, body: body, at: x.At, end: c.Last + 1}, &x.Span)
}

// errLost ends a request for a piece that another response fills by now.
var errLost = errors.New("piece lost")

// A refusal reports that a server which was asked for several pieces at once has
// not given this one: it has sent a status, no response, or other bytes.
type refusal struct {
	err    error // nil for other bytes, on which the next fetch decides
	passes bool  // the number of requests may be the only reason
}

func (r *refusal) Error() string { return "range refused" }
func (r *refusal) Unwrap() error { return r.err }

// mayPass reports whether a server may send this status only because of other
// requests.
func mayPass(status int) bool {
	switch status {
	case http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError
}

// waitToAskAgain reports whether to repeat a request that was refused, and waits
// until it is time. The server may count a request for a little longer than we do.
func (d *download) waitToAskAgain(ctx context.Context, err error) bool {
	r, ok := err.(*refusal)
	return ok && r.passes && d.mayRetry(ctx)
}

// insideRefusal returns the error inside a refusal, and any other error unchanged.
func insideRefusal(err error) error {
	if r, ok := err.(*refusal); ok {
		return r.err
	}
	return err
}

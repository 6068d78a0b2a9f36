package fault

import (
	"context"
	"errors"
	"time"
)

// A Limit says which limit of time ran out and how long it was.
type Limit struct {
	Kind  error
	After time.Duration
}

func (l *Limit) Error() string   { return l.Kind.Error() + " after " + l.After.String() }
func (l *Limit) Unwrap() error   { return l.Kind }
func (l *Limit) Timeout() bool   { return true }  // net.Error
func (l *Limit) Temporary() bool { return false } // net.Error; to crypto/tls, false means that the connection cannot be used any more

// Classified marks l as an error that has its kind. See [Of].
func (l *Limit) Classified() error { return l }

// Ended says how ctx ended: by one of our limits, by the caller's deadline, or
// because the caller cancelled it, which is no timeout. It is nil while ctx has
// not ended. The result also wraps the cause that the caller gave.
func Ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if limit, ok := errors.AsType[*Limit](cause); ok {
		return limit
	}
	if cause != err {
		err = New(err, cause)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return New(Timeout, err)
	}
	return err
}

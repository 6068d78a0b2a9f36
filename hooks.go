package requests

import (
	"context"
	"errors"
	"net/url"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/redact"
)

// whyEnded returns err or, if it says no more than that ctx has ended, why it has.
func whyEnded(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	if _, known := fault.Of(err); known {
		return err
	}
	return contextError(ctx)
}

// hookFailure returns what a hook gave as it is. One that gave up since Total
// ran out has met the cancelling of a context of ours, which is no cancelling
// to the caller.
func hookFailure(ctx context.Context, u *url.URL, err error) error {
	if ended := whyEnded(ctx, err); isA[*fault.Limit](ended) {
		return &Error{Op: "send", URL: redact.URL(u), Err: ended}
	}
	return err
}

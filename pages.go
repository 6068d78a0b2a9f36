package requests

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/go-requests/requests/internal/uri"
)

// Pages gets url and then each next page, as the Link field with the relation
// "next" of the one before names it, for as long as there is one (RFC 8288). A
// next page is asked for like the first: with the same fields, authentication
// and cookies, but at the URL that the server gave, so that Params are sent with
// the first alone. One of another origin gets nothing that was bound to the
// first, just as a redirect does not.
//
// An error ends it, and so does a page that was there before, with
// [ErrProtocol]. A streamed page is closed once the loop goes on.
func (s *Session) Pages(ctx context.Context, url string, opts ...Option) iter.Seq2[*Response, error] {
	return func(yield func(*Response, error) bool) {
		r, err := s.Get(ctx, url, opts...)
		if err != nil {
			yield(nil, err)
			return
		}
		first, seen := r.Request.URL, make(map[string]bool)
		if len(r.History) > 0 {
			first = r.History[0].URL
		}
		for {
			seen[pageKey(r.URL)] = true
			if !yield(r, nil) {
				return
			}
			r.Close()
			next, err := s.nextPage(ctx, r, first, opts)
			switch {
			case err != nil:
				yield(nil, step{op: "prepare", raw: r.Links()["next"].Ref}.error(err))
				return
			case next == nil:
				return
			case seen[pageKey(next.URL)]:
				yield(nil, step{op: "prepare", url: next.URL}.error(failText(ErrProtocol, "the next page was there before")))
				return
			}
			next.call = opts
			if r, err = s.Send(ctx, next); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// pageKey names a page, wherever in it u leads.
func pageKey(u *url.URL) string {
	page := *u
	page.Fragment, page.RawFragment = "", ""
	return page.String()
}

// nextPage returns the request for the page after r, nil if r is the last. The
// caller has named the host of first, and no other one.
func (s *Session) nextPage(ctx context.Context, r *Response, first *url.URL, opts []Option) (*PreparedRequest, error) {
	link, ok := r.Links()["next"]
	if !ok {
		return nil, nil
	}
	target, err := uri.Resolve(r.URL, link.Ref)
	if err != nil {
		return nil, err
	}
	if !reachable(r.URL, target) {
		return nil, failText(ErrInvalidScheme, "a next page in another scheme")
	}
	q, err := redirected(r.Request, http.StatusTemporaryRedirect, target)
	if err != nil {
		return nil, err
	}
	q.named = first
	var set settings
	if err := s.merge(&set, opts); err != nil {
		return nil, err
	}
	trip := journey{cookies: set.cookieSource(), named: first}
	trip.setCookies(q)
	return q, q.authenticate(ctx)
}

package requests

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/go-requests/requests/internal/uri"
)

// Pages gets url, and then page after page, by the link with the relation "next" in
// the Link field of each (RFC 8288), until a page has none. Every page is requested
// like the first one: with the same options, fields, authentication and cookies. Its
// URL is the one that the server gave, so Params go with the first request alone. A
// page of another origin gets nothing that is bound to the origin of the first, as
// after a redirect.
//
// [As] takes what the loop gives: As[[]Order](page, err). An error ends the loop. A
// page that was there before ends it with [ErrProtocol]. A streamed page is closed
// when the loop goes on.
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

// pageKey identifies a page, whatever fragment of it u names.
func pageKey(u *url.URL) string {
	page := *u
	page.Fragment, page.RawFragment = "", ""
	return page.String()
}

// nextPage returns the request for the page after r, nil if r is the last one. The
// caller has named the host of first and no other.
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

package requests

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/go-requests/requests/internal/linkheader"
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
	if err := set.merge(s, opts); err != nil {
		return nil, err
	}
	trip := journey{cookies: set.cookieSource(), named: first}
	trip.setCookies(q)
	return q, q.authenticate(ctx)
}

// A Link is a link in a Link field (RFC 8288). See [Response.Links].
type Link struct {
	// URL is the target, resolved against the URL of the response: ready to be
	// requested. It is empty if the target is no URL, or is relative and the
	// response has no URL.
	URL string
	// Ref is the target as it was sent.
	Ref string
	// Rel is the relation as it was sent, perhaps of several words; empty if
	// there is none.
	Rel string
	// Params holds the other parameters, such as title and type, by their names
	// in lower case: the first of each, and in place of title what title* says.
	Params map[string]string
}

// Links returns the links of the Link fields (RFC 8288), by their relation in
// lower case. A link with several relations is under each of them, and one without
// any under its Ref. If several links share a relation, the last counts, as in
// Requests. Links that an anchor has start elsewhere are left out. Malformed
// fields are read as far as they make sense. At most 1000 links are read.
func (r *Response) Links() map[string]Link {
	links := make(map[string]Link)
	fields, _ := linkheader.Parse(r.Header["Link"]) // one that is too large counts as far as it was read
	for _, l := range fields {
		if l.Anchor != "" && !r.isSelf(l.Anchor) {
			continue
		}
		link := Link{Ref: l.URL, Rel: l.Rel, Params: make(map[string]string)}
		if u, err := uri.Resolve(r.URL, l.URL); err == nil {
			link.URL = u.String()
		}
		for _, p := range l.Attributes() {
			if _, ok := link.Params[p.Name]; !ok {
				link.Params[p.Name] = p.Value
			}
		}
		for _, rel := range l.Rels() {
			links[rel] = link
		}
		if l.Rel == "" {
			links[l.URL] = link
		}
	}
	return links
}

// isSelf reports whether ref is the URL of the response.
func (r *Response) isSelf(ref string) bool {
	u, err := uri.Resolve(r.URL, ref)
	if err != nil || r.URL == nil {
		return false
	}
	self := *r.URL
	self.Fragment, self.RawFragment = "", ""
	return u.String() == self.String()
}

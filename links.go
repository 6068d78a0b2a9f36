package requests

import (
	"github.com/go-requests/requests/internal/linkheader"
	"github.com/go-requests/requests/internal/uri"
)

// A Link is a link of a Link field (RFC 8288).
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

// Links returns the links of the response's Link fields, each under its relation
// in lower case, under each of several, and under its Ref if it has none. Of
// links with the same relation the last counts, as in Requests. Links that start
// elsewhere than at the response, by an anchor, are left out. What is malformed
// is read as far as it makes sense, up to 1000 links.
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

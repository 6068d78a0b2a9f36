package digest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
)

const (
	// maxSpaces bounds what a client that goes from host to host remembers.
	maxSpaces = 64
	// maxNonces is how many nonces of a space keep their count. Servers behind
	// one address each issue their own, so that one replaces the other and returns.
	maxNonces = 4
)

// Spaces answers challenges with one set of credentials. It remembers the
// protection spaces that it answered in: each belongs to one origin and realm, and
// holds the last challenge and how often its nonce was used. What is known of one
// origin is never used at another. Beyond 64 spaces the one not used for the
// longest time is forgotten, which costs one more challenge.
//
// A Spaces with Credentials is ready for use, also by several goroutines at once:
// in one space no two answers have the same nonce and count, as long as the nonce is
// one of the last four there. It must not be copied after use.
//
// An origin is any text that the caller gives each server or proxy of its own. To
// be found in domain parameters it has to be a scheme and an authority.
type Spaces struct {
	Credentials Credentials

	mu     sync.Mutex
	recent []*space // the one used last comes last

	cnonce func() string // nil means rand.Text
}

// A space is one protection space (RFC 9110, section 11.5).
type space struct {
	origin string
	digest *Digest // not changed once it is here
	nonces []nonce // the current one comes last
}

// A nonce is one of the server's, with what its use depends on.
type nonce struct {
	value string
	count uint32 // of its uses

	// Of the session that the -sess algorithms know. It has one A1, from the nonce of
	// the challenge and the first client nonce (RFC 7616, section 3.4.2), and servers
	// keep that A1 or compute it again from what a request holds. With one client
	// nonce for all of a session both get the same.
	session string
	cnonce  string
}

// nc is the nonce count. That it starts again after 2³² uses is for the server to
// refuse: it then sends a new nonce.
func (n nonce) nc() string { return fmt.Sprintf("%08x", n.count) }

// Answer answers a challenge of origin and remembers it. It fails with what
// [Request].Body returns, or with [ErrControl].
func (s *Spaces) Answer(origin string, d Digest, req Request) (Answer, error) {
	return s.challenged(origin, &d).answer(s.Credentials, req)
}

// Preempt answers what origin would ask if it got the request without an answer.
// It returns false if nothing is known that is good for this request target, and
// fails as Answer does.
func (s *Spaces) Preempt(origin string, req Request) (a Answer, ok bool, err error) {
	t, ok := s.expected(origin, req.URI)
	if !ok {
		return Answer{}, false, nil
	}
	a, err = t.answer(s.Credentials, req)
	return a, err == nil, err
}

// Renew makes the next answers use the nonce that info, which came back for a,
// gives in exchange. An answer whose nonce was replaced since changes nothing.
func (s *Spaces) Renew(a Answer, info Info) {
	if a.space == nil || info.NextNonce == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if current := a.space.current(); current.value == a.nonce.value {
		a.space.use(nonce{value: info.NextNonce, session: current.session, cnonce: current.cnonce})
	}
}

// A turn is one use of a nonce.
type turn struct {
	space  *space
	digest *Digest
	nonce  nonce
}

func (t turn) answer(c Credentials, req Request) (Answer, error) {
	a, err := t.digest.answer(c, t.nonce, req)
	a.space = t.space
	return a, err
}

func (s *Spaces) challenged(origin string, d *Digest) turn {
	cnonce := s.newCnonce()
	s.mu.Lock()
	defer s.mu.Unlock()
	sp := s.find(func(sp *space) bool { return sp.origin == origin && sp.digest.Realm == d.Realm })
	if sp == nil {
		sp = s.add(origin)
	}
	sp.digest = d
	sp.use(nonce{value: d.Nonce, session: d.Nonce, cnonce: cnonce})
	return sp.take(cnonce)
}

func (s *Spaces) expected(origin, uri string) (t turn, ok bool) {
	cnonce := s.newCnonce()
	s.mu.Lock()
	defer s.mu.Unlock()
	sp := s.find(func(sp *space) bool { return sp.origin == origin && sp.digest.covers(origin, uri) })
	if sp == nil {
		return turn{}, false
	}
	return sp.take(cnonce), true
}

// find returns the space used last of those that fit, or nil.
func (s *Spaces) find(fits func(*space) bool) *space {
	for i, sp := range slices.Backward(s.recent) {
		if fits(sp) {
			s.recent = append(slices.Delete(s.recent, i, i+1), sp)
			return sp
		}
	}
	return nil
}

func (s *Spaces) add(origin string) *space {
	if len(s.recent) == maxSpaces {
		s.recent = slices.Delete(s.recent, 0, 1)
	}
	sp := &space{origin: origin}
	s.recent = append(s.recent, sp)
	return sp
}

func (s *Spaces) newCnonce() string {
	if s.cnonce != nil {
		return s.cnonce()
	}
	return rand.Text()
}

// use makes n the current nonce. One that was here before goes on with its count.
func (sp *space) use(n nonce) {
	i := slices.IndexFunc(sp.nonces, func(old nonce) bool { return old.value == n.value })
	switch {
	case i >= 0:
		n = sp.nonces[i]
		sp.nonces = slices.Delete(sp.nonces, i, i+1)
	case len(sp.nonces) == maxNonces:
		sp.nonces = slices.Delete(sp.nonces, 0, 1)
	}
	sp.nonces = append(sp.nonces, n)
}

// take counts one use of the current nonce.
func (sp *space) take(cnonce string) turn {
	sp.current().count++
	t := turn{space: sp, digest: sp.digest, nonce: *sp.current()}
	if !t.digest.session {
		t.nonce.cnonce = cnonce
	}
	return t
}

func (sp *space) current() *nonce { return &sp.nonces[len(sp.nonces)-1] }

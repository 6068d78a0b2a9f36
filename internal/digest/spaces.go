package digest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
)

const (
	// maxSpaces bounds the memory of a client that visits many hosts.
	maxSpaces = 64
	// maxNonces is how many nonces of a space keep their count. Servers behind
	// one address each issue their own, so that nonces alternate.
	maxNonces = 4
)

// Spaces answers challenges with one set of credentials. It remembers the
// protection spaces that it has answered in. Each belongs to one origin and
// realm, and holds the last challenge and how often its nonce was used. What it
// knows about one origin is never used for another. Beyond 64 spaces it forgets
// the one that was not used for the longest time, at the cost of one more
// challenge.
//
// A Spaces with Credentials is ready for use, also by several goroutines at
// once: no two answers in one space have the same nonce and count, as long as
// the nonce is one of the last four there. It must not be copied after use.
//
// An origin is any text that the caller uses for one server or proxy. To match
// domain parameters it must be a scheme and an authority.
type Spaces struct {
	Credentials Credentials

	mu     sync.Mutex
	recent []*space // the one used last comes last

	cnonce func() string // nil means rand.Text
}

// A space is one protection space (RFC 9110, section 11.5).
type space struct {
	origin string
	digest *Digest // not changed once it is stored here
	nonces []nonce // the current one is the last
}

// A nonce is a nonce of the server, with the state that its use needs.
type nonce struct {
	value string
	count uint32 // of its uses

	// Of the session of the -sess algorithms. It has one A1, made from the
	// nonce of the challenge and the first client nonce (RFC 7616, section
	// 3.4.2). Some servers keep that A1, others compute it again from each
	// request. With one client nonce for the whole session both get the same.
	session string
	cnonce  string
}

// nc is the nonce count. It starts again after 2³² uses; the server then
// refuses it and sends a new nonce.
func (n nonce) nc() string { return fmt.Sprintf("%08x", n.count) }

// Answer answers a challenge of origin and remembers it. It fails with what
// [Request].Body returns, or with [ErrControl].
func (s *Spaces) Answer(origin string, d Digest, req Request) (Answer, error) {
	return s.challenged(origin, &d).answer(s.Credentials, req)
}

// Preempt gives the answer that origin would ask for if it got the request
// without one. It returns false if nothing known applies to this request
// target, and fails as Answer does.
func (s *Spaces) Preempt(origin string, req Request) (a Answer, ok bool, err error) {
	t, ok := s.expected(origin, req.URI)
	if !ok {
		return Answer{}, false, nil
	}
	a, err = t.answer(s.Credentials, req)
	return a, err == nil, err
}

// Renew makes the next answers use the new nonce in info, which the server sent
// in reply to a. It does nothing if the nonce of a has been replaced since.
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

// find returns the matching space that was used last, or nil.
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

// use makes n the current nonce. A nonce that was stored before continues its
// count.
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

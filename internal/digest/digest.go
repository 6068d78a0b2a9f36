// Package digest answers challenges of the Digest scheme: RFC 7616, and the
// forms of RFC 2617 and RFC 2069 that servers still use.
//
// [Parse] reads the challenges of a response, [Select] finds the one to answer,
// and [Spaces] answers it. A Spaces remembers the nonce, so that later requests
// need no challenge. The package sends and reads no messages.
//
// It is written by hand because the best known library, icholy/digest, does not
// find a challenge that follows another one in the same field.
package digest

import (
	"crypto/fips140"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Digest is a challenge of the Digest scheme that can be answered
// (RFC 7616, section 3.3).
type Digest struct {
	Realm     string
	Nonce     string
	Algorithm string // as the server spells it; "" if it names none, which means MD5
	Stale     bool   // the last answer was refused only because its nonce was too old

	opaque   string
	domain   []string // URIs that the nonce is good for; none means the whole origin
	qop      string   // what the answer will use: "auth", "auth-int", or "" as in RFC 2069
	newHash  func() hash.Hash
	session  bool // a -sess variant: the nonces go into A1
	userhash bool
	utf8     bool // the server takes names and passwords as UTF-8
}

// algorithms, the strongest first. SHA-512 and SHA (that is SHA-1) are not
// registered with IANA but known to Python's Requests.
var algorithms = [...]struct {
	name     string
	newHash  func() hash.Hash
	approved bool // approved by FIPS 140; where that is enforced, the others panic
}{
	{"SHA-512-256", sha512.New512_256, true},
	{"SHA-512", sha512.New, true},
	{"SHA-256", sha256.New, true},
	{"MD5", md5.New, false},
	{"SHA", sha1.New, false},
}

// Select returns the challenge to answer: among the challenges of the Digest
// scheme that can be answered, the first with the strongest algorithm. It
// returns false if there is none. A challenge cannot be answered if it has no
// realm or no nonce, if its algorithm or all its qualities of protection are
// unknown (MD5 and SHA-1 count as unknown where FIPS 140 is enforced), or if
// its realm is not ASCII and its encoding is not given.
func Select(challenges []Challenge) (d Digest, ok bool) {
	best := len(algorithms)
	for _, c := range challenges {
		if offer, rank, usable := c.digest(); usable && rank < best {
			d, best = offer, rank
		}
	}
	return d, best < len(algorithms)
}

// digest reads c as a Digest challenge, and returns the rank of its algorithm.
func (c Challenge) digest() (d Digest, rank int, ok bool) {
	if !strings.EqualFold(c.Scheme, "Digest") || c.Token68 != "" {
		return Digest{}, 0, false
	}
	realm, hasRealm := c.Param("realm")
	d = Digest{
		Realm:     realm,
		Nonce:     c.params["nonce"],
		Algorithm: c.params["algorithm"],
		Stale:     strings.EqualFold(c.params["stale"], "true"),
		opaque:    c.params["opaque"],
		domain:    strings.Fields(c.params["domain"]),
		userhash:  strings.EqualFold(c.params["userhash"], "true"),
		utf8:      strings.EqualFold(c.params["charset"], "UTF-8"),
	}
	if !hasRealm || d.Nonce == "" || !d.readableRealm() {
		return Digest{}, 0, false
	}
	rank, d.session, ok = lookUp(d.Algorithm)
	if !ok {
		return Digest{}, 0, false
	}
	d.newHash = algorithms[rank].newHash
	d.qop, ok = preferred(c.params["qop"])
	return d, rank, ok
}

// readableRealm reports whether it is clear which bytes of the realm to hash.
// Outside ASCII nothing says how they are encoded: some clients hash them as
// they are, some as UTF-8, some as UTF-8 twice encoded. charset="UTF-8" settles
// it.
func (d *Digest) readableRealm() bool {
	if d.utf8 {
		return utf8.ValidString(d.Realm)
	}
	return isASCII(d.Realm)
}

// lookUp finds an algorithm by the name that a challenge gives it, in any letter
// case; the default is MD5.
func lookUp(name string) (rank int, session, ok bool) {
	if name == "" {
		name = "MD5"
	}
	name, session = strings.CutSuffix(strings.ToUpper(name), "-SESS")
	for rank, a := range algorithms {
		if a.name == name {
			return rank, session, a.approved || !fips140.Enforced()
		}
	}
	return 0, false, false
}

// preferred returns the quality of protection to use of those offered: auth if
// offered, since auth-int needs the whole body before the first byte of the
// request. A challenge that offers none expects the form of RFC 2069.
func preferred(offered string) (qop string, ok bool) {
	list := strings.FieldsFunc(strings.ToLower(offered), func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t'
	})
	for _, qop := range []string{"auth", "auth-int"} {
		if slices.Contains(list, qop) {
			return qop, true
		}
	}
	return "", len(list) == 0
}

// covers reports whether uri, a request target at origin, is in the protection
// space: it begins with one of the URIs of the domain parameter, or there are
// none. URIs on other servers are ignored, since nothing learnt here is used
// there. The parameter has no meaning for a proxy, or for a target that is not
// a path.
func (d *Digest) covers(origin, uri string) bool {
	if len(d.domain) == 0 || !strings.HasPrefix(uri, "/") {
		return true
	}
	return slices.ContainsFunc(d.domain, func(prefix string) bool {
		if len(prefix) >= len(origin) && strings.EqualFold(prefix[:len(origin)], origin) {
			prefix = prefix[len(origin):]
		}
		return strings.HasPrefix(uri, prefix)
	})
}

// sum returns H(part1 ":" part2 ":" ...) in hexadecimal.
func (d *Digest) sum(parts ...string) string {
	h := d.newHash()
	io.WriteString(h, strings.Join(parts, ":")) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

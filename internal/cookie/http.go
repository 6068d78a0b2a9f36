package cookie

import (
	"net/http"
	"slices"
)

// FromHTTP restores a Set-Cookie field from net/http's parsed form.
func FromHTTP(c *http.Cookie) Received {
	r := Received{
		Name: c.Name, Value: c.Value, Expires: c.Expires, Secure: c.Secure,
		HTTPOnly: c.HttpOnly, SameSite: SameSiteOf(c.SameSite),
	}
	if c.Quoted {
		r.Value = `"` + c.Value + `"`
	}
	if c.Expires.IsZero() {
		r.Attribute("Expires", c.RawExpires) // this package accepts more forms of dates than net/http
	}
	if c.MaxAge != 0 {
		r.Lifetime, r.HasLifetime = int64(c.MaxAge), true
	}
	r.Attribute("Domain", c.Domain)
	r.Attribute("Path", c.Path)
	return r
}

// sameSiteModes maps the values of SameSite to those of net/http.
var sameSiteModes = [...]http.SameSite{
	SameSiteDefault: 0,
	SameSiteNone:    http.SameSiteNoneMode,
	SameSiteLax:     http.SameSiteLaxMode,
	SameSiteStrict:  http.SameSiteStrictMode,
}

// HTTP returns s as net/http has it.
func (s SameSite) HTTP() http.SameSite { return sameSiteModes[s] }

// SameSiteOf is the reverse of HTTP. It is SameSiteDefault for what there is not.
func SameSiteOf(s http.SameSite) SameSite {
	return SameSite(max(0, slices.Index(sameSiteModes[:], s)))
}

package requests

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-requests/requests/internal/redact"
)

// ShowSecrets(true) has [PreparedRequest.Curl] write secrets as they are.
type ShowSecrets bool

// Curl returns a command for a POSIX shell that makes curl send the same request.
// Timeouts, proxies and TLS settings are not part of it.
//
// Credentials and cookies are shown as "***", and so are fields, and values in the
// path, the query, a form or JSON, whose names look like secrets. Nothing else of a
// body is hidden. ShowSecrets(true) hides nothing.
//
// A body that is a stream is not read: the command takes it from its standard input.
// For a request that [Session.Send] would refuse, Curl returns a shell comment that
// says why.
func (p *PreparedRequest) Curl(opts ...ShowSecrets) string {
	q := *p
	if err := q.check(); err != nil {
		return "# " + err.Error()
	}
	show := len(opts) > 0 && bool(opts[len(opts)-1])
	return newCurlCommand(&q, show).String()
}

// A curlCommand is the command to run: its arguments, and its standard input if
// the body cannot be an argument. Each default of curl that differs from the
// request gets an argument.
type curlCommand struct {
	show  bool
	args  []string
	input string
}

func newCurlCommand(p *PreparedRequest, show bool) *curlCommand {
	c := &curlCommand{show: show}
	c.target(p)
	c.header(p.Header)
	c.body(p)
	return c
}

// String is the command as a line of shell.
func (c *curlCommand) String() string {
	var b strings.Builder
	if c.input != "" {
		b.WriteString("printf '" + printfFormat(c.input) + "' | ")
	}
	b.WriteString("curl")
	for _, a := range c.args {
		b.WriteString(" " + shellQuote(a))
	}
	return b.String()
}

func (c *curlCommand) add(args ...string) { c.args = append(c.args, args...) }

// target writes method and URL. The fragment is never sent.
func (c *curlCommand) target(p *PreparedRequest) {
	empty := p.body.length == 0
	switch {
	case p.Method == http.MethodHead && empty:
		c.add("--head") // with -X HEAD curl would wait for a body
	case p.Method != http.MethodGet || !empty:
		c.add("-X", p.Method)
	}
	u := *p.URL
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if !c.show {
		u.RawQuery, u.RawPath = redact.Query(u.RawQuery), redact.Path(u.EscapedPath())
		u.Path, _ = url.PathUnescape(u.RawPath)
	}
	target := u.String()
	if strings.ContainsAny(target, "[]{}") {
		c.add("--globoff")
	}
	c.add(target)
	if strings.HasSuffix(u.Hostname(), ".") && len(p.Header["Host"]) == 0 {
		c.add("-H", "Host: "+hostField(p))
	}
}

func (c *curlCommand) header(h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			switch {
			case v == "":
				c.add("-H", name+";") // curl's notation for an empty value
			case !c.show:
				c.add("-H", name+": "+redact.Field(name, v))
			default:
				c.add("-H", name+": "+v)
			}
		}
	}
	for _, name := range [...]string{"User-Agent", "Accept"} { // curl has its own
		if len(h[name]) == 0 {
			c.add("-H", name+":")
		}
	}
	if len(h["Accept-Encoding"]) > 0 {
		c.add("--compressed") // decode what comes back
	}
}

const (
	// maxArgument keeps a body among the arguments below the 128 KiB that Linux allows one.
	maxArgument = 64 << 10
	// expectAbove is the length above which curl sends Expect: 100-continue.
	expectAbove = 1 << 20
)

// body writes the body, and the fields that curl would make of it.
func (c *curlCommand) body(p *PreparedRequest) {
	if p.body.length == 0 {
		switch p.Method {
		case http.MethodGet, http.MethodHead:
		default:
			c.add("-H", "Content-Length: 0")
		}
		return
	}
	if len(p.Header["Content-Type"]) == 0 {
		c.add("-H", "Content-Type:")
	}
	if len(p.Header["Expect"]) == 0 && (p.body.length < 0 || p.body.length > expectAbove) {
		c.add("-H", "Expect:")
	}
	if p.body.length < 0 {
		c.add("-H", "Transfer-Encoding: chunked")
	}
	if p.body.stream != nil {
		c.add("--data-binary", "@-")
		return
	}
	data := string(p.body.data)
	if !c.show {
		data = redact.Body(data, p.Header.Get("Content-Type"))
	}
	if n, plain := plainRun(data); plain && n == len(data) && n <= maxArgument && data[0] != '@' { // "@" means a file
		c.add("--data-binary", data)
		return
	}
	c.input = data
	c.add("--data-binary", "@-")
}

// shellQuote quotes s for a POSIX shell. Characters that are not printable go
// through printf, so that a terminal shows them and does not obey them. An
// argument cannot have a NUL.
func shellQuote(s string) string {
	if s == "" {
		return "''"
	}
	if strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-@") == "" {
		return s
	}
	var b strings.Builder
	for s != "" {
		n, plain := plainRun(s)
		if plain {
			b.WriteString("'" + strings.ReplaceAll(s[:n], "'", `'\''`) + "'")
		} else {
			b.WriteString(`"$(printf '` + printfFormat(s[:n]) + `')"`)
		}
		s = s[n:]
	}
	return b.String()
}

// plainRun returns the length of the longest prefix of s whose characters are all
// plain, or all not plain, and which of the two it is.
func plainRun(s string) (n int, plain bool) {
	n, plain = plainCharacter(s)
	for n < len(s) {
		size, p := plainCharacter(s[n:])
		if p != plain {
			break
		}
		n += size
	}
	return n, plain
}

// printfFormat returns a format, for single quotes, with which printf writes s.
// POSIX has only octal escapes there.
func printfFormat(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		size, plain := plainCharacter(s[i:])
		c := s[i : i+size]
		switch {
		case c == "%", c == `\`:
			b.WriteString(c + c)
		case c == "\n":
			b.WriteString(`\n`)
		case !plain, c == "'", c == "-" && i == 0: // a "-" at the start would be an option
			for _, octet := range []byte(c) {
				b.Write([]byte{'\\', '0' + octet>>6, '0' + octet>>3&7, '0' + octet&7})
			}
		default:
			b.WriteString(c)
		}
		i += size
	}
	return b.String()
}

// plainCharacter returns the size of the first character of s, and whether a
// terminal merely shows it.
func plainCharacter(s string) (size int, plain bool) {
	r, size := utf8.DecodeRuneInString(s)
	valid := r != utf8.RuneError || size > 1
	return size, valid && (r == '\n' || r == '\t' || strconv.IsPrint(r))
}

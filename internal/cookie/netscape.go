package cookie

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A LineError says which line of a file cannot be read, and why. It repeats
// nothing of the line, which may hold a secret.
type LineError struct {
	Line   int
	Reason string
}

// maxLineErrors bounds the errors for a file, which may not be a cookie file at
// all.
const maxLineErrors = 20

// lineErrors gathers the errors of a file.
type lineErrors struct {
	list []LineError
	more int // errors that are not in the list
}

func (e *lineErrors) add(line int, reason string) {
	if len(e.list) < maxLineErrors {
		e.list = append(e.list, LineError{line, reason})
		return
	}
	if e.more++; e.more == 1 {
		e.list = append(e.list, LineError{Line: line})
	}
	e.list[maxLineErrors].Reason = fmt.Sprintf("%s; in all, %d more lines cannot be read", reason, e.more)
}

const (
	netscapeHeader = "# Netscape HTTP Cookie File\n" + // Python recognises the format by this line
		"# https://curl.se/docs/http-cookies.html\n\n"
	netscapeHTTPOnly = "#HttpOnly_" // curl's extension, before the domain
)

// ParseNetscape reads a cookies.txt: seven fields a line, separated by TABs, as
// curl, wget and Python write it. Lines that are empty or begin with "#", or
// with "$" for Python, are skipped. Any other line that is not a cookie is an
// error and gives no cookie: curl once cut long lines, and the rest of such a
// line named another host (CVE-2016-8615).
func ParseNetscape(data []byte) ([]Cookie, []LineError) {
	var cookies []Cookie
	var bad lineErrors
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimRight(string(line), "\r\n")
		text, httpOnly := strings.CutPrefix(text, netscapeHTTPOnly)
		if trimmed := strings.TrimSpace(text); !httpOnly && (trimmed == "" || trimmed[0] == '#' || trimmed[0] == '$') {
			continue
		}
		c, reason := parseNetscapeLine(text, httpOnly)
		if reason != "" {
			bad.add(number, reason)
			continue
		}
		cookies = append(cookies, c)
	}
	return cookies, bad.list
}

func parseNetscapeLine(line string, httpOnly bool) (c Cookie, reason string) {
	f := strings.Split(line, "\t")
	if len(f) == 6 {
		f = append(f, "") // an editor has removed the TAB before an empty value; curl accepts this too
	}
	if len(f) != 7 {
		return c, fmt.Sprintf("%d fields, not 7", len(f))
	}
	subdomains, ok := parseFlag(f[1])
	if !ok {
		return c, "field 2 is neither TRUE nor FALSE"
	}
	if c.Secure, ok = parseFlag(f[3]); !ok {
		return c, "field 4 is neither TRUE nor FALSE"
	}
	if c.Expires, ok = parseNetscapeTime(f[4]); !ok {
		return c, "field 5 is not a time in seconds"
	}
	c.Domain, c.HostOnly, c.HTTPOnly = f[0], !subdomains, httpOnly
	c.Path, c.Name, c.Value = f[2], f[5], f[6]
	if c.Domain == "" { // this form cannot express a cookie for every host
		return c, "no domain"
	}
	return c, c.Settle()
}

// parseNetscapeTime reads the end of a cookie, or the zero time for a session
// cookie: there Python leaves the field empty, curl writes 0, and tools that
// export a browser's cookies write -1. Some of those tools write fractions.
func parseNetscapeTime(s string) (end time.Time, ok bool) {
	if s == "" {
		return end, true
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if math.IsNaN(seconds) || err != nil && !errors.Is(err, strconv.ErrRange) || strings.IndexFunc(s, notNumber) >= 0 {
		return end, false
	}
	if seconds <= 0 {
		return end, true
	}
	return time.Unix(int64(min(max(seconds, 1), lastSecond)), 0).UTC(), true
}

// notNumber is true for characters that only [strconv.ParseFloat] accepts.
func notNumber(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }

func parseFlag(s string) (value, ok bool) {
	value = equalFold(s, "TRUE")
	return value, value || equalFold(s, "FALSE")
}

// AppendNetscape writes cookies as a cookies.txt, which has no place for
// SameSite and the times of creation and access. It cannot hold cookies without
// a domain or with a TAB at all: these are left out, with an error for each.
func AppendNetscape(b []byte, cookies []Cookie) ([]byte, []error) {
	var left []error
	b = append(b, netscapeHeader...)
	for i := range cookies {
		c := &cookies[i]
		switch {
		case c.Domain == "":
			left = append(left, fmt.Errorf("cookie %.64q has no domain, and cookies.txt has no place for it", c.Name))
			continue
		case strings.Contains(c.Name+c.Value+c.Path, "\t"):
			left = append(left, fmt.Errorf("cookie %.64q has a TAB, which cookies.txt cannot hold", c.Name))
			continue
		}
		if c.HTTPOnly {
			b = append(b, netscapeHTTPOnly...)
		}
		if !c.HostOnly {
			b = append(b, '.')
		}
		seconds := int64(0)
		if !c.Expires.IsZero() {
			seconds = max(1, c.deadline().Unix()) // 0 would make it a session cookie
		}
		b = fmt.Appendf(b, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			c.Domain, flag(!c.HostOnly), c.Path, flag(c.Secure), seconds, c.Name, c.Value)
	}
	return b, left
}

func flag(v bool) string { return strings.ToUpper(strconv.FormatBool(v)) }

// deadline is when the store that c comes from drops it.
func (c *Cookie) deadline() time.Time {
	if c.end.IsZero() {
		return c.Expires
	}
	return c.end
}

package cookie

import (
	"bytes"
	"fmt"
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

const (
	netscapeHeader = "# Netscape HTTP Cookie File\n" + // by this line Python knows the format
		"# https://curl.se/docs/http-cookies.html\n\n"
	netscapeHTTPOnly = "#HttpOnly_" // curl's extension, before the domain
)

// ParseNetscape reads a cookies.txt: seven fields a line, parted by TABs, as curl
// and wget write it. Lines that are empty or begin with "#" are skipped. Any
// other line that is not a cookie is an error: curl once cut long lines, and
// what was left named another host (CVE-2016-8615).
func ParseNetscape(data []byte) ([]Cookie, *LineError) {
	var cookies []Cookie
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimRight(string(line), "\r\n")
		text, httpOnly := strings.CutPrefix(text, netscapeHTTPOnly)
		if !httpOnly && (strings.TrimSpace(text) == "" || text[0] == '#') {
			continue
		}
		c, reason := parseNetscapeLine(text, httpOnly)
		if reason != "" {
			return nil, &LineError{number, reason}
		}
		cookies = append(cookies, c)
	}
	return cookies, nil
}

func parseNetscapeLine(line string, httpOnly bool) (c Cookie, reason string) {
	f := strings.Split(line, "\t")
	if len(f) == 6 {
		f = append(f, "") // an editor has taken the TAB before an empty value; curl reads it so too
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
	seconds, err := strconv.ParseInt(f[4], 10, 64)
	if err != nil || seconds < 0 {
		return c, "field 5 is not a time in seconds"
	}
	if seconds > 0 {
		c.Expires = time.Unix(min(seconds, lastSecond), 0).UTC()
	}
	c.Domain, c.HostOnly, c.HTTPOnly = f[0], !subdomains, httpOnly
	c.Path, c.Name, c.Value = f[2], f[5], f[6]
	if c.Domain == "" { // this form has no cookies for any host
		return c, "no domain"
	}
	return c, c.Settle()
}

func parseFlag(s string) (value, ok bool) {
	value = equalFold(s, "TRUE")
	return value, value || equalFold(s, "FALSE")
}

// AppendNetscape writes cookies as a cookies.txt, which has no place for
// SameSite, the times of creation and access, nor for cookies without a domain.
func AppendNetscape(b []byte, cookies []Cookie) ([]byte, error) {
	b = append(b, netscapeHeader...)
	for i := range cookies {
		c := &cookies[i]
		switch {
		case c.Domain == "":
			return nil, fmt.Errorf("cookie %q has no domain, and cookies.txt has no place for it", c.Name)
		case strings.Contains(c.Name+c.Value+c.Path, "\t"):
			return nil, fmt.Errorf("cookie %q has a TAB, which cookies.txt cannot hold", c.Name)
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
	return b, nil
}

func flag(v bool) string { return strings.ToUpper(strconv.FormatBool(v)) }

// deadline is when the store that c comes from drops it.
func (c *Cookie) deadline() time.Time {
	if c.end.IsZero() {
		return c.Expires
	}
	return c.end
}

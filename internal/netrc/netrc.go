// Package netrc reads netrc files, in which users keep credentials for hosts.
//
// The grammar is that of Python's netrc module, which Requests uses:
//
//	file     = *( entry / macro / comment )
//	entry    = ( "machine" name / "default" ) *( keyword value / comment )
//	keyword  = "login" / "user" / "account" / "password"
//	macro    = "macdef" name, and all lines up to an empty one
//	comment  = "#" and all up to the end of the line
//
// Words are separated by spaces, tabs and line ends. A word in quotes may
// contain spaces, and a backslash makes the next character literal. A comment
// can stand only where a keyword can: in a value, "#" is an ordinary character.
//
// It differs from Python's module in this:
//
//   - A quote must be closed, and a backslash followed by something, on the same
//     line. Python would take the next lines, with the secrets of other hosts, for part
//     of the value.
//   - A comment may follow an empty line, and needs no space after "#", where
//     Python stumbles over its words or reads them as entries.
//   - An empty word in quotes where a keyword should be is an error. In Python the
//     file ends there.
//   - Host names are compared in any letter case.
//   - "machine default" is the host of that name, not the default entry.
//   - All entries of a host are kept, and are distinguished by login.
//   - A byte order mark at the beginning is ignored.
//   - Macros, which are for FTP, are ignored.
package netrc

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxBytes bounds a file. There is no limit for a line (a buffer of 4095 bytes
// for lines was CVE-2022-35260): tokens used as passwords may be long.
const maxBytes = 1 << 20

// ErrTooLarge reports a file of more than 1 MiB.
var ErrTooLarge = errors.New("netrc: file larger than 1 MiB")

// A SyntaxError reports text that the grammar does not allow. It does not quote
// the file: what is in the wrong place may be a password.
type SyntaxError struct {
	Line   int // counted from 1
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("netrc: line %d: %s", e.Line, e.Reason) }

// An Entry holds the credentials for one host, or for all hosts without an
// entry. What the file does not give is empty. No way of formatting an Entry
// shows the password.
type Entry struct {
	Login, Account, Password string
}

// Username returns the login, or the account of an entry that has no login, as
// Python's Requests does.
func (e Entry) Username() string {
	if e.Login != "" {
		return e.Login
	}
	return e.Account
}

// Format writes the user name.
func (e Entry) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "%q, password ***", e.Username()) }

// A File is the content of a netrc file. A nil File has no entries. It may be
// used by several goroutines at once.
type File struct {
	machines map[string][]*Entry // by host in lower case, in the order of the file
	defaults []*Entry
}

// Lookup returns the entry for host, a name or an address without brackets and
// port. It is an entry for exactly this host, or else the default entry. If
// login is not empty, the entry must be for this login; if there are several,
// the last one counts, as in Python. Entries are never combined: a missing
// password is empty, not that of another entry. If there are entries for host,
// the default entry is not used, even if none of them matches.
//
// Lookup returns false if there is no such entry or it is empty.
func (f *File) Lookup(host, login string) (Entry, bool) {
	if f == nil {
		return Entry{}, false
	}
	entries, ok := f.machines[lower(host)]
	if !ok {
		entries = f.defaults
	}
	for _, e := range slices.Backward(entries) {
		if login == "" || login == e.Username() {
			return *e, *e != Entry{}
		}
	}
	return Entry{}, false
}

// lower folds ASCII letters only. Other characters whose lower case is ASCII,
// such as the Kelvin sign, would name another host.
func lower(host string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, host)
}

// Format writes the number of entries.
func (f *File) Format(s fmt.State, _ rune) {
	if f == nil {
		io.WriteString(s, "no netrc file")
		return
	}
	n := len(f.defaults)
	for _, entries := range f.machines {
		n += len(entries)
	}
	fmt.Fprintf(s, "netrc file of %d entries", n)
}

// Parse reads a netrc file to its end. It fails with a [*SyntaxError], with
// [ErrTooLarge] or with the error of r, and then returns no part of the file.
func Parse(r io.Reader) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, ErrTooLarge
	}
	text := lineEnds.Replace(strings.TrimPrefix(string(data), "\ufeff"))
	p := parser{text: text, rest: text}
	return p.parse()
}

// lineEnds makes all line ends one, as Python does in text files.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

package netrc

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-requests/requests/internal/growth"
	"github.com/go-requests/requests/internal/suite"
)

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return f
}

// show writes all entries, hosts in the order of names and the defaults last.
func show(f *File) []string {
	var texts []string
	write := func(host string, entries []*Entry) {
		for _, e := range entries {
			texts = append(texts, fmt.Sprintf("%s %q %q %q", host, e.Login, e.Account, e.Password))
		}
	}
	for _, host := range slices.Sorted(maps.Keys(f.machines)) {
		write(host, f.machines[host])
	}
	write("*", f.defaults)
	return texts
}

// The texts that CPython's own tests parse, with what CPython 3.13 makes of them.
func TestParseCPython(t *testing.T) {
	var cases []struct {
		Test, Text, Error string
		Hosts             map[string][3]string // login, account, password
	}
	suite.Read(t, "external/netrc/netrc-cpython.json", &cases)
	if len(cases) < 62 {
		t.Fatalf("%d cases; want 62 at least", len(cases))
	}
	for _, tt := range cases {
		t.Run(tt.Test, func(t *testing.T) {
			if strings.Contains(tt.Error, "too permissive") {
				// About the mode of the file, which Requests does not look at (A32). The text is sound.
				tt.Error, tt.Hosts = "", map[string][3]string{"foo.domain.com": {"bar", "", "pass"}, "default": {"foo", "", "pass"}}
			}
			f, err := Parse(strings.NewReader(tt.Text))
			if tt.Error != "" {
				if syntax, ok := errors.AsType[*SyntaxError](err); !ok || f != nil {
					t.Errorf("Parse(%q) = %v, %v; want a syntax error (%s)", tt.Text, f, err, tt.Error)
				} else if want := fmt.Sprintf("line %d)", syntax.Line); !strings.Contains(tt.Test, "macro") && !strings.HasSuffix(tt.Error, want) {
					t.Errorf("Parse(%q): error in line %d; want it where CPython has it: %s", tt.Text, syntax.Line, tt.Error)
				}
				return
			}
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.Text, err)
			}
			var want []string
			for _, host := range slices.Sorted(maps.Keys(tt.Hosts)) {
				if entry := tt.Hosts[host]; host != "default" {
					want = append(want, fmt.Sprintf("%s %q %q %q", host, entry[0], entry[1], entry[2]))
				}
			}
			if entry, ok := tt.Hosts["default"]; ok {
				want = append(want, fmt.Sprintf("* %q %q %q", entry[0], entry[1], entry[2]))
			}
			if got := show(f); !slices.Equal(got, want) {
				t.Errorf("Parse(%q) = %q; want %q", tt.Text, got, want)
			}
		})
	}
}

// What CPython's tests leave open, and where we differ from it. The rows seed the
// fuzz target too.
var parseTests = []struct {
	name string
	text string
	want []string // as show writes them
	line int      // of the error; 0 for none
}{
	{name: "empty"},
	{name: "nothing but space", text: " \t\r\n\n"},
	{name: "no line end at the end (B156)", text: "machine a login b password c", want: []string{`a "b" "" "c"`}},
	{name: "over several lines", text: "machine a\n\tlogin b\n\n\tpassword c\n", want: []string{`a "b" "" "c"`}},
	{name: "CRLF", text: "machine a\r\n  login b\r\n  password c\r\n", want: []string{`a "b" "" "c"`}},
	{name: "CR", text: "machine a\rlogin b\rpassword c\r", want: []string{`a "b" "" "c"`}},
	{name: "user", text: "machine a user b", want: []string{`a "b" "" ""`}},
	{name: "keyword given twice", text: "machine a login b login c", want: []string{`a "c" "" ""`}},
	{name: "keyword as a value", text: "machine a login machine password default", want: []string{`a "machine" "" "default"`}},
	{name: "default only (B156)", text: "default login a password b", want: []string{`* "a" "" "b"`}},
	{name: "default in front", text: "default login a machine b login c", want: []string{`b "c" "" ""`, `* "a" "" ""`}},
	{name: "quotes (B156)", text: `machine a login "b c" password "\"d\\ #\e"`, want: []string{`a "b c" "" "\"d\\ #e"`}},
	{name: "escapes without quotes", text: `machine a login DOMAIN\\b password \ c\#`, want: []string{`a "DOMAIN\\b" "" " c#"`}},
	{name: "quote inside a word", text: `machine a password b"c"`, want: []string{`a "" "" "b\"c\""`}},
	{name: "other bytes", text: "machine a login \xe9\x00 password é\u00a0", want: []string{`a "\xe9\x00" "" "é\u00a0"`}},
	{name: "macro (B156)", text: "macdef m\nmachine x login y\n \n\nmachine a login b", want: []string{`a "b" "" ""`}},
	{name: "macro without lines", text: "macdef m\n\nmachine a login b", want: []string{`a "b" "" ""`}},
	{name: "macro with CRLF", text: "macdef m\r\ncd /\r\n\r\nmachine a login b", want: []string{`a "b" "" ""`}},
	{name: "macro with its name on another line", text: "macdef\n\nm\ncd /\n\nmachine a login b", want: []string{`a "b" "" ""`}},
	{name: "macro ends an entry", text: "machine a login b\nmacdef m\n\npassword c", line: 4},
	{name: "macro without a name", text: "machine a\nmacdef", line: 2},
	{name: "address", text: "machine ::1 login b", want: []string{`::1 "b" "" ""`}},

	// Not as CPython.
	{name: "host in capitals", text: "machine A.Test login b", want: []string{`a.test "b" "" ""`}},
	{name: "host twice", text: "machine a login b\nmachine A login c", want: []string{`a "b" "" ""`, `a "c" "" ""`}},
	{name: "host called default", text: "machine default login b", want: []string{`default "b" "" ""`}},
	{name: "byte order mark", text: "\ufeffmachine a login b", want: []string{`a "b" "" ""`}},
	{name: "comment at the beginning", text: "#machine x login y\nmachine a login b", want: []string{`a "b" "" ""`}},
	{name: "comment behind an empty line", text: "machine a login b\n\n# machine x login y\n", want: []string{`a "b" "" ""`}},
	{name: "comment between keywords", text: "machine a # x\nlogin b # y\n\n #z\npassword c", want: []string{`a "b" "" "c"`}},
	{name: "comment at the end of the file", text: "machine a #", want: []string{`a "" "" ""`}},
	{name: "quote left open", text: "machine a login b\n  password \"c\nmachine x password \"y\"", line: 2},
	{name: "quote left open at the end", text: "machine a password \"c", line: 1},
	{name: "backslash at the end of a line", text: "machine a password b\\\nmachine x password y", line: 1},
	{name: "backslash at the end of a quoted line", text: "\nmachine a password \"b\\\n\"", line: 2},
	{name: "backslash at the end", text: `machine a password b\`, line: 1},
	{name: "empty word for a keyword", text: `machine a "" password b`, line: 1},

	{name: "machine without a name", text: "machine a\nmachine", line: 2},
	{name: "machine with an empty name", text: `machine "" login a`, line: 1},
	{name: "keyword outside of entries", text: "login a", line: 1},
	{name: "password of two words", text: "machine a\n\nlogin b\npassword c d\n\n", line: 4},
	{name: "junk behind entries", text: "machine 127.0.0.1 login a password b\nnonsense here\n", line: 2},
	{name: "binary (B156)", text: "\x7fELF\x02\x01\x01\x00\x00", line: 1},
}

func TestParse(t *testing.T) {
	for _, tt := range parseTests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(strings.NewReader(tt.text))
			if tt.line != 0 {
				if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Line != tt.line || f != nil {
					t.Errorf("Parse(%q) = %v, %v; want an error in line %d", tt.text, f, err, tt.line)
				}
				return
			}
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.text, err)
			}
			if got := show(f); !slices.Equal(got, tt.want) {
				t.Errorf("Parse(%q) = %q; want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestParseError(t *testing.T) {
	want := "netrc: line 2: a word that is no keyword here"
	if _, err := Parse(strings.NewReader("machine a login b\npassword hush secret")); err == nil || err.Error() != want {
		t.Errorf("error is %v; want %s", err, want)
	}
	broken := errors.New("disk")
	if f, err := Parse(iotest.ErrReader(broken)); !errors.Is(err, broken) || f != nil {
		t.Errorf("Parse of a broken reader = %v, %v; want its error", f, err)
	}
}

// A243 and B156: a line of any length is read, a file of more than 1 MiB is not.
func TestParseSize(t *testing.T) {
	for _, n := range []int{4093, 4094, 4095, 4096, 4097, 65536} {
		password := strings.Repeat("x", n)
		if e, ok := parse(t, "machine a login b password "+password).Lookup("a", ""); !ok || e.Password != password {
			t.Errorf("of a password of %d bytes %d came back", n, len(e.Password))
		}
	}
	line := "machine a login b\n"
	full := line + strings.Repeat("#", maxBytes-len(line))
	if got := show(parse(t, full)); !slices.Equal(got, []string{`a "b" "" ""`}) {
		t.Errorf("Parse of 1 MiB = %q", got)
	}
	if f, err := Parse(strings.NewReader(full + "#")); !errors.Is(err, ErrTooLarge) || f != nil {
		t.Errorf("Parse of 1 MiB and a byte = %v, %v; want ErrTooLarge", f, err)
	}
	r := &counter{}
	if _, err := Parse(r); !errors.Is(err, ErrTooLarge) || r.n > 2*maxBytes {
		t.Errorf("Parse of an endless file read %d bytes and gave %v; want ErrTooLarge soon", r.n, err)
	}
}

// A counter is an endless file.
type counter struct{ n int }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '#'
	}
	c.n += len(p)
	return len(p), nil
}

func TestParseLinear(t *testing.T) {
	for _, unit := range []string{
		"machine a ", "default ", "macdef m\n\n", "macdef m\n", "#\n", "# ", "\\a", "\"\" ", "\n", "\r", `machine "a" `, "machine a login \\\" ", "m",
	} {
		for _, start := range []string{"", "machine a login b password ", "macdef m\n", "macdef m\n\n", `machine a password "`} {
			growth.Linear(t, start, unit, func(text string) int {
				p := parser{text: text, rest: text}
				_, _ = p.parse()
				return p.looked
			})
			growth.Linear(t, start, unit, func(text string) int {
				_, _ = Parse(strings.NewReader(text))
				return 0
			})
		}
	}
}

func TestLookup(t *testing.T) {
	const two = "machine a.test login ann password 1\nmachine a.test login bob password 2\n"
	for _, tt := range []struct {
		name        string
		text        string
		host, login string
		want        Entry
		username    string
		ok          bool
	}{
		{name: "host", text: "machine x.test login x\nmachine a.test login ann password 1", host: "a.test",
			want: Entry{Login: "ann", Password: "1"}, username: "ann", ok: true},
		{name: "A30 host in capitals", text: two, host: "A.TEST", want: Entry{Login: "bob", Password: "2"}, username: "bob", ok: true},
		{name: "A30 subdomain", text: two, host: "x.a.test"},
		{name: "A30 parent domain", text: two, host: "test"},
		{name: "A30 trailing dot", text: two, host: "a.test."},
		{name: "A30 default", text: two + "default login eve password 3", host: "b.test",
			want: Entry{Login: "eve", Password: "3"}, username: "eve", ok: true},
		{name: "A30 host before default", text: "default login eve password 3\n" + two, host: "a.test",
			want: Entry{Login: "bob", Password: "2"}, username: "bob", ok: true},
		{name: "A240 the host behind the trick", text: "machine example.com login ann password 1", host: "evil.com"},
		{name: "A240 the whole authority", text: "machine example.com login ann password 1", host: "example.com:@evil.com"},
		{name: "last default", text: "default login a\ndefault login b", host: "a.test", want: Entry{Login: "b"}, username: "b", ok: true},
		{name: "Kelvin sign in the file", text: "machine \u212a.test login ann", host: "k.test"},
		{name: "Kelvin sign in the host", text: "machine k.test login ann", host: "\u212a.test"},
		{name: "no host", text: two, host: ""},

		{name: "A31 login only", text: "machine a.test login ann", host: "a.test", want: Entry{Login: "ann"}, username: "ann", ok: true},
		{name: "A31 password only", text: "machine a.test password 1", host: "a.test", want: Entry{Password: "1"}, ok: true},
		{name: "A31 account for a login", text: "machine a.test account acc password 1", host: "a.test",
			want: Entry{Account: "acc", Password: "1"}, username: "acc", ok: true},
		{name: "A31 account beside a login", text: "machine a.test account acc login ann", host: "a.test",
			want: Entry{Login: "ann", Account: "acc"}, username: "ann", ok: true},
		{name: "A241 empty entry", text: "machine a.test", host: "a.test"},
		{name: "A241 empty entry keeps the default out", text: "machine a.test\ndefault login eve password 3", host: "a.test"},
		{name: "A023 empty default", text: "machine b.test login ann password 1\ndefault", host: "a.test"},
		{name: "A022 no password, one before", text: "machine b.test login bob password 2\nmachine a.test login ann", host: "a.test",
			want: Entry{Login: "ann"}, username: "ann", ok: true},
		{name: "A022 no password, one behind", text: "machine a.test login ann\nmachine b.test login bob password 2", host: "a.test",
			want: Entry{Login: "ann"}, username: "ann", ok: true},
		{name: "A022 no password, one in the default", text: "machine a.test login ann\ndefault login ann password 3", host: "a.test",
			want: Entry{Login: "ann"}, username: "ann", ok: true},
		{name: "A022 no password, one for the same host", text: "machine a.test login ann password 1\nmachine a.test login ann", host: "a.test",
			want: Entry{Login: "ann"}, username: "ann", ok: true},

		{name: "A242 login", text: two, host: "a.test", login: "ann", want: Entry{Login: "ann", Password: "1"}, username: "ann", ok: true},
		{name: "A242 other login", text: two, host: "a.test", login: "eve"},
		{name: "A242 login in capitals", text: two, host: "a.test", login: "ANN"},
		{name: "A242 default has the login, but the host its own", text: two + "default login eve password 3", host: "a.test", login: "eve"},
		{name: "A242 login of the default", text: "default login eve password 3", host: "a.test", login: "eve",
			want: Entry{Login: "eve", Password: "3"}, username: "eve", ok: true},
		{name: "A242 not the login of the default", text: "default login eve password 3", host: "a.test", login: "ann"},
		{name: "A242 entry without login", text: "machine a.test password 1", host: "a.test", login: "ann"},
		{name: "A242 account", text: "machine a.test account acc password 1", host: "a.test", login: "acc",
			want: Entry{Account: "acc", Password: "1"}, username: "acc", ok: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parse(t, tt.text).Lookup(tt.host, tt.login)
			want := tt.want
			if ok != tt.ok || got.Login != want.Login || got.Account != want.Account || got.Password != want.Password {
				t.Errorf("Lookup(%q, %q) = %q %q %q, %t; want %q %q %q, %t", tt.host, tt.login,
					got.Login, got.Account, got.Password, ok, want.Login, want.Account, want.Password, tt.ok)
			}
			if got.Username() != tt.username {
				t.Errorf("Username() = %q; want %q", got.Username(), tt.username)
			}
		})
	}
	var none *File
	if e, ok := none.Lookup("a.test", ""); ok {
		t.Errorf("Lookup in a nil file = %v", e)
	}
}

// A252: no formatting verb shows a password.
func TestSecretsHidden(t *testing.T) {
	f := parse(t, "machine a login ann password pa55word\ndefault login eve password pa55word")
	e, _ := f.Lookup("a", "")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{f, e, &e, struct{ Entry any }{e}, (*File)(nil)} {
			got := fmt.Sprintf(verb, v)
			if strings.Contains(got, "pa55word") || strings.Contains(got, fmt.Sprintf("%x", "pa55word")) {
				t.Errorf("Sprintf(%q, %T) = %s", verb, v, got)
			}
		}
	}
	if got, want := fmt.Sprint(f, " ", e), `netrc file of 2 entries "ann", password ***`; got != want {
		t.Errorf("Sprint = %s; want %s", got, want)
	}
}

// FuzzParse writes what it has read in the plainest form, and reads that again.
func FuzzParse(f *testing.F) {
	for _, tt := range parseTests {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse(strings.NewReader(text))
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok && !errors.Is(err, ErrTooLarge) || file != nil {
				t.Fatalf("Parse(%q) = %v, %v", text, file, err)
			}
			return
		}
		var b strings.Builder
		for host, entries := range file.machines {
			if e, ok := file.Lookup(host, ""); ok != (*entries[len(entries)-1] != Entry{}) || e != *entries[len(entries)-1] {
				t.Fatalf("Lookup(%q) in %q = %+v, %t", host, text, e, ok)
			}
			for _, e := range entries {
				fmt.Fprintf(&b, "machine %s ", quote(host))
				write(&b, e)
			}
		}
		for _, e := range file.defaults {
			b.WriteString("default ")
			write(&b, e)
		}
		if b.Len() > maxBytes { // escapes take room
			return
		}
		again, err := Parse(strings.NewReader(b.String()))
		if err != nil {
			t.Fatalf("Parse(%q), written as %q: %v", text, b.String(), err)
		}
		if got, want := show(again), show(file); !slices.Equal(got, want) {
			t.Fatalf("Parse(%q) = %q; written again it is %q", text, want, got)
		}
	})
}

func write(w io.Writer, e *Entry) {
	fmt.Fprintf(w, "login %s account %s password %s\n", quote(e.Login), quote(e.Account), quote(e.Password))
}

func quote(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

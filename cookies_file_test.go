package requests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// A jar with one of each kind that a file must tell apart.
func cookieJarForFiles(t *testing.T) (*CookieJar, *cookieClock) {
	t.Helper()
	j, clock := newTestJar()
	j.store(cookieURL("https://www.example.com/a/b"), []string{
		"host=1; Max-Age=3600",
		"domain=2; Domain=example.com; Path=/; Expires=Wed, 01 Jan 2098 00:00:00 GMT",
		"__Host-all=3; Secure; HttpOnly; SameSite=Strict; Path=/; Max-Age=60",
		`quoted="x, y"; SameSite=None; Secure; Max-Age=60`,
		"bytes=\xe9; Max-Age=60",
		"nameless; Max-Age=60",
		"session=4",
	})
	clock.advance(time.Second)
	if err := j.Set("everywhere", "5"); err != nil {
		t.Fatal(err)
	}
	return j, clock
}

// A105: no attribute is lost on the way to a file and back.
func TestSaveAndLoadJSON(t *testing.T) {
	j, clock := cookieJarForFiles(t)
	var file bytes.Buffer
	if err := j.Save(&file, CookiesJSON, SessionCookies(true)); err != nil {
		t.Fatal(err)
	}
	clock.advance(time.Second)
	again := &CookieJar{now: clock.now}
	if err := again.Load(&file); err != nil {
		t.Fatal(err)
	}
	want := slices.Collect(j.All())
	for _, c := range want {
		if c.Name == "domain" { // what is written is when the jar drops it
			c.Expires = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 400)
		}
	}
	if got := slices.Collect(again.All()); !reflect.DeepEqual(got, want) {
		t.Errorf("loaded %v; want %v", got, want)
	}
	for _, u := range []string{"https://www.example.com/a/b", "https://sub.www.example.com/", "http://example.com/", "http://other.test/"} {
		if got, want := again.header(cookieURL(u), true), j.header(cookieURL(u), true); got != want {
			t.Errorf("header(%s) after Load = %q; want %q", u, got, want)
		}
	}
}

func TestSaveAndLoadText(t *testing.T) {
	j, clock := cookieJarForFiles(t)
	var file bytes.Buffer
	if err := j.Save(&file, SessionCookies(true)); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), `"everywhere" has no domain`) {
		t.Errorf("Save of a cookie without a domain: %v; want ErrInvalidOption that names it", err)
	}
	j.Delete("everywhere")
	again := &CookieJar{now: clock.now}
	if err := again.Load(&file); err != nil {
		t.Fatal(err)
	}
	want := slices.Collect(j.All())
	got := slices.Collect(again.All())
	for _, c := range slices.Concat(got, want) { // what the format has no place for, and the end in the file
		c.SameSite, c.Created, c.LastAccess = 0, time.Time{}, time.Time{}
		if c.Name == "domain" {
			c.Expires = time.Time{}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("loaded %v; want %v", got, want)
	}
}

// Cookies of the session are written only if asked for, expired ones never.
func TestSaveLeavesOut(t *testing.T) {
	for _, format := range []CookieFormat{CookiesTXT, CookiesJSON} {
		j, clock := cookieJarForFiles(t)
		clock.advance(2 * time.Minute)
		var file bytes.Buffer
		if err := j.Save(&file, format); err != nil {
			t.Fatal(err)
		}
		again := &CookieJar{now: clock.now}
		if err := again.Load(&file); err != nil {
			t.Fatal(err)
		}
		if got, want := again.Map(), (map[string]string{"host": "1", "domain": "2"}); !reflect.DeepEqual(got, want) {
			t.Errorf("format %d: loaded %v; want %v", format, got, want)
		}
	}
	if err := new(CookieJar).Save(io.Discard, CookieFormat(9)); !errors.Is(err, ErrInvalidOption) {
		t.Errorf("unknown format: %v; want ErrInvalidOption", err)
	}
}

// A cookie that cookies.txt cannot hold keeps no other out of the file, and is in
// the JSON.
func TestSaveWithATab(t *testing.T) {
	j, clock := newTestJar()
	j.store(cookieURL("https://a.test/"), []string{"n=1; Max-Age=60", "tab=a\tb; Max-Age=60", "m=2; Max-Age=60"})
	want := map[CookieFormat]map[string]string{
		CookiesTXT:  {"n": "1", "m": "2"},
		CookiesJSON: {"n": "1", "m": "2", "tab": "a\tb"},
	}
	for format, cookies := range want {
		path := filepath.Join(t.TempDir(), "cookies")
		var file bytes.Buffer
		for _, err := range []error{j.Save(&file, format), j.SaveFile(path, format)} {
			if format == CookiesTXT {
				require.ErrorIs(t, err, ErrInvalidOption)
				require.ErrorContains(t, err, `cookie "tab" has a TAB`)
			} else {
				require.NoError(t, err)
			}
		}
		again, fromFile := &CookieJar{now: clock.now}, &CookieJar{now: clock.now}
		require.NoError(t, again.Load(&file))
		require.NoError(t, fromFile.LoadFile(path))
		require.Equal(t, cookies, again.Map())
		require.Equal(t, cookies, fromFile.Map())
	}
}

// What others write: http.cookiejar.MozillaCookieJar of Python, with
// ignore_discard, and extensions of browsers.
func TestLoadFromOthers(t *testing.T) {
	const python = "# Netscape HTTP Cookie File\n# http://curl.haxx.se/rfc/cookie_spec.html\n# This is a generated file!  Do not edit.\n\n" +
		"127.0.0.1\tFALSE\t/\tFALSE\t\tsid\tabc\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tkeep\t1\n127.0.0.1\tFALSE\t/\tFALSE\t\t\tnameless\n"
	for name, in := range map[string]string{
		"Python":               python,
		"with a BOM":           "\ufeff" + python,
		"with CRLF":            strings.ReplaceAll(python, "\n", "\r\n"),
		"with a BOM, no magic": "\ufeff" + python[strings.Index(python, "127"):],
		"browser":              strings.NewReplacer("4102444800", "4102444800.123", "\t\tsid", "\t-1\tsid").Replace(python),
	} {
		t.Run(name, func(t *testing.T) {
			var j CookieJar
			require.NoError(t, j.Load(strings.NewReader(in)))
			require.Equal(t, map[string]string{"sid": "abc", "keep": "1", "": "nameless"}, j.Map())
			sid, err := j.Get("sid")
			require.NoError(t, err)
			require.Zero(t, sid.Expires)
			keep, err := j.Get("keep")
			require.NoError(t, err)
			require.EqualValues(t, int64(4102444800), keep.Expires.Unix())
		})
	}
	t.Run("JSON with a BOM", func(t *testing.T) {
		var file bytes.Buffer
		j, clock := newTestJar()
		j.store(cookieURL("https://a.test/"), []string{"n=1; Max-Age=60"})
		require.NoError(t, j.Save(&file, CookiesJSON))
		again := &CookieJar{now: clock.now}
		require.NoError(t, again.Load(io.MultiReader(strings.NewReader("\ufeff"), &file)))
		require.Equal(t, 1, again.Len())
	})
}

// Load adds to what is there, and takes no cookie that has expired.
func TestLoadMerges(t *testing.T) {
	j, _ := newTestJar()
	j.store(cookieURL("http://a.test/"), []string{"n=old", "other=1"})
	err := j.Load(strings.NewReader("a.test\tFALSE\t/\tFALSE\t0\tn\tnew\na.test\tFALSE\t/\tFALSE\t1\texpired\t1\n"))
	if got, want := j.header(cookieURL("http://a.test/"), false), "n=new; other=1"; err != nil || got != want {
		t.Errorf("after Load, %v, header = %q; want %q", err, got, want)
	}
}

// A103, A106: what is faulty in a file is not loaded, and the error says where the
// fault is but not what.
func TestLoadIsStrict(t *testing.T) {
	const good = "a.test\tFALSE\t/\tFALSE\t0\tn\tv\n"
	for _, tt := range []struct {
		name, in string
		loaded   int
		want     string
	}{
		{"cut line", good + "a.test\tFALSE\t/\tFALSE\ts3cret\n", 1, "cookie file, line 2: 5 fields, not 7"},
		{"several lines", "s3cret\n" + good + "\ns3cret\n", 1, "cookie file, line 1: 1 fields, not 7; cookie file, line 4: 1 fields, not 7"},
		{"JSON", "\n{\"version\": 1, \"cookies\": [\n{\"name\": \"n\", \"value\": s3cret", 0, "cookie file, line 3: not a cookie"},
		{"pickle", "\x80\x04\x95s3cret\n", 0, "cookie file, line 1: 1 fields, not 7"},
		{"too large", strings.Repeat("#", 16<<20+1), 0, "cookie file: larger than 16777216 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j CookieJar
			err := j.Load(strings.NewReader(tt.in))
			var bad *CookieFileError
			if !errors.As(err, &bad) || err.Error() != tt.want || j.Len() != tt.loaded {
				t.Errorf("Load = %v with %d cookies; want %q with %d", err, j.Len(), tt.want, tt.loaded)
			}
			path := filepath.Join(t.TempDir(), "cookies.txt")
			if err := os.WriteFile(path, []byte(tt.in), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := j.LoadFile(path); !errors.As(err, &bad) || bad.Path != path || !strings.Contains(err.Error(), path) {
				t.Errorf("LoadFile = %v; want the path in it", err)
			}
		})
	}
	var j CookieJar
	if err := j.LoadFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadFile of no file = %v; want fs.ErrNotExist", err)
	}
	broken := errors.New("broken")
	if err := j.Load(io.MultiReader(strings.NewReader("a.test\tFALSE\t/\tFALSE\t0\tn\tv\n"), iotest.ErrReader(broken))); !errors.Is(err, broken) || j.Len() != 0 {
		t.Errorf("Load from a broken reader = %v with %d cookies", err, j.Len())
	}
}

// A107: the file is for its owner alone, whatever was there before, is replaced in
// one step, and nothing is left behind.
func TestSaveFile(t *testing.T) {
	j, _ := cookieJarForFiles(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "cookies.json")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := j.SaveFile(path, CookiesJSON); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("Stat = %v, %v; want mode 0600", info.Mode(), err)
	}
	if old, err := io.ReadAll(before); err != nil || string(old) != "old" {
		t.Errorf("who had the old file open reads %q, %v; want it whole", old, err)
	}
	var again CookieJar
	if err := again.LoadFile(path); err != nil {
		t.Errorf("LoadFile: %v", err)
	}

	if err := j.SaveFile(path, CookieFormat(9)); !errors.Is(err, ErrInvalidOption) {
		t.Errorf("SaveFile in no format = %v; want ErrInvalidOption", err)
	} else if err := new(CookieJar).LoadFile(path); err != nil {
		t.Errorf("then LoadFile = %v; want the old file", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "folder", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.SaveFile(filepath.Join(dir, "folder")); err == nil {
		t.Error("SaveFile over a folder succeeds")
	}
	if err := j.SaveFile(filepath.Join(dir, "none", "cookies.txt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SaveFile into no folder = %v; want fs.ErrNotExist", err)
	}
	var names []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"cookies.json", "folder"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("left in the folder: %q, %v; want %q", names, err, want)
	}
	broken := errors.New("broken")
	if err := j.Save(cookieWriter(func([]byte) (int, error) { return 0, broken })); !errors.Is(err, broken) {
		t.Errorf("Save to a broken writer = %v", err)
	}
}

type cookieWriter func([]byte) (int, error)

func (f cookieWriter) Write(b []byte) (int, error) { return f(b) }

// A curlServer sets cookies at /set and notes what it is sent.
type curlServer struct {
	*httptest.Server
	port string
	sent chan []string
}

func newCurlServer(t *testing.T, set []string) *curlServer {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed; the exchange of cookie files with it is not tested")
	}
	s := &curlServer{sent: make(chan []string, 1)}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/set/" {
			w.Header()["Set-Cookie"] = set
		}
		s.sent <- r.Header["Cookie"]
	}))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.port = port
	return s
}

// curl requests a path of a host that is not what its name says, and returns the
// cookies that the server was sent, sorted, since curl has an order of its own.
func (s *curlServer) curl(t *testing.T, host, path string, args ...string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	args = append([]string{"-q", "-sSk", "--noproxy", "*", "--resolve", host + ":" + s.port + ":127.0.0.1"}, args...)
	out, err := exec.CommandContext(ctx, "curl", append(args, fmt.Sprintf("https://%s:%s%s", host, s.port, path))...).CombinedOutput()
	if err != nil {
		t.Fatalf("curl %q: %v\n%s", args, err, out)
	}
	return sortedCookies(strings.Join(<-s.sent, "; "))
}

func sortedCookies(header string) []string {
	return slices.Sorted(slices.Values(strings.Split(header, "; ")))
}

var curlCookies = []string{
	"host=1; Max-Age=3600",
	"domain=2; Domain=example.com; Path=/; Max-Age=3600",
	"secure=3; Secure; HttpOnly; Path=/; Max-Age=3600",
	"__Host-h=4; Secure; Path=/; HttpOnly",
	`quoted="x, y"; Path=/; Max-Age=3600`,
	"empty=; Path=/; Max-Age=3600",
	"equals=a=b=; Path=/; Max-Age=3600",
	"bytes=caf\xc3\xa9; Path=/; Max-Age=3600",
	"session=5; Path=/; Domain=www.example.com",
}

var curlVisits = []struct{ host, path string }{
	{"www.example.com", "/set/x"}, {"www.example.com", "/"}, {"example.com", "/"}, {"sub.www.example.com", "/"}, {"www.example.org", "/"},
}

// What curl -c writes is what we load and send.
func TestLoadFromCurl(t *testing.T) {
	s := newCurlServer(t, curlCookies)
	path := filepath.Join(t.TempDir(), "cookies.txt")
	s.curl(t, "www.example.com", "/set/", "-c", path)
	var j CookieJar
	if err := j.LoadFile(path); err != nil {
		t.Fatal(err)
	}
	if got := j.Len(); got != len(curlCookies) {
		t.Errorf("%d cookies loaded; want %d", got, len(curlCookies))
	}
	for _, v := range curlVisits {
		want := s.curl(t, v.host, v.path, "-b", path)
		u := cookieURL("https://" + v.host + v.path)
		if got := sortedCookies(j.header(u, true)); !slices.Equal(got, want) {
			t.Errorf("header(%v) = %q; curl sends %q", u, got, want)
		}
	}
	if c, err := j.Get("secure"); err != nil || !c.Secure || !c.HttpOnly || !c.HostOnly || time.Until(c.Expires).Round(time.Hour) != time.Hour {
		t.Errorf("Get(secure) = %v, %v", c, err)
	}
	if c, err := j.Get("session"); err != nil || c.Secure || c.HttpOnly || c.HostOnly || !c.Expires.IsZero() {
		t.Errorf("Get(session) = %v, %v", c, err)
	}
}

// What we save is what curl -b sends.
func TestSaveForCurl(t *testing.T) {
	s := newCurlServer(t, nil)
	var j CookieJar
	j.store(cookieURL("https://www.example.com/set/"), curlCookies)
	if err := j.Set("ours", "6", CookieDomain("www.example.com"), CookieHostOnly(true), CookiePath("/set"), CookieExpires(time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	for _, sessions := range []bool{true, false} {
		if !sessions {
			j.ClearSession()
		}
		path := filepath.Join(t.TempDir(), "cookies.txt")
		if err := j.SaveFile(path, SessionCookies(sessions)); err != nil {
			t.Fatal(err)
		}
		for _, v := range curlVisits {
			u := cookieURL("https://" + v.host + v.path)
			want := sortedCookies(j.header(u, true))
			if got := s.curl(t, v.host, v.path, "-b", path); !slices.Equal(got, want) {
				t.Errorf("with session cookies %v, curl sends to %v %q; want %q", sessions, u, got, want)
			}
		}
	}
}

package requests_test

import (
	"cmp"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-requests/requests"
)

// A jar serves any client of net/http, too.
func ExampleCookieJar() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("visits"); err == nil {
			fmt.Println("server was sent", c)
		}
		w.Header().Set("Set-Cookie", "visits=1; HttpOnly; SameSite=Lax")
	}))
	defer server.Close()

	var jar requests.CookieJar
	client := &http.Client{Jar: &jar}
	for range 2 {
		r, err := client.Get(server.URL)
		if err != nil {
			log.Fatal(err)
		}
		r.Body.Close()
	}
	for c := range jar.All() {
		fmt.Println(c.Domain, c.HostOnly, c.Name, c.Value)
		fmt.Println(c) // a secret stays one
	}
	// Output:
	// server was sent visits=1
	// 127.0.0.1 true visits 1
	// visits=***; Path=/; HttpOnly; SameSite=Lax
}

func ExampleCookieJar_Set() {
	var jar requests.CookieJar
	err := jar.Set("theme", "dark",
		requests.CookieDomain("example.com"), // and its subdomains
		requests.CookiePath("/app"),
		requests.CookieSecure(true))
	if err != nil {
		log.Fatal(err)
	}
	for c := range jar.All() {
		fmt.Println(c)
	}
	fmt.Println(jar.Set("theme", "dark; Domain=example.org"))
	// Output:
	// theme=***; Domain=example.com; Path=/app; Secure
	// invalid option: cookie "theme": the value has a control character, ";" or a byte outside ASCII
}

func ExampleCookieJar_Get() {
	var jar requests.CookieJar
	_ = jar.Set("lang", "de", requests.CookieDomain("example.de"))
	_ = jar.Set("lang", "fr", requests.CookieDomain("example.fr"))

	_, err := jar.Get("lang")
	fmt.Println(errors.Is(err, requests.ErrCookieConflict))

	c, err := jar.Get("lang", requests.CookieDomain("example.fr"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Value)

	_, err = jar.Get("theme")
	fmt.Println(errors.Is(err, http.ErrNoCookie))
	// Output:
	// true
	// fr
	// true
}

func ExampleCookieJar_Clear() {
	var jar requests.CookieJar
	_ = jar.Set("a", "1", requests.CookieDomain("example.com"))
	_ = jar.Set("b", "2", requests.CookieDomain("example.com"))
	_ = jar.Set("c", "3", requests.CookieDomain("example.org"))

	fmt.Println(jar.Len())
	fmt.Println(jar.Clear(requests.CookieDomain("example.com")), "removed")
	fmt.Println(jar.Map())
	// Output:
	// 3
	// 2 removed
	// map[c:3]
}

// Between two runs of a program, cookies may wait in a file that curl reads, too.
func ExampleCookieJar_SaveFile() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "cookies.txt")

	var jar requests.CookieJar
	_ = jar.Set("sid", "d2f1c6", requests.CookieDomain("example.com"))
	if err := jar.SaveFile(path, requests.SessionCookies(true)); err != nil {
		log.Fatal(err)
	}

	var next requests.CookieJar
	if err := next.LoadFile(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Fatal(err)
	}
	fmt.Println(next.Map())
	// Output: map[sid:d2f1c6]
}

// A line that cannot be read is told, and keeps no other out.
func ExampleCookieJar_Load() {
	var jar requests.CookieJar
	err := jar.Load(strings.NewReader("# Netscape HTTP Cookie File\n" +
		".example.com\tTRUE\t/\tTRUE\t0\tsid\td2f1c6\n" +
		"example.com TRUE / TRUE 0 sid d2f1c6\n"))
	var bad *requests.CookieFileError
	if errors.As(err, &bad) {
		fmt.Println(bad.Line, bad.Reason)
	}
	fmt.Println(jar.Len(), "loaded")
	// Output:
	// 3 1 fields, not 7
	// 1 loaded
}

// Map is for a glance: of cookies that share a name it has one. With a default it is
// jar.get of Requests.
func ExampleCookieJar_Map() {
	var jar requests.CookieJar
	_ = jar.Set("theme", "dark", requests.CookieDomain("example.com"))
	_ = jar.Set("lang", "de", requests.CookieDomain("example.com"))
	fmt.Println(jar.Map())
	fmt.Println(jar.Map()["lang"], cmp.Or(jar.Map()["page"], "home"))
	// Output:
	// map[lang:de theme:dark]
	// de home
}

func ExampleCookieJar_All() {
	var jar requests.CookieJar
	_ = jar.Set("theme", "dark", requests.CookieDomain("example.com"))
	_ = jar.Set("lang", "de", requests.CookieDomain("example.org"), requests.CookiePath("/app"))
	for c := range jar.All() {
		fmt.Println(c.Domain, c.Path, c.Name, c.Value)
	}
	// Output:
	// example.com / theme dark
	// example.org /app lang de
}

// Save writes the jar anywhere, and Load reads it back.
func ExampleCookieJar_Save() {
	var jar requests.CookieJar
	_ = jar.Set("theme", "dark", requests.CookieDomain("example.com"))
	var file strings.Builder
	if err := jar.Save(&file, requests.SessionCookies(true)); err != nil {
		log.Fatal(err)
	}
	fmt.Print(file.String())
	var next requests.CookieJar
	if err := next.Load(strings.NewReader(file.String())); err != nil {
		log.Fatal(err)
	}
	fmt.Println(next.Map())
	// Output:
	// # Netscape HTTP Cookie File
	// # https://curl.se/docs/http-cookies.html
	//
	// .example.com	TRUE	/	FALSE	0	theme	dark
	// map[theme:dark]
}

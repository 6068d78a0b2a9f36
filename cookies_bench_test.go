package requests

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"golang.org/x/net/publicsuffix"
)

// benchmarkJars runs f for a jar of 1000 cookies over 200 domains, ours and that
// of net/http, with the public suffixes that ours has by default.
func benchmarkJars(b *testing.B, f func(b *testing.B, jar http.CookieJar, urls []*url.URL)) {
	reference, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		b.Fatal(err)
	}
	for _, jar := range []struct {
		name string
		http.CookieJar
	}{{"requests", new(CookieJar)}, {"nethttp", reference}} {
		b.Run(jar.name, func(b *testing.B) {
			var urls []*url.URL
			for i := range 200 {
				u := cookieURL(fmt.Sprintf("https://www.site%d.example.com/account/orders", i))
				if i%2 == 0 {
					u = cookieURL(fmt.Sprintf("https://www.shop%d.co.uk/account/orders", i))
				}
				urls = append(urls, u)
				jar.SetCookies(u, benchmarkCookies(0))
			}
			b.ReportAllocs()
			b.ResetTimer()
			f(b, jar.CookieJar, urls)
		})
	}
}

func benchmarkCookies(generation int) []*http.Cookie {
	return []*http.Cookie{
		{Name: "sid", Value: fmt.Sprint("d2f1c6a0b4e84c1f9a", generation), Path: "/", Secure: true, HttpOnly: true},
		{Name: "theme", Value: "dark", Path: "/", MaxAge: 86400},
		{Name: "lang", Value: "en", Path: "/account", MaxAge: 86400},
		{Name: "cart", Value: "3,17,29", Path: "/account/orders"},
		{Name: "elsewhere", Value: "1", Path: "/help"},
	}
}

func BenchmarkCookieJarCookies(b *testing.B) {
	benchmarkJars(b, func(b *testing.B, jar http.CookieJar, urls []*url.URL) {
		for i := 0; b.Loop(); i++ {
			if got := jar.Cookies(urls[i%len(urls)]); len(got) != 4 {
				b.Fatalf("%d cookies; want 4", len(got))
			}
		}
	})
}

func BenchmarkCookieJarCookiesNone(b *testing.B) {
	none := cookieURL("https://www.none.example.org/account/orders")
	benchmarkJars(b, func(b *testing.B, jar http.CookieJar, _ []*url.URL) {
		for b.Loop() {
			if got := jar.Cookies(none); got != nil {
				b.Fatal(got)
			}
		}
	})
}

func BenchmarkCookieJarSetCookies(b *testing.B) {
	generations := [][]*http.Cookie{benchmarkCookies(1), benchmarkCookies(2)}
	benchmarkJars(b, func(b *testing.B, jar http.CookieJar, urls []*url.URL) {
		for i := 0; b.Loop(); i++ {
			jar.SetCookies(urls[i%len(urls)], generations[i/len(urls)%2])
		}
	})
}

// What a session does with each request and each response.
func BenchmarkCookieJarHeader(b *testing.B) {
	benchmarkJars(b, func(b *testing.B, jar http.CookieJar, urls []*url.URL) {
		if j, ok := jar.(*CookieJar); ok {
			for i := 0; b.Loop(); i++ {
				_ = j.header(urls[i%len(urls)], true)
			}
			return
		}
		for i := 0; b.Loop(); i++ {
			r := http.Request{Header: make(http.Header)}
			for _, c := range jar.Cookies(urls[i%len(urls)]) {
				r.AddCookie(c)
			}
		}
	})
}

func BenchmarkCookieJarStore(b *testing.B) {
	var lines []string
	for _, c := range benchmarkCookies(1) {
		lines = append(lines, c.String())
	}
	response := http.Response{Header: http.Header{"Set-Cookie": lines}}
	benchmarkJars(b, func(b *testing.B, jar http.CookieJar, urls []*url.URL) {
		if j, ok := jar.(*CookieJar); ok {
			for i := 0; b.Loop(); i++ {
				j.store(urls[i%len(urls)], lines)
			}
			return
		}
		for i := 0; b.Loop(); i++ {
			jar.SetCookies(urls[i%len(urls)], response.Cookies())
		}
	})
}

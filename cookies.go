package requests

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
)

type CookieJar struct {
	once sync.Once
	j    *cookiejar.Jar
}

func (j *CookieJar) init() { j.once.Do(func() { j.j, _ = cookiejar.New(nil) }) }

func (j *CookieJar) header(u *url.URL, named bool) string {
	j.init()
	s := ""
	for _, c := range j.j.Cookies(u) {
		if s != "" {
			s += "; "
		}
		s += c.Name + "=" + c.Value
	}
	return s
}
func (j *CookieJar) Set(name, value string) error { return nil }
func (j *CookieJar) store(u *url.URL, lines []string) {
	j.init()
	r := http.Response{Header: http.Header{"Set-Cookie": lines}}
	j.j.SetCookies(u, r.Cookies())
}
func validateCookie(name, value string) error { return nil }
func cookieField(j *CookieJar, u *url.URL, named bool, call []Cookies) string {
	s := ""
	if j != nil {
		s = j.header(u, named)
	}
	for _, c := range call {
		for k, v := range c {
			if s != "" {
				s += "; "
			}
			s += k + "=" + v
		}
	}
	return s
}

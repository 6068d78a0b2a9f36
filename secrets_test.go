package requests_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-requests/requests"
)

// allTexts is what err says, and every error that can be found in it.
func allTexts(err error) string {
	if err == nil {
		return ""
	}
	text := fmt.Sprintf("%v\n%+v\n%#v\n", err, err, err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		text += allTexts(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			text += allTexts(inner)
		}
	}
	return text
}

// debugLog gives s a logger and a dump, and returns what these have written.
func debugLog(s *requests.Session) *bytes.Buffer {
	var b bytes.Buffer
	s.Logger = slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Dump.To = &b
	return &b
}

// TestPasswordsInURLs gives a URL whose password has a character that should be
// escaped to each function that takes one: no error shows any part of it.
func TestPasswordsInURLs(t *testing.T) {
	passwords := []string{secret, "1/" + secret, "99999/" + secret}
	for _, c := range []string{"/", "?", "#", ":", "@", `\`, "//", "://", "/@", "%", "[", "]", " ", "\t", "é/", "!/", "..//", "\x00"} {
		passwords = append(passwords, c+secret, secret+c, secret+c+secret)
	}
	get := func(s *requests.Session, url string, opts ...requests.Option) error {
		_, err := s.Get(t.Context(), url, append(opts, requests.RaiseForStatus(true))...)
		return err
	}
	location := func(url string) *requests.Session {
		s, _ := scripted(t, func(n int, _ *requests.PreparedRequest) reply {
			if n == 0 {
				return reply{status: 302, header: http.Header{"Location": {url}, "Link": {"<" + url + `>; rel="next"`}}}
			}
			return reply{status: 404}
		})
		return s
	}
	for name, way := range map[string]func(url string) (*requests.Session, func(*requests.Session) error){
		"Get": func(url string) (*requests.Session, func(*requests.Session) error) {
			s, _ := scripted(t, replies(reply{status: 404}))
			return s, func(s *requests.Session) error { return get(s, url) }
		},
		"BaseURL": func(url string) (*requests.Session, func(*requests.Session) error) {
			s, _ := scripted(t, replies(reply{status: 404}), requests.BaseURL(url))
			return s, func(s *requests.Session) error {
				return errors.Join(get(s, "x"), get(s, url+"/x"), get(s, "http://b.test"))
			}
		},
		"Adapter": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(s *requests.Session) error { _, err := s.Adapter(url); return err }
		},
		"Mount": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(s *requests.Session) error {
				s.Mount(strings.TrimPrefix(url, "http://"), new(requests.HTTPAdapter))
				return get(s, "http://b.test/")
			}
		},
		"Prepare": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(*requests.Session) error {
				r := requests.NewRequest("GET", url)
				p, err := r.Prepare(t.Context())
				if err == nil {
					return fmt.Errorf("%v %#v %v %+v", r, r, p, p)
				}
				return errors.Join(err, fmt.Errorf("%v %#v", r, r))
			}
		},
		"Location": func(url string) (*requests.Session, func(*requests.Session) error) {
			return location(url), func(s *requests.Session) error { return get(s, "http://a.test/") }
		},
		"Next": func(url string) (*requests.Session, func(*requests.Session) error) {
			return location(url), func(s *requests.Session) error {
				r, err := s.Get(t.Context(), "http://a.test/", requests.AllowRedirects(false))
				if err != nil {
					return err
				}
				_, err = r.Next()
				return err
			}
		},
		"Pages": func(url string) (*requests.Session, func(*requests.Session) error) {
			return location(url), func(s *requests.Session) (err error) {
				for _, err = range s.Pages(t.Context(), "http://a.test/", requests.AllowRedirects(false), requests.RaiseForStatus(true)) {
				}
				return err
			}
		},
		"Events": func(url string) (*requests.Session, func(*requests.Session) error) {
			s, _ := scripted(t, replies(reply{status: 404}))
			return s, func(s *requests.Session) (err error) {
				for _, err = range s.Events(t.Context(), url) {
				}
				return err
			}
		},
		"Download": func(url string) (*requests.Session, func(*requests.Session) error) {
			s, _ := scripted(t, replies(reply{status: 404}))
			return s, func(s *requests.Session) error {
				_, err := s.Download(t.Context(), url, t.TempDir()+"/f")
				return err
			}
		},
		"Proxies": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(s *requests.Session) error {
				return errors.Join(get(s, "http://a.invalid/", requests.Proxies{"all": url}, requests.Timeout{Total: 1}),
					get(s, "http://a.invalid/", requests.Proxies{url: "http://b.test"}, requests.Timeout{Total: 1}))
			}
		},
		"environment": func(url string) (*requests.Session, func(*requests.Session) error) {
			return new(requests.Session), func(s *requests.Session) error {
				if strings.Contains(url, "\x00") {
					return nil
				}
				t.Setenv("all_proxy", url)
				return get(s, "http://a.invalid/", requests.Timeout{Total: 1})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, password := range passwords {
				for _, url := range []string{"http://user:" + password + "@host.test/x", "http://user:" + password + "@host.test"} {
					s, do := way(url)
					log := debugLog(s)
					err := do(s)
					if text := allTexts(err); strings.Contains(text, secret) {
						t.Errorf("%q: the error is %s", url, text)
					}
					if strings.Contains(log.String(), secret) {
						t.Errorf("%q: the log is %s", url, log)
					}
					s.Close()
				}
			}
		})
	}
}

// TestSecretsInJSON: what is around a fault in JSON is shown only if it is no secret.
func TestSecretsInJSON(t *testing.T) {
	for body, target := range map[string]any{
		`{"pin": 73730001}`:                new(struct{ Pin int8 }),
		`{"token": "s3cr3t"}`:              new(struct{ Token int }),
		`{"a": 1, "password": "s3cr3t", x`: new(any),
	} {
		s, _ := scripted(t, replies(reply{status: 200, body: body}))
		err := get(t, s, "http://a.test").JSON(target)
		if !errors.Is(err, requests.ErrInvalidJSON) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "73730001") {
			t.Errorf("%s: %v", body, err)
		}
	}
	s, _ := scripted(t, replies(reply{status: 200, body: "{}"}), requests.JSONDecoder(func([]byte, any) error {
		return errors.New(`expect }, error found in #9 byte of ...|{"token":"s3cr3t"|...`)
	}))
	if err := get(t, s, "http://a.test").JSON(new(any)); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("JSON of another library: %v", err)
	}
}

// TestTokensInURLs has a token in each place of a URL that is not its userinfo.
func TestTokensInURLs(t *testing.T) {
	for _, tail := range []string{
		"/cb#access_token=" + secret, "/cb#state=x&access_token=" + secret + "&token_type=bearer", "/cb#/app?id_token=" + secret, "/cb#!code=" + secret,
		"/cb?code=" + secret + "&state=x", "/cb?a=1&client_assertion=" + secret, "/cb?a=1;token=" + secret, "/cb?%74oken=" + secret,
		"/cb;jsessionid=" + secret, "/cb?next=http%3A%2F%2Fb.test%2F%3Fsig%3D" + secret, "/cb?next=http://u:" + secret + "@b.test/", "/http://u:" + secret + "@b.test/",
	} {
		for name, do := range map[string]func(s *requests.Session, target string) error{
			"RaiseForStatus": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), target, requests.RaiseForStatus(true))
				return err
			},
			"MaxBody": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), target, requests.MaxBody(1))
				return err
			},
			"JSON": func(s *requests.Session, target string) error {
				r := get(t, s, target)
				return r.JSON(new(int))
			},
			"no mount": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), strings.Replace(target, "http:", "ftp:", 1))
				return err
			},
			"prepare": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), target, requests.Headers{"X": "\n"})
				return err
			},
			"print": func(s *requests.Session, target string) error {
				r := requests.NewRequest("GET", target)
				p, err := s.Prepare(t.Context(), r)
				if err != nil {
					return err
				}
				return errors.New(fmt.Sprintf("%v %+v %#v %v %+v %#v", r, r, r, p, p, p) + p.Curl())
			},
			"hook": func(s *requests.Session, target string) error {
				_, err := s.Get(t.Context(), target, requests.OnRequest(func(_ context.Context, p *requests.PreparedRequest) error { p.Method = ""; return nil }))
				return err
			},
			"cancel": func(s *requests.Session, target string) error {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_, err := s.Get(ctx, target)
				return err
			},
		} {
			for _, redirected := range []bool{false, true} {
				s, _ := scripted(t, func(n int, p *requests.PreparedRequest) reply {
					if strings.HasSuffix(p.URL.Path, "start") {
						return redirectTo(tail)
					}
					return reply{status: 404, body: "not JSON"}
				})
				log := debugLog(s)
				target := "http://a.test" + tail
				if redirected {
					target = "http://a.test/start"
				}
				err := do(s, target)
				if text := allTexts(err); err == nil || strings.Contains(text, secret) {
					t.Errorf("%s, redirected %v: the error is %s", name, redirected, text)
				}
				if strings.Contains(log.String(), secret) {
					t.Errorf("%s, redirected %v: the log is %s", name, redirected, log)
				}
			}
		}
	}
}

package requests_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestDumpSiblings: what else sends goes by the Dump and the Logger of the call.
func TestDumpSiblings(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		io.WriteString(w, "data: x\n\n")
	})
	for name, do := range map[string]func(s *requests.Session, opts ...requests.Option) error{
		"With": func(s *requests.Session, opts ...requests.Option) error {
			_, err := s.With(opts...).Get(t.Context(), url)
			return err
		},
		"Client": func(s *requests.Session, opts ...requests.Option) error {
			r, err := s.With(opts...).Client().Get(url)
			if err == nil {
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
			}
			return err
		},
		"Many": func(s *requests.Session, opts ...requests.Option) error {
			for r := range s.Many(t.Context(), requests.URLs(url), opts...) {
				return r.Err
			}
			return nil
		},
		"Download": func(s *requests.Session, opts ...requests.Option) error {
			_, err := s.Download(t.Context(), url, t.TempDir()+"/x", opts...)
			return err
		},
		"Events": func(s *requests.Session, opts ...requests.Option) error {
			for _, err := range s.Events(t.Context(), url+"/events", opts...) {
				return err
			}
			return nil
		},
		"Pages": func(s *requests.Session, opts ...requests.Option) error {
			for _, err := range s.Pages(t.Context(), url, opts...) {
				return err
			}
			return nil
		},
		"Send": func(s *requests.Session, opts ...requests.Option) error {
			p, err := s.Prepare(t.Context(), requests.NewRequest("GET", url))
			if err == nil {
				_, err = s.Send(t.Context(), p, opts...)
			}
			return err
		},
	} {
		var b, log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		own := dumped(t, func(s *requests.Session) {
			require.NoError(t, do(s, requests.Dump{To: &b}, requests.Logger{To: logger}), name)
		})
		require.Empty(t, own, name)
		like(t, b.String(), "#1 > GET /… HTTP/1.1", "#1 < data: x")
		require.Contains(t, log.String(), "msg=request method=GET url="+url, name)
	}
}

// TestDumpSecrets has a secret of each name in each place of both messages.
func TestDumpSecrets(t *testing.T) {
	url := dumpServer(t, func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get("X-Name")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-"+name, secret)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Refresh", "0; url=/?"+name+"="+secret)
		w.Header().Set("Link", "</?a=b&"+name+"="+secret+`>; rel="next"`)
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Write(body)
	})
	for _, name := range []string{
		"Authorization", "Proxy-Authenticate-Info", "Cookie", "X-Api-Key", "token", "access_token", "id_token", "refreshToken", "password", "user[password]", "passwd",
		"client_secret", "code", "SAMLResponse", "jsessionid", "X-Amz-Signature", "sig", "private_key", "credentials", "pin", "otp", "csrf", "assertion",
	} {
		field := strings.NewReplacer("[", "-", "]", "", "code", "access-code").Replace(name) // a code by itself is none in a field
		many := map[string]any{"a": 1, name: map[string]any{"x": []string{secret}}, "list": []any{map[string]any{name: secret}}}
		for what, opts := range map[string][]requests.Option{
			"form":       {requests.Form{name: secret, "a": "b"}},
			"multipart":  {requests.Form{name: secret, "a": "b"}, requests.Files{{Field: name, Name: "f", Reader: strings.NewReader(secret)}}},
			"JSON":       {requests.JSON(many)},
			"JSON lines": {requests.Text(`{"` + name + `":{"x":"` + secret + `"}}` + "\n"), requests.Headers{"Content-Type": "application/x-ndjson"}},
			"problem":    {requests.JSON(many), requests.Headers{"Content-Type": "application/problem+json; charset=utf-8"}},
			"untyped":    {requests.Text(`{"` + name + `": {"x": "` + secret + `"}}`)},
			"text":       {requests.Text("a line\n" + field + "=" + secret + "\n"), requests.Headers{"Content-Type": "text/plain"}},
		} {
			for _, most := range []int{0, 40, 60, 80, 100, 150, 200} {
				var b bytes.Buffer
				dumped(t, func(s *requests.Session) {
					_, err := s.Post(t.Context(), url+"/;"+field+"="+secret+"?a=b", append([]requests.Option{
						requests.Dump{To: &b, MaxBody: most}, requests.Params{name: secret}, requests.Headers{"X-" + field: secret, "X-Name": field},
						requests.BasicAuth("u", secret), requests.Cookies{"c": secret}}, opts...)...)
					require.NoError(t, err, name)
				})
				require.Contains(t, b.String(), "Access-Control-Allow-Credentials: true")
				require.NotContains(t, b.String(), secret, "%s in %s of %d bytes", name, what, most)
				for n := 3; n < len(secret); n++ { // nor a part of it where the body is cut
					if most > 0 && strings.Contains(b.String(), secret[:n]) {
						t.Errorf("%s in %s of %d bytes: %s", name, what, most, b.String())
						break
					}
				}
			}
		}
	}
}

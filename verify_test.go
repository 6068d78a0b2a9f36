package requests_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestDigestProof is RFC 7616, section 3.5: the server's own proof is optional,
// and has to be right if it is there.
func TestDigestProof(t *testing.T) {
	for proof, want := range map[string]error{
		"":      nil,
		"right": nil,
		"wrong": requests.ErrAuthentication,
	} {
		t.Run(proof, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				f := digestFields(r.Header.Get("Authorization"))
				if f["nonce"] == "" {
					w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth"`)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
				rspauth := map[string]string{
					"right": h(h("user:r:pass") + ":n:" + f["nc"] + ":" + f["cnonce"] + ":auth:" + h(":"+r.RequestURI)),
					"wrong": h("anything"),
				}[proof]
				w.Header().Set("Authentication-Info", fmt.Sprintf(`rspauth=%q, qop=auth, nc=%s, cnonce=%q`, rspauth, f["nc"], f["cnonce"]))
				io.WriteString(w, "ok")
			}))
			defer srv.Close()
			s := requests.NewSession(requests.TrustEnv(false), requests.DigestAuth("user", "pass"))
			defer s.Close()
			for range 2 { // the second one does not wait for a challenge
				_, err := s.Get(t.Context(), srv.URL+"/a?b")
				require.ErrorIs(t, err, want)
			}
		})
	}
}

// A proving Authenticator remembers what Verify was shown.
type proving struct {
	seen []int
	err  error
}

func (*proving) Authenticate(_ context.Context, p *requests.PreparedRequest) error {
	p.Header.Set("Authorization", "Proof")
	return nil
}

func (v *proving) Verify(_ context.Context, r *requests.Response) error {
	v.seen = append(v.seen, r.StatusCode)
	return v.err
}

func TestVerify(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/away", http.StatusFound) })
	mux.Handle("/away", http.RedirectHandler(other.URL, http.StatusFound))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	s := requests.NewSession(requests.TrustEnv(false))
	defer s.Close()

	v := new(proving)
	_, err := s.Get(t.Context(), srv.URL+"/moved", requests.NewAuth(v))
	require.NoError(t, err)
	require.Equal(t, []int{302, 302}, v.seen, "the other origin is none of its own")

	v = &proving{err: errors.New("another server")}
	hooked := false
	r, err := s.Get(t.Context(), srv.URL+"/moved", requests.NewAuth(v), requests.OnResponse(func(context.Context, *requests.Response) (*requests.Response, error) {
		hooked = true
		return nil, nil
	}))
	require.Nil(t, r)
	require.ErrorIs(t, err, v.err)
	require.False(t, hooked, "a hook saw a response that is not the server's")
	require.Equal(t, []int{302}, v.seen)
}

package requests_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// toldAdapter remembers what it was told, and answers by another one.
type toldAdapter struct {
	requests.Adapter
	told []requests.SendOptions
}

func (a *toldAdapter) Send(ctx context.Context, p *requests.PreparedRequest, opts requests.SendOptions) (*requests.Response, error) {
	a.told = append(a.told, opts)
	return a.Adapter.Send(ctx, p, opts)
}

// TestTimeoutMerges: what a call does not limit stays as the session has it.
func TestTimeoutMerges(t *testing.T) {
	session := requests.Timeout{Connect: time.Second, Read: 2 * time.Second, Total: time.Hour}
	for _, tt := range []struct{ call, want requests.Timeout }{
		{requests.Timeout{}, session},
		{requests.Timeout{Connect: 5}, requests.Timeout{Connect: 5, Read: session.Read, Total: session.Total}},
		{requests.Timeout{Read: 5}, requests.Timeout{Connect: session.Connect, Read: 5, Total: session.Total}},
		{requests.Timeout{Total: time.Minute}, requests.Timeout{Connect: session.Connect, Read: session.Read, Total: time.Minute}},
		{requests.Timeout{Total: -1}, requests.Timeout{Connect: session.Connect, Read: session.Read}},
		{requests.Timeout{Connect: -1, Read: -1, Total: -1}, requests.Timeout{}},
	} {
		s, sent := scripted(t, replies(ok()), session)
		a := &toldAdapter{Adapter: sent}
		s.Mount("http://", a)
		get(t, s, "http://a.test/", tt.call)
		get(t, s.With(tt.call), "http://a.test/")
		get(t, s, "http://a.test/", session, tt.call)
		for _, told := range a.told {
			require.Equal(t, tt.want, told.Timeout)
		}
	}
}

// TestReplacedResponse: a response that a hook gives in the place of another one
// is one of the call, too.
func TestReplacedResponse(t *testing.T) {
	decoder := requests.JSONDecoder(func(_ []byte, v any) error { *v.(*string) = "decoded"; return nil })
	s, _ := scripted(t, replies(redirectTo("/2"), ok()), decoder, requests.MaxBody(100))
	r := get(t, s, "http://a.test/", requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
		if r.IsRedirect() {
			return nil, nil
		}
		return &requests.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	}))
	var v string
	require.NoError(t, r.JSON(&v))
	require.Equal(t, "decoded", v)
	require.Len(t, r.History, 1)
	_, err := s.Get(t.Context(), "http://a.test/", requests.OnResponse(func(context.Context, *requests.Response) (*requests.Response, error) {
		return &requests.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", 101)))}, nil
	}))
	require.ErrorIs(t, err, requests.ErrBodyTooLarge)
}

// sameRequest answers a challenge with the request itself in place of a clone.
type sameRequest struct{}

func (sameRequest) Authenticate(context.Context, *requests.PreparedRequest) error { return nil }

func (sameRequest) Challenge(_ context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	if r.Request.Header.Get("Authorization") != "" {
		return nil, nil
	}
	return r.Request, nil
}

// TestChallengeIsCloned: what is sent next must not be what History says was sent.
func TestChallengeIsCloned(t *testing.T) {
	s, _ := scripted(t, replies(setCookie(reply{status: 401}, "c=1"), ok()), requests.NewAuth(sameRequest{}))
	r := get(t, s, "http://a.test/")
	require.Len(t, r.History, 1)
	require.NotSame(t, r.History[0].Request, r.Request)
	require.NotContains(t, r.History[0].Request.Header, "Cookie")
	require.Equal(t, "c=1", r.Request.Header.Get("Cookie"))
}

// emptyRequest answers a challenge with a request that is none.
type emptyRequest struct{ sameRequest }

func (emptyRequest) Challenge(context.Context, *requests.Response) (*requests.PreparedRequest, error) {
	return new(requests.PreparedRequest), nil
}

// TestChallengeIsChecked: the answer to a challenge is the caller's, and may be
// anything.
func TestChallengeIsChecked(t *testing.T) {
	s, sent := scripted(t, replies(setCookie(reply{status: 401}, "c=1"), ok()), requests.NewAuth(emptyRequest{}))
	_, err := s.Get(t.Context(), "http://a.test/")
	require.ErrorIs(t, err, requests.ErrInvalidURL)
	require.Len(t, sent.sent, 1)
}

// signedBody answers a challenge with a body that has a secret in it.
type signedBody struct{ sameRequest }

func (signedBody) Challenge(_ context.Context, r *requests.Response) (*requests.PreparedRequest, error) {
	q := r.Request.Clone()
	return q, q.SetBody(requests.Text("text, signed: " + secret))
}

// TestChallengeSignsForItsOrigin: another origin does not get what the answer to a
// challenge has put into the body.
func TestChallengeSignsForItsOrigin(t *testing.T) {
	away, back := redirectTo("http://b.test/"), redirectTo("/2")
	away.status, back.status = 307, 307
	s, sent := scripted(t, replies(reply{status: 401}, back, away, ok()), requests.NewAuth(signedBody{}))
	_, err := s.Post(t.Context(), "http://a.test/", requests.Text("text"))
	require.NoError(t, err)
	var got []string
	for _, hop := range sent.sent {
		got = append(got, hop.body)
	}
	signed := "text, signed: " + secret
	require.Equal(t, []string{"text", signed, signed, "text"}, got)
}

// TestRetryBudgetIsTen: ten retries are free, and not one more.
func TestRetryBudgetIsTen(t *testing.T) {
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	s := requests.NewSession(requests.TrustEnv(false))
	defer s.Close()
	s.Mount("http://", &requests.HTTPAdapter{Retry: requests.Retry{Total: 100, StatusCodes: []int{503}}, RetryBudget: 1e-9})
	_, err := s.Get(t.Context(), server.URL)
	require.ErrorIs(t, err, requests.ErrRetriesExhausted)
	require.Equal(t, 11, n)
}

// TestBaseURLItself: the URL that everything lies below is one of the URLs.
func TestBaseURLItself(t *testing.T) {
	for _, base := range []string{"http://a.test/v1", "http://a.test/v1/"} {
		s, sent := scripted(t, replies(ok()), requests.BaseURL(base))
		for _, url := range []string{"http://a.test/v1", "http://a.test/v1/", "http://A.test:80/v1", "http://a.test/v1?q=1", "", "/", "."} {
			_, err := s.Get(t.Context(), url)
			require.NoError(t, err, "%q below %q", url, base)
		}
		for _, url := range []string{"http://a.test/v", "http://a.test/v12", "http://a.test/", "https://a.test/v1", "http://b.test/v1", "http://a.test:81/v1", ".."} {
			_, err := s.Get(t.Context(), url)
			require.ErrorIs(t, err, requests.ErrInvalidURL, "%q below %q", url, base)
		}
		require.Len(t, sent.sent, 7)
	}
}

// TestDownloadOfCodedBytes: a server that codes what was to be sent as it is
// gives a file all the same, and no range of it is spliced into another coding.
func TestDownloadOfCodedBytes(t *testing.T) {
	var coded bytes.Buffer
	w := gzip.NewWriter(&coded)
	w.Write([]byte("content"))
	w.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(coded.Bytes()))
	}))
	defer server.Close()
	s := requests.NewSession(requests.TrustEnv(false))
	defer s.Close()
	path := filepath.Join(t.TempDir(), "file")
	n, err := s.Download(t.Context(), server.URL, path)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "content", string(data))
	require.EqualValues(t, len(data), n)
}

// TestPagesKeepOptions: the options of Pages are those of each page.
func TestPagesKeepOptions(t *testing.T) {
	n := 0
	list := func(int, *requests.PreparedRequest) reply {
		if n++; n < 3 {
			return reply{status: 200, header: http.Header{"Link": {`</next>; rel="next"`}}, body: "[]"}
		}
		return reply{status: 404, body: "[]"}
	}
	hooked := 0
	s, sent := scripted(t, list)
	a := &toldAdapter{Adapter: sent}
	s.Mount("http://", a)
	jar := new(requests.CookieJar)
	jar.Set("own", "1")
	for r, err := range s.Pages(t.Context(), "http://a.test/first", requests.Timeout{Read: 5}, requests.MaxBody(100), requests.RaiseForStatus(true), jar,
		requests.Headers{"X-Own": 1}, requests.BearerAuth("t"),
		requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
			hooked++
			if hooked == 2 {
				r.Header.Set("Link", `</last>; rel="next"`)
			}
			return nil, nil
		})) {
		if err != nil {
			require.ErrorContains(t, err, "404")
			break
		}
		require.Equal(t, 200, r.StatusCode)
	}
	require.Equal(t, 3, hooked)
	for i, told := range a.told {
		require.EqualValues(t, 5, told.Timeout.Read, i)
		require.EqualValues(t, 100, told.MaxBody, i)
		require.Equal(t, "1", sent.sent[i].header.Get("X-Own"), i)
		require.Equal(t, "own=1", sent.sent[i].header.Get("Cookie"), i)
		require.Equal(t, "Bearer t", sent.authorization(i), i)
	}
}

// TestInsecureConfig: a Config that verifies nothing says whom to trust, and the
// environment is not asked.
func TestInsecureConfig(t *testing.T) {
	noEnvironment(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	t.Setenv("REQUESTS_CA_BUNDLE", filepath.Join(t.TempDir(), "nothing"))
	insecure := requests.TLS{Config: &tls.Config{InsecureSkipVerify: true}}
	s := requests.NewSession(insecure)
	defer s.Close()
	for _, opts := range [][]requests.Option{nil, {requests.TLS{Config: new(tls.Config)}}, {requests.TLS{SkipVerify: true}}} {
		_, err := s.Get(t.Context(), server.URL, opts...)
		require.NoError(t, err)
	}
	_, err := s.Get(t.Context(), server.URL, requests.TLS{Verify: true})
	require.ErrorIs(t, err, requests.ErrInvalidOption, "REQUESTS_CA_BUNDLE counts again")
}

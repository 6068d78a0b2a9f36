package interop

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	gitclient "github.com/go-git/go-git/v5/plumbing/transport/client"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-github/v75/github"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/go-requests/requests"
)

// These tests give Session.Client to libraries that take an http.Client.

// trusting returns a configuration that trusts the certificate of srv.
func trusting(srv *httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return &tls.Config{RootCAs: roots}
}

// start returns a session for the test.
func start(t *testing.T, opts ...requests.Option) *requests.Session {
	t.Helper()
	s := requests.NewSession(append([]requests.Option{requests.TrustEnv(false)}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

// TestGitHub has a client that handles redirects itself, for which CheckRedirect must be called.
func TestGitHub(t *testing.T) {
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	defer srv.Close()
	var stored []byte
	mux.HandleFunc("GET /repos/o/r", func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "Bearer token", r.Header.Get("Authorization"))
		json.NewEncoder(w).Encode(map[string]any{"full_name": "o/r"})
	})
	mux.HandleFunc("GET /repos/o/r/tarball/main", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://codeload.example/o/r.tar.gz?token=1", http.StatusFound)
	})
	mux.HandleFunc("GET /repos/o/missing", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"message": "Not Found"}`)
	})
	mux.HandleFunc("POST /repos/o/r/releases/7/assets", func(w http.ResponseWriter, r *http.Request) {
		stored, _ = io.ReadAll(r.Body)
		require.Equal(t, int64(len(stored)), r.ContentLength)
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id": 1}`)
	})
	gh := github.NewClient(start(t).Client()).WithAuthToken("token")
	gh.BaseURL, _ = url.Parse(srv.URL + "/")
	gh.UploadURL = gh.BaseURL
	ctx := context.Background()

	repo, _, err := gh.Repositories.Get(ctx, "o", "r")
	require.NoError(t, err)
	require.Equal(t, "o/r", repo.GetFullName())

	link, _, err := gh.Repositories.GetArchiveLink(ctx, "o", "r", github.Tarball, &github.RepositoryContentGetOptions{Ref: "main"}, 0)
	require.NoError(t, err)
	require.Equal(t, "https://codeload.example/o/r.tar.gz?token=1", link.String())

	_, _, err = gh.Repositories.Get(ctx, "o", "missing")
	var failed *github.ErrorResponse
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "Not Found", failed.Message)

	path := filepath.Join(t.TempDir(), "asset")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("asset "), 1<<20), 0o600))
	asset, err := os.Open(path)
	require.NoError(t, err)
	defer asset.Close()
	_, _, err = gh.Repositories.UploadReleaseAsset(ctx, "o", "r", 7, &github.UploadOptions{Name: "asset"}, asset)
	require.NoError(t, err)
	require.Len(t, stored, 6<<20)
}

// TestRegistry pushes an image of several layers to a registry and pulls it.
func TestRegistry(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
			srv.EnableHTTP2 = protocol == "HTTP/2.0"
			srv.StartTLS()
			defer srv.Close()
			image, err := random.Image(256<<10, 4)
			require.NoError(t, err)
			u, _ := url.Parse(srv.URL)
			ref, err := name.ParseReference(u.Host + "/house/image:1")
			require.NoError(t, err)
			rt := start(t, requests.TLS{Config: trusting(srv)}).Client().Transport
			require.NoError(t, remote.Write(ref, image, remote.WithTransport(rt)))

			head, err := remote.Head(ref, remote.WithTransport(rt))
			require.NoError(t, err)
			manifest, err := image.RawManifest()
			require.NoError(t, err)
			require.Equal(t, int64(len(manifest)), head.Size, "the length that HEAD told")

			pulled, err := remote.Image(ref, remote.WithTransport(rt))
			require.NoError(t, err)
			want, _ := image.Digest()
			got, err := pulled.Digest()
			require.NoError(t, err)
			require.Equal(t, want, got)
			layers, err := pulled.Layers()
			require.NoError(t, err)
			for _, layer := range layers {
				rc, err := layer.Uncompressed()
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, tar.NewReader(rc))
				require.NoError(t, err)
				require.NoError(t, rc.Close())
			}
		})
	}
}

// TestReverseProxy puts the session between a client and a server. Fields,
// trailers, codings, streamed responses and protocol upgrades must pass unchanged.
func TestReverseProxy(t *testing.T) {
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ws":
			echoSocket(w, r)
		default:
			w.Header().Set("Trailer", "Sum")
			w.Header().Set("X-Path", r.RequestURI)
			w.Header().Set("X-Te", r.Header.Get("Te"))
			w.Header().Set("X-Cookie", r.Header.Get("Cookie"))
			http.SetCookie(w, &http.Cookie{Name: "user", Value: r.URL.Query().Get("user")})
			n, _ := io.Copy(w, r.Body)
			w.Header().Set("Sum", fmt.Sprint(n))
		}
	}))
	defer back.Close()
	target, _ := url.Parse(back.URL)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: start(t, requests.KeepCookies(false)).Client().Transport,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	front := httptest.NewServer(proxy)
	defer front.Close()

	req, _ := http.NewRequest("POST", front.URL+"/a%2Fb/../c?user=1&x=%zz", strings.NewReader("hello"))
	req.Header.Set("Te", "trailers")
	req.URL.Opaque = "" // as a server gets it
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, "hello", string(body))
	require.Equal(t, "5", res.Trailer.Get("Sum"))
	require.Equal(t, "trailers", res.Header.Get("X-Te"))
	require.Contains(t, res.Header.Get("X-Path"), "/a%2Fb/../c?user=1")

	res, err = http.Get(front.URL + "/?user=2")
	require.NoError(t, err)
	res.Body.Close()
	require.Empty(t, res.Header.Get("X-Cookie"), "the cookie of another user")

	talk(t, "ws"+strings.TrimPrefix(front.URL, "http")+"/ws", http.DefaultClient)
	http.DefaultClient.CloseIdleConnections()
}

func echoSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if err := c.Write(r.Context(), kind, append([]byte("got "), message...)); err != nil {
			return
		}
	}
}

// talk dials url with c and exchanges messages for longer than the time limits.
func talk(t *testing.T, url string, c *http.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: c})
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	defer ws.CloseNow()
	for i := range 20 {
		message := strings.Repeat("x", i*i*80)
		require.NoError(t, ws.Write(ctx, websocket.MessageText, []byte(message)))
		_, got, err := ws.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, "got "+message, string(got))
	}
	require.NoError(t, ws.Close(websocket.StatusNormalClosure, ""))
}

// TestWebSocket dials through the session, plain and over TLS.
func TestWebSocket(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(echoSocket))
	defer plain.Close()
	talk(t, "ws"+strings.TrimPrefix(plain.URL, "http"), start(t).Client())

	secure := httptest.NewTLSServer(http.HandlerFunc(echoSocket))
	defer secure.Close()
	talk(t, "wss"+strings.TrimPrefix(secure.URL, "https"), start(t, requests.TLS{Config: trusting(secure)}).Client())
}

// TestOAuth2Client has x/oauth2 fetch its token through the session, and add it to
// requests that the session sends.
func TestOAuth2Client(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			if _, secret, _ := r.BasicAuth(); secret != "secret" {
				w.WriteHeader(http.StatusUnauthorized)
				io.WriteString(w, `{"error": "invalid_client"}`)
				return
			}
			io.WriteString(w, `{"access_token": "abc", "token_type": "Bearer", "expires_in": 3600}`)
			return
		}
		io.WriteString(w, r.Header.Get("Authorization"))
	}))
	defer srv.Close()
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, start(t).Client())
	config := clientcredentials.Config{ClientID: "id", ClientSecret: "secret", TokenURL: srv.URL + "/token", AuthStyle: oauth2.AuthStyleInHeader}
	res, err := config.Client(ctx).Get(srv.URL)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	require.NoError(t, err)
	require.Equal(t, "Bearer abc", string(body))

	config.ClientSecret = "wrong"
	_, err = config.Client(ctx).Get(srv.URL)
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_client", refused.ErrorCode)
}

// TestGit clones through a redirect, which go-git handles in CheckRedirect.
func TestGit(t *testing.T) {
	backend := gitBackend(t)
	mux := http.NewServeMux()
	mux.Handle("/new/", http.StripPrefix("/new", backend))
	mux.HandleFunc("/old/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(r.URL.String(), "/old/", "/new/", 1), http.StatusMovedPermanently)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	session := start(t)
	gitclient.InstallProtocol("http", githttp.NewClient(session.Client()))
	defer gitclient.InstallProtocol("http", githttp.DefaultClient)
	for _, path := range []string{"/new/repo.git", "/old/repo.git"} {
		dir := t.TempDir()
		_, err := git.PlainClone(dir, false, &git.CloneOptions{URL: srv.URL + path})
		require.NoError(t, err, path)
		got, err := os.ReadFile(filepath.Join(dir, "README"))
		require.NoError(t, err)
		require.Equal(t, "hello\n", string(got))
	}
	_, err := git.PlainClone(t.TempDir(), false, &git.CloneOptions{URL: srv.URL + "/new/missing.git"})
	require.ErrorIs(t, err, transport.ErrRepositoryNotFound)
}

// gitBackend serves a repository with one commit at /repo.git, with git's smart protocol.
func gitBackend(t *testing.T) http.Handler {
	dir := t.TempDir()
	repo, err := git.PlainInit(dir, false)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README"), []byte("hello\n"), 0o600))
	tree, err := repo.Worktree()
	require.NoError(t, err)
	_, err = tree.Add("README")
	require.NoError(t, err)
	_, err = tree.Commit("Begin", &git.CommitOptions{Author: &object.Signature{Name: "author", When: time.Unix(0, 0)}})
	require.NoError(t, err)
	endpoint, err := transport.NewEndpoint("/repo.git")
	require.NoError(t, err)
	loaded := server.MapLoader{endpoint.String(): repo.Storer}
	mux := http.NewServeMux()
	open := func(w http.ResponseWriter) transport.UploadPackSession {
		pack, err := server.NewServer(loaded).NewUploadPackSession(endpoint, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return nil
		}
		return pack
	}
	mux.HandleFunc("GET /repo.git/info/refs", func(w http.ResponseWriter, r *http.Request) {
		pack := open(w)
		if pack == nil {
			return
		}
		refs, err := pack.AdvertisedReferencesContext(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		refs.Prefix = [][]byte{[]byte("# service=git-upload-pack"), pktline.Flush}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		refs.Encode(w)
	})
	mux.HandleFunc("POST /repo.git/git-upload-pack", func(w http.ResponseWriter, r *http.Request) {
		pack := open(w)
		if pack == nil {
			return
		}
		request := packp.NewUploadPackRequest()
		if err := request.Decode(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := pack.UploadPack(r.Context(), request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		answer.Encode(w)
	})
	return mux
}

package environ

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/file"
)

// variables are all that the package reads.
var variables = []string{
	"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ftp_proxy", "FTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
	"REQUEST_METHOD", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "HOME", "USERPROFILE",
}

// set makes the environment hold env and nothing else of what is read.
func set(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range variables {
		t.Setenv(name, "") // so that it is put back
		require.NoError(t, os.Unsetenv(name))
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
}

func TestProxy(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("names of variables have no letter case")
	}
	type env = map[string]string
	for _, tt := range []struct {
		name   string
		env    env
		scheme string
		want   string
	}{
		{"nothing", nil, "http", ""},
		{"of its scheme", env{"http_proxy": "a", "https_proxy": "b"}, "http", "a"},
		{"of the other scheme", env{"http_proxy": "a", "https_proxy": "b"}, "https", "b"},
		{"upper case", env{"HTTPS_PROXY": "a"}, "https", "a"},
		{"lower case wins", env{"https_proxy": "a", "HTTPS_PROXY": "b"}, "https", "a"},
		{"lower case wins for http", env{"http_proxy": "a", "HTTP_PROXY": "b"}, "http", "a"},
		{"empty lower case hides the other", env{"https_proxy": "", "HTTPS_PROXY": "b"}, "https", ""},
		{"empty lower case leads to all", env{"https_proxy": "", "HTTPS_PROXY": "b", "all_proxy": "c"}, "https", "c"},
		{"upper case http", env{"HTTP_PROXY": "a"}, "http", "a"},
		{"upper case http in CGI", env{"HTTP_PROXY": "a", "REQUEST_METHOD": "GET"}, "http", ""},
		{"lower case http in CGI", env{"http_proxy": "a", "REQUEST_METHOD": "GET"}, "http", "a"},
		{"upper case https in CGI", env{"HTTPS_PROXY": "a", "REQUEST_METHOD": "GET"}, "https", "a"},
		{"another scheme", env{"ftp_proxy": "a", "http_proxy": "b"}, "ftp", "a"},
		{"another scheme in upper case", env{"FTP_PROXY": "a", "http_proxy": "b"}, "ftp", "a"},
		{"lower case wins for another scheme", env{"ftp_proxy": "a", "FTP_PROXY": "b"}, "ftp", "a"},
		{"all", env{"all_proxy": "a"}, "http", "a"},
		{"all in upper case", env{"ALL_PROXY": "a"}, "ftp", "a"},
		{"its scheme before all", env{"http_proxy": "a", "all_proxy": "b"}, "http", "a"},
		{"empty all hides the other", env{"all_proxy": "", "ALL_PROXY": "a"}, "http", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set(t, tt.env)
			value, name := Proxy(tt.scheme)
			require.Equal(t, tt.want, value)
			if value != "" {
				require.Equal(t, value, os.Getenv(name))
			}
		})
	}
}

// Every call asks, so that it costs no memory.
func TestAllocationsOfProxy(t *testing.T) {
	set(t, nil)
	for _, scheme := range []string{"http", "https"} {
		require.Zero(t, testing.AllocsPerRun(100, func() { Proxy(scheme) }), scheme)
	}
}

func TestNoProxyAndCABundle(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("names of variables have no letter case")
	}
	type env = map[string]string
	for _, tt := range []struct {
		name            string
		env             env
		noProxy, bundle string
	}{
		{"nothing", nil, "", ""},
		{"lower case", env{"no_proxy": "a"}, "a", ""},
		{"upper case", env{"NO_PROXY": "a"}, "a", ""},
		{"lower case wins", env{"no_proxy": "a", "NO_PROXY": "b"}, "a", ""},
		{"empty lower case hides nothing", env{"no_proxy": "", "NO_PROXY": "b"}, "b", ""},
		{"of Requests", env{"REQUESTS_CA_BUNDLE": "a", "CURL_CA_BUNDLE": "b"}, "", "a"},
		{"of curl", env{"CURL_CA_BUNDLE": "b"}, "", "b"},
		{"empty one of Requests", env{"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "b"}, "", "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set(t, tt.env)
			bundle, name := CABundle()
			require.Equal(t, []string{tt.noProxy, tt.bundle}, []string{NoProxy(), bundle})
			require.Equal(t, bundle, os.Getenv(name))
		})
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	require.NoError(t, os.WriteFile(path, []byte("text"), 0o600))
	for name, want := range map[string]error{"x": nil, ".": file.ErrNotRegular, "none": fs.ErrNotExist} {
		f, err := Open(filepath.Join(dir, name))
		require.ErrorIs(t, err, want)
		if err != nil {
			require.ErrorIs(t, err, fault.InvalidOption)
			continue
		}
		require.NoError(t, f.Close())
	}
}

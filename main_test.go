package requests_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"testing"

	gohttpbin "github.com/mccutchen/go-httpbin/v2/httpbin"
	"go.uber.org/goleak"

	"github.com/go-requests/requests"
)

// httpbin is the URL of a go-httpbin on loopback, which answers with what it
// was asked. It is there while the tests of the package run.
var httpbin string

// environment are the variables by which whoever starts the tests could change
// their outcome. A test that means one sets it.
var environment = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY",
	"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy",
	"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"NETRC", "REQUEST_METHOD",
}

// TestMain runs the tests in an environment of their own, and fails if one of
// them leaves a goroutine behind.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(suite{m})
}

type suite struct{ m *testing.M }

// Run implements [goleak.TestingM]. What it starts it ends, so that the search
// for leaks finds only those of the tests.
func (s suite) Run() int {
	for _, name := range environment {
		os.Unsetenv(name)
	}
	home, err := os.MkdirTemp("", "requests-home-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	os.Setenv("HOME", home)
	os.Setenv("USERPROFILE", home) // its name on Windows

	server := httptest.NewServer(gohttpbin.New())
	defer server.Close()
	httpbin = server.URL
	defer requests.CloseShared()
	return s.m.Run()
}

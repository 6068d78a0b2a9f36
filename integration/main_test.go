//go:build integration && linux

// Package integration_test runs the library against servers that others wrote:
// nginx, Apache, lighttpd, nghttpd and HAProxy as origins, Squid, tinyproxy,
// nghttpx, Dante, microsocks and V2Ray as proxies.
//
// [TestMain] starts all that are installed, on ports of 127.0.0.1 that are free,
// and a supervisor stops them when the tests have ended, however they end.
package integration_test

import (
	"fmt"
	"os"
	"testing"
)

// running is the stage that TestMain sets before any test; tests only read it.
var running *stage

func TestMain(m *testing.M) {
	if os.Getenv(supervisorEnv) != "" {
		if err := supervise(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "integration: supervisor:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	// What a developer's machine says about proxies and authorities is not what is tested here.
	for _, name := range []string{
		"http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
		"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC", "REQUEST_METHOD",
	} {
		os.Unsetenv(name)
	}
	var err error
	if running, err = raise(); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	code := m.Run()
	if code != 0 {
		running.printLogs(os.Stderr)
	}
	if err := running.close(); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	return code
}

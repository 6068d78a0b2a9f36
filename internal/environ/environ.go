// Package environ is the only reader of environment variables and of the user's
// files: netrc, which they or the home directory name, and the files of an
// upload. Its callers first check that the program wants the environment to be
// used.
//
// Names and precedence are those of Python's urllib and of Requests. The
// package knows nothing about requests, or about the use that is made of the
// values.
package environ

import (
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/file"
)

// Proxy returns the proxy that the environment names for scheme, "" for none, and
// the variable that names it.
func Proxy(scheme string) (value, name string) {
	switch scheme {
	case "http":
		value, name = httpProxy()
	case "https": // in most calls, and without names put together for it
		value, name = variable("https_proxy", "HTTPS_PROXY")
	default:
		value, name = variable(scheme+"_proxy", strings.ToUpper(scheme)+"_PROXY")
	}
	if value == "" {
		value, name = variable("all_proxy", "ALL_PROXY")
	}
	return value, name
}

// variable returns the variable with the lower-case name, or else the one with the
// upper-case name. If the first is set but empty it hides the other, as in Python.
func variable(lower, upper string) (value, name string) {
	if value, ok := os.LookupEnv(lower); ok {
		return value, lower
	}
	return os.Getenv(upper), upper
}

// httpProxy is the variable for http. In a CGI program HTTP_PROXY holds the
// Proxy field of the request that the program answers (CVE-2016-5385); on
// Windows so do both spellings.
func httpProxy() (value, name string) {
	lower, ok := os.LookupEnv("http_proxy")
	if ok && runtime.GOOS != "windows" {
		return lower, "http_proxy"
	}
	upper := os.Getenv("HTTP_PROXY")
	if upper == "" || os.Getenv("REQUEST_METHOD") != "" {
		return "", ""
	}
	return upper, "HTTP_PROXY"
}

// NoProxy returns the hosts that the environment exempts from its proxies. Here an
// empty lower-case variable does not hide the other, as in Python.
func NoProxy() string {
	if list := os.Getenv("no_proxy"); list != "" {
		return list
	}
	return os.Getenv("NO_PROXY")
}

// CABundle returns the file or directory of authorities that the environment
// names, "" for none, and the variable that names it.
func CABundle() (path, name string) {
	for _, name := range [...]string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} {
		if path := os.Getenv(name); path != "" {
			return path, name
		}
	}
	return "", ""
}

// Open opens a regular file. It checks the kind of file first, because opening
// a named pipe would wait for a writer. The error is [fault.InvalidOption].
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: file.ErrNotRegular}
	}
	if err != nil {
		return nil, fault.New(fault.InvalidOption, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.InvalidOption, err)
	}
	return f, nil
}

// Package environ is the only reader of what a program is given beside its
// arguments: the variables of the environment, and the files of the user that
// they or the home directory lead to. Whoever calls it has asked whether that is
// wanted.
//
// The names and their order are those of Python's urllib and of Requests. The
// package knows neither requests nor what is done with what it finds.
package environ

import (
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/file"
)

// Proxy returns what the environment names as the proxy for scheme, "" for
// nothing.
func Proxy(scheme string) string {
	var value string
	switch scheme {
	case "http":
		value = httpProxy()
	case "https":
		value = variable("https_proxy", "HTTPS_PROXY")
	default:
		value = variable(scheme+"_proxy", strings.ToUpper(scheme)+"_PROXY")
	}
	if value == "" {
		value = variable("all_proxy", "ALL_PROXY")
	}
	return value
}

// variable returns the variable of the lower-case name, or else of the
// upper-case one: one that is set to nothing hides the other, as in Python.
func variable(lower, upper string) string {
	if value, ok := os.LookupEnv(lower); ok {
		return value
	}
	return os.Getenv(upper)
}

// httpProxy is the variable for http. A CGI program gets the field Proxy of the
// request that it answers as HTTP_PROXY (CVE-2016-5385), on Windows by either name.
func httpProxy() string {
	lower, ok := os.LookupEnv("http_proxy")
	if ok && runtime.GOOS != "windows" {
		return lower
	}
	upper := os.Getenv("HTTP_PROXY")
	if upper == "" || os.Getenv("REQUEST_METHOD") != "" {
		return ""
	}
	return upper
}

// NoProxy returns the list of hosts that the environment exempts from its
// proxies. Here an empty lower-case variable hides nothing, as in Python.
func NoProxy() string {
	if list := os.Getenv("no_proxy"); list != "" {
		return list
	}
	return os.Getenv("NO_PROXY")
}

// CABundle returns the file of authorities, or the directory of them, that the
// environment names, "" for none.
func CABundle() string {
	if path := os.Getenv("REQUESTS_CA_BUNDLE"); path != "" {
		return path
	}
	return os.Getenv("CURL_CA_BUNDLE")
}

// Open opens a regular file. It looks first, as to open a named pipe is to wait
// for its writer. An error is [fault.InvalidOption].
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

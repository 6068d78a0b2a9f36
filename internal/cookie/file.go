package cookie

import (
	"bytes"
	"io"
	"strconv"
)

// Format is the format of a file of cookies.
type Format uint8

// The formats of files.
const (
	Netscape Format = iota
	JSON
)

// Limits of what is read, far above what browsers keep. The number is limited
// because the cookies of one domain are searched linearly.
const (
	maxFile        = 16 << 20 // bytes
	maxFileCookies = 20_000
)

// Append appends cookies in a format, without those that it cannot hold, with an
// error for each of these. It reports false for a format that there is not.
func Append(b []byte, format Format, cookies []Cookie) (data []byte, left []error, ok bool) {
	switch format {
	case Netscape:
		data, left = AppendNetscape(b, cookies)
	case JSON:
		data, left = AppendJSON(b, cookies)
	default:
		return b, nil, false
	}
	return data, left, true
}

// ReadFile reads a file of cookies, whose format it recognizes. What cannot be
// read is left out, with its line, which is 0 if that is all of the file. err is
// the error of r.
func ReadFile(r io.Reader) (cookies []Cookie, bad []LineError, err error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(data) > maxFile {
		return nil, []LineError{{Reason: "larger than " + strconv.Itoa(maxFile) + " bytes"}}, nil
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // added by editors on Windows
	parse := ParseNetscape
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) { // no line of cookies.txt begins with "{"
		parse = ParseJSON
	}
	if cookies, bad = parse(data); len(cookies) > maxFileCookies {
		return nil, []LineError{{Reason: "more than " + strconv.Itoa(maxFileCookies) + " cookies"}}, nil
	}
	return cookies, bad, nil
}

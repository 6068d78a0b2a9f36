package message

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/suite"
)

const (
	ok11     = "HTTP/1.1 200 OK\r\n"
	ok10     = "HTTP/1.0 200 OK\r\n"
	chunks11 = ok11 + "Transfer-Encoding: chunked\r\n\r\n"
	hello    = "5\r\nhello\r\n0\r\n\r\n"
)

// A responseCase is what a server sends, and the result.
type responseCase struct {
	name     string // with the number of the finding or fault that it holds
	method   string // "" is GET
	sent     string
	want     string // the body, if nothing else is said
	close    bool   // the connection ends with it
	left     int    // bytes behind it
	refused  bool   // with fault.Protocol
	cut      bool   // with io.ErrUnexpectedEOF
	stricter bool   // net/http accepts it, or keeps the connection
}

var responseCases = []responseCase{
	// What net/http decides in response.go.
	{name: "E4 response.go, no space after the version", sent: "HTTP/1.1\r\n\r\n", refused: true},
	{name: "E4 response.go, a tab after the version", sent: "HTTP/1.1\t200 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, code of two digits", sent: "HTTP/1.1 20 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, code of four digits", sent: "HTTP/1.1 2000 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, code with a plus", sent: "HTTP/1.1 +20 OK\r\n\r\n", refused: true, stricter: true},
	{name: "E4 response.go, code with a minus", sent: "HTTP/1.1 -20 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, code with a letter", sent: "HTTP/1.1 2x0 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, code and reason without a space", sent: "HTTP/1.1 200OK\r\n\r\n", refused: true},
	{name: "E4 response.go, major version 2", sent: "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", refused: true, stricter: true},
	{name: "E4 response.go, major version 0", sent: "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", refused: true, stricter: true},
	{name: "E4 response.go, major version 9", sent: "HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n", refused: true, stricter: true},
	{name: "E4 response.go, minor version of two digits", sent: "HTTP/1.10 200 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, minor version 2", sent: "HTTP/1.2 200 OK\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 response.go, version without a point", sent: "HTTP/1x1 200 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, major version of a letter", sent: "HTTP/x.1 200 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, minor version of a letter", sent: "HTTP/1.x 200 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, version in small letters", sent: "http/1.1 200 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, another protocol", sent: "ICY 200 OK\r\n\r\n", refused: true},
	{name: "E4 response.go, garbage of one line", sent: "GARBAGE\r\n", refused: true},
	{name: "E4 response.go, garbage that does not end", sent: "GARBAGE IN, GARBAGE OUT", refused: true},
	{name: "E4 response.go, a few bytes of garbage", sent: "x", cut: true},
	{name: "E4 response.go, an empty line first", sent: "\r\n" + ok11 + "Content-Length: 0\r\n\r\n", refused: true},
	{name: "E4 response.go, a space first", sent: " " + ok11 + "Content-Length: 0\r\n\r\n", refused: true},
	{name: "E4 response.go, no reason", sent: "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 response.go, an empty reason", sent: "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 response.go, spaces before the code", sent: "HTTP/1.1   200 OK\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 response.go, Latin-1 in the reason", sent: "HTTP/1.1 200 \xc9t\xe9\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 response.go, CR in the reason", sent: "HTTP/1.1 200 O\rK\r\nContent-Length: 1\r\n\r\nx", refused: true, stricter: true},
	{name: "E4 response.go, NUL in the reason", sent: "HTTP/1.1 200 O\x00K\r\nContent-Length: 1\r\n\r\nx", refused: true, stricter: true},
	{name: "E4 response.go, cut in the status line", sent: "HTTP/1.1 20", cut: true},
	{name: "E4 response.go, TLS", sent: "\x15\x03\x01\x00\x02\x02\x50", refused: true},

	// net/textproto.
	{name: "E4 reader.go, a first line that begins with a blank", sent: ok11 + " A: b\r\nContent-Length: 0\r\n\r\n", refused: true},
	{name: "E4 reader.go, a first line of a tab", sent: ok11 + "\t\r\nContent-Length: 0\r\n\r\n", refused: true},
	{name: "E4 reader.go, no colon", sent: ok11 + "A\r\nContent-Length: 0\r\n\r\n", refused: true},
	{name: "E4 reader.go, no name", sent: ok11 + ": b\r\nContent-Length: 0\r\n\r\n", refused: true},
	{name: "E4 reader.go, colon behind a fold", sent: ok11 + "A\r\n : b\r\nContent-Length: 0\r\n\r\n", refused: true},
	{name: "E4 reader.go, a fold", sent: ok11 + "A: b\r\n \t c\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 reader.go, a fold of a blank", sent: ok11 + "A: b \r\n \n c\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 reader.go, a fold before the value", sent: ok11 + "Content-Length:\r\n 1\r\n\r\nx", want: "x"},
	{name: "E4 reader.go, folds of blanks", sent: ok11 + "Content-Length: 1 \r\n \r\n\t\r\n\r\nx", want: "x"},
	{name: "E4 reader.go, a fold within a length", sent: ok11 + "Content-Length: 1\r\n 1\r\n\r\nx", refused: true},
	{name: "E4 reader.go, LF alone", sent: "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", want: "x"},
	{name: "E4 reader.go, LF and CRLF", sent: "HTTP/1.1 200 OK\nContent-Length: 1\r\n\nx", want: "x"},
	{name: "E4 reader.go, CR alone for a line end", sent: "HTTP/1.1 200 OK\rContent-Length: 1\r\rx\n\n", refused: true, stricter: true},
	{name: "E4 reader.go, CR CR LF", sent: ok11 + "A: b\r\r\nContent-Length: 0\r\n\r\n", refused: true},
	{name: "E4 reader.go, CR CR LF for the empty line", sent: ok11 + "Content-Length: 0\r\n\r\r\n\r\n", refused: true},
	{name: "E4 reader.go, a space before the colon of a length", sent: ok11 + "Content-Length : 5\r\nContent-Length: 1\r\n\r\nx", refused: true, stricter: true},
	{name: "E4 reader.go, a space before the colon", sent: ok11 + "A : b\r\nContent-Length: 1\r\n\r\nx", refused: true, stricter: true},
	{name: "E4 reader.go, a tab before the colon", sent: ok11 + "A\t: b\r\nContent-Length: 1\r\n\r\nx", refused: true},
	{name: "E4 reader.go, a space in the name (B057)", sent: ok11 + "A b: c\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 reader.go, a name in UTF-8", sent: ok11 + "\u00c4: b\r\nContent-Length: 1\r\n\r\nx", refused: true},
	{name: "E4 reader.go, a name in brackets", sent: ok11 + "A[0]: b\r\nContent-Length: 1\r\n\r\nx", refused: true},
	{name: "E4 reader.go, CR in a value", sent: ok11 + "A: b\rc\r\nContent-Length: 1\r\n\r\nx", refused: true},
	{name: "E4 reader.go, NUL in a value", sent: ok11 + "A: b\x00c\r\nContent-Length: 1\r\n\r\nx", refused: true},
	{name: "E4 reader.go, DEL in a value", sent: ok11 + "A: b\x7fc\r\nContent-Length: 1\r\n\r\nx", refused: true},
	{name: "E4 reader.go, NUL in a fold", sent: ok11 + "A: b\r\n \x00\r\nContent-Length: 1\r\n\r\nx", refused: true},
	{name: "E4 reader.go, a tab and Latin-1 in a value", sent: ok11 + "A: b\tcaf\xe9\r\nContent-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 reader.go, no blank behind the colon", sent: ok11 + "Content-Length:1\r\n\r\nx", want: "x"},
	{name: "E4 reader.go, cut in a field", sent: ok11 + "Content-Le", cut: true},
	{name: "E4 reader.go, cut before the empty line", sent: ok11 + "Content-Length: 0\r\n", cut: true},
	{name: "E4 reader.go, cut in the empty line", sent: ok11 + "Content-Length: 0\r\n\r", cut: true},

	// transfer.go, Transfer-Encoding.
	{name: "E4 Transfer-Encoding", sent: chunks11 + hello, want: "hello"},
	{name: "E4 Transfer-Encoding in capitals", sent: ok11 + "TRANSFER-ENCODING: CHUNKED\r\n\r\n" + hello, want: "hello"},
	{name: "E4 Transfer-Encoding, a coding before", sent: ok11 + "Transfer-Encoding: gzip, chunked\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding, a coding behind", sent: ok11 + "Transfer-Encoding: chunked, gzip\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding twice in a list", sent: ok11 + "Transfer-Encoding: chunked, chunked\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding in two fields", sent: ok11 + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding identity", sent: ok11 + "Transfer-Encoding: identity\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding empty", sent: ok11 + "Transfer-Encoding:\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding with a parameter", sent: ok11 + "Transfer-Encoding: chunked;q=1\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding and a comma", sent: ok11 + "Transfer-Encoding: chunked,\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding with a vertical tab", sent: ok11 + "Transfer-Encoding: \x0bchunked\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding with the sign of Kelvin", sent: ok11 + "Transfer-Encoding: chun\u212aed\r\n\r\n" + hello, refused: true},
	{name: "E4 Transfer-Encoding gzip on HEAD", method: "HEAD", sent: ok11 + "Transfer-Encoding: gzip\r\n\r\n", refused: true},
	{name: "E4 Transfer-Encoding in HTTP/1.0 (A222)", sent: ok10 + "Transfer-Encoding: chunked\r\n\r\n" + hello, refused: true, stricter: true},
	{name: "E4 Transfer-Encoding in HTTP/1.0, and a length", sent: ok10 + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx", refused: true, stricter: true},
	{name: "E4 Transfer-Encoding in HTTP/1.0, and no body", method: "HEAD", sent: ok10 + "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n", close: true, stricter: true},

	// transfer.go, Content-Length.
	{name: "E4 Content-Length", sent: ok11 + "Content-Length: 5\r\n\r\nhello", want: "hello"},
	{name: "E4 Content-Length with zeros", sent: ok11 + "Content-Length: 005\r\n\r\nhello", want: "hello"},
	{name: "E4 Content-Length twice the same (A213)", sent: ok11 + "Content-Length: 5\r\nContent-Length: 5 \r\n\r\nhello", want: "hello"},
	{name: "E4 Content-Length twice, with a zero", sent: ok11 + "Content-Length: 5\r\nContent-Length: 05\r\n\r\nhello", refused: true},
	{name: "E4 Content-Length of 63 bits (A197)", sent: ok11 + "Content-Length: 9223372036854775807\r\n\r\nx", cut: true},
	{name: "E4 Content-Length of 64 bits", sent: ok11 + "Content-Length: 9223372036854775808\r\n\r\nx", refused: true},
	{name: "E4 Content-Length bad, on HEAD", method: "HEAD", sent: ok11 + "Content-Length: x\r\n\r\n", refused: true},
	{name: "E4 Content-Length bad, with 204", sent: "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n", refused: true},
	{name: "E4 Content-Length bad, with 304", sent: "HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n\r\n", refused: true},
	{name: "E4 Content-Length bad, with 103", sent: "HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n" + ok11 + "Content-Length: 0\r\n\r\n", refused: true},
	{name: "E4 Content-Length bad, beside chunked", sent: ok11 + "Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n" + hello, refused: true},

	// transfer.go, the length of the body.
	{name: "E4 length, HEAD", method: "HEAD", sent: ok11 + "Content-Length: 5\r\n\r\n", want: ""},
	{name: "E4 length, HEAD chunked", method: "HEAD", sent: chunks11, want: ""},
	{name: "E4 length, HEAD and a body", method: "HEAD", sent: ok11 + "Content-Length: 5\r\n\r\nhello", left: 5},
	{name: "E4 length, HEAD without one", method: "HEAD", sent: ok11 + "\r\n"},
	{name: "E4 length, 204", sent: "HTTP/1.1 204 No Content\r\n\r\n"},
	{name: "E4 length, 204 and a length of zero", sent: "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"},
	{name: "E4 length, 204 and a body", sent: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", left: 5, close: true, stricter: true},
	{name: "E4 length, 204 chunked", sent: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" + hello, left: 15, close: true, stricter: true},
	{name: "E4 length, 304", sent: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
	{name: "E4 length, 103 has none", sent: "HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\n\r\n" + ok11 + "Content-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 length, 199 that sends one", sent: "HTTP/1.1 199 Odd\r\nContent-Length: 1\r\n\r\nx" + ok11 + "Content-Length: 0\r\n\r\n", refused: true},
	{name: "E4 length, chunked and a length (A213)", sent: ok11 + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" + hello, want: "hello", close: true, stricter: true},
	{name: "E4 length, neither", sent: ok11 + "\r\nall of it", want: "all of it", close: true},
	{name: "E4 length, neither, with keep-alive", sent: ok11 + "Connection: keep-alive\r\n\r\nall of it", want: "all of it", close: true},
	{name: "E4 length, zero", sent: ok11 + "Content-Length: 0\r\n\r\nx", left: 1},
	{name: "E4 length, 205 and a body", sent: "HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello", want: "hello"},
	{name: "E4 length, status 999", sent: "HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\nx", want: "x"},

	// transfer.go, the rest.
	{name: "E4 rest, close", sent: ok11 + "Content-Length: 1\r\nConnection: close\r\n\r\nx", want: "x", close: true},
	{name: "E4 rest, close in a list", sent: ok11 + "Content-Length: 1\r\nConnection: Upgrade,\t CLOSE , x\r\n\r\nx", want: "x", close: true},
	{name: "E4 rest, close in a second field", sent: ok11 + "Content-Length: 1\r\nConnection: keep-alive\r\nConnection: close\r\n\r\nx", want: "x", close: true},
	{name: "E4 rest, closed is not close", sent: ok11 + "Content-Length: 1\r\nConnection: closed, clo\u017fe\r\n\r\nx", want: "x"},
	{name: "E4 rest, HTTP/1.0", sent: ok10 + "Content-Length: 1\r\n\r\nx", want: "x", close: true},
	{name: "E4 rest, HTTP/1.0 with keep-alive", sent: ok10 + "Content-Length: 1\r\nConnection: foo\r\nConnection: x, Keep-Alive\r\n\r\nx", want: "x"},
	{name: "E4 rest, HTTP/1.0 with keep-alive and close", sent: ok10 + "Content-Length: 1\r\nConnection: close, keep-alive\r\n\r\nx", want: "x", close: true},
	{name: "E4 rest, a trailer named that decides the length", sent: ok11 + "Transfer-Encoding: chunked\r\nTrailer: A, content-LENGTH\r\n\r\n" + hello, refused: true},
	{name: "E4 rest, such a trailer of a body that is not chunked", sent: ok11 + "Content-Length: 1\r\nTrailer: Content-Length\r\n\r\nx", want: "x"},
	{name: "E4 rest, a short body", sent: ok11 + "Content-Length: 5\r\n\r\nhell", cut: true},
	{name: "E4 rest, no body at all", sent: ok11 + "Content-Length: 5\r\n\r\n", cut: true},
	{name: "E4 rest, a trailer", sent: chunks11 + "0\r\nA: b\r\n\r\n", want: ""},
	{name: "E4 rest, a trailer of 4096 bytes", sent: chunks11 + "0\r\nA: " + strings.Repeat("x", 4096-7) + "\r\n\r\n", want: ""},
	{name: "E4 rest, a trailer of 4097 bytes", sent: chunks11 + "0\r\nA: " + strings.Repeat("x", 4096-6) + "\r\n\r\n", refused: true},
	{name: "E4 rest, a trailer that does not end", sent: chunks11 + "0\r\nA: " + strings.Repeat("x", 8<<10), refused: true},
	{name: "E4 rest, a trailer of 4096 bytes that does not end", sent: chunks11 + "0\r\nA: " + strings.Repeat("x", 4096-3), refused: true},
	{name: "E4 rest, a trailer that decides the length", sent: chunks11 + "0\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\nTrailer: y\r\n\r\n", want: ""},
	{name: "E4 rest, a trailer with LF alone", sent: chunks11 + "0\r\nA: b\nC: d\r\n\r\n", refused: true, stricter: true},
	{name: "E4 rest, a trailer ended by LF", sent: chunks11 + "0\r\n\n", cut: true},
	{name: "E4 rest, a trailer without a colon", sent: chunks11 + "0\r\nA\r\n\r\n", refused: true},
	{name: "E4 rest, a trailer that begins with a blank", sent: chunks11 + "0\r\n A: b\r\n\r\n", refused: true},
	{name: "E4 rest, cut in the trailer", sent: chunks11 + "0\r\nA: b\r\n", cut: true},
	{name: "E4 rest, cut before the trailer (B036)", sent: chunks11 + "5\r\nhello\r\n0\r\n", cut: true},

	// internal/chunked.go.
	{name: "E4 chunked.go, several", sent: chunks11 + "5\r\nhello\r\nA\r\n, world!!!\r\n0\r\n\r\n", want: "hello, world!!!"},
	{name: "E4 chunked.go, bare LF behind the size (CVE-2025-22871)", sent: chunks11 + "5\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, bare LF for the size", sent: chunks11 + "\n\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, bare LF in an extension", sent: chunks11 + "5;a\nb\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, inner CR", sent: chunks11 + "5;a\rb\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, bare LF behind the data", sent: chunks11 + "5\r\nhello\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, a chunk longer than its size", sent: chunks11 + "5\r\nhellooo\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, extensions", sent: chunks11 + "5;a;b=c;d=\"e;f\"\r\nhello\r\n0;x\r\n\r\n", want: "hello"},
	{name: "E4 chunked.go, blanks behind the size", sent: chunks11 + "5 \t\r\nhello\r\n0\r\n\r\n", want: "hello"},
	{name: "E4 chunked.go, blanks before the size", sent: chunks11 + " 5\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, blanks before an extension", sent: chunks11 + "5 ;a\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, no size", sent: chunks11 + "\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, an extension alone", sent: chunks11 + ";a\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, 0x", sent: chunks11 + "0x5\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, minus", sent: chunks11 + "-5\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, underscore", sent: chunks11 + "0_5\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, 16 digits", sent: chunks11 + "0000000000000005\r\nhello\r\n0\r\n\r\n", want: "hello"},
	{name: "E4 chunked.go, 17 digits", sent: chunks11 + "00000000000000005\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, 2^64-1 (A214)", sent: chunks11 + "FFFFFFFFFFFFFFFF\r\nhello", cut: true},
	{name: "E4 chunked.go, 2^63", sent: chunks11 + "8000000000000000\r\nhello", cut: true},
	{name: "E4 chunked.go, line of 4096 bytes", sent: chunks11 + "5;" + strings.Repeat("x", 4096-4) + "\r\nhello\r\n0\r\n\r\n", want: "hello"},
	{name: "E4 chunked.go, line of 4097 bytes", sent: chunks11 + "5;" + strings.Repeat("x", 4096-3) + "\r\nhello\r\n0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, line that does not end", sent: chunks11 + "5;" + strings.Repeat("x", 8<<10), refused: true},
	{name: "E4 chunked.go, line of 4096 bytes that does not end", sent: chunks11 + "5;" + strings.Repeat("x", 4096-2), refused: true},
	{name: "E4 chunked.go, single bytes", sent: chunks11 + strings.Repeat("1\r\nx\r\n", 5000) + "0\r\n\r\n", want: strings.Repeat("x", 5000)},
	{name: "E4 chunked.go, 16 KiB of excess (A195)", sent: chunks11 + strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\na\r\n", 9) + "0\r\n\r\n", refused: true},
	{name: "E4 chunked.go, less than that", sent: chunks11 + strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\na\r\n", 8) + "0\r\n\r\n", want: "aaaaaaaa"},
	{name: "E4 chunked.go, cut in a size", sent: chunks11 + "5", cut: true},
	{name: "E4 chunked.go, cut in the data", sent: chunks11 + "5\r\nhell", cut: true},
	{name: "E4 chunked.go, cut behind the data", sent: chunks11 + "5\r\nhello\r", cut: true},
	{name: "E4 chunked.go, no last chunk (B035)", sent: chunks11 + "5\r\nhello\r\n", cut: true},
	{name: "E4 chunked.go, no chunk", sent: chunks11, cut: true},
	{name: "E4 chunked.go, bytes behind", sent: chunks11 + hello + "more", want: "hello", left: 4},

	// transport.go, and rules of our own.
	{name: "E4 transport.go, status 099", sent: "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", refused: true, stricter: true},
	{name: "E4 transport.go, status 000", sent: "HTTP/1.1 000 Odd\r\nContent-Length: 0\r\n\r\n", refused: true, stricter: true},
	{name: "E4 transport.go, 101 unasked", sent: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx", refused: true, stricter: true},
	{name: "E4 transport.go, 100 and 102 unasked", sent: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok11 + "Content-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 transport.go, nothing behind 1xx", sent: "HTTP/1.1 100 Continue\r\n\r\n", cut: true},
	{name: "E4 transport.go, 1000 fields", sent: ok11 + strings.Repeat("a: b\r\n", 999) + "Content-Length: 1\r\n\r\nx", want: "x"},
	{name: "E4 transport.go, 1001 fields (A194)", sent: ok11 + strings.Repeat("a: b\r\n", 1000) + "Content-Length: 1\r\n\r\nx", refused: true, stricter: true},
	{name: "E4 transport.go, endless 100 (A196)", sent: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1<<20/25+1) + ok11 + "\r\n", refused: true, stricter: true},
}

// TestResponses reads responses that follow RFC 9112, and others that do not.
func TestResponses(t *testing.T) {
	for _, tt := range responseCases {
		t.Run(tt.name, func(t *testing.T) {
			req := &Request{Method: tt.method}
			got := readings(t, tt.sent, req)
			switch {
			case tt.refused:
				if !errors.Is(got.err, fault.Protocol) {
					t.Errorf("the error is %v; want %v", got.err, fault.Protocol)
				}
			case tt.cut:
				if got.err != io.ErrUnexpectedEOF {
					t.Errorf("the error is %v; want %v", got.err, io.ErrUnexpectedEOF)
				}
			case got.err != nil:
				t.Error(got.err)
			case got.body != tt.want || got.left != tt.left || got.res.Close != tt.close:
				t.Errorf("it has the body %q, %d bytes behind it, Close %v; want %q, %d, %v", got.body, got.left, got.res.Close, tt.want, tt.left, tt.close)
			}
			compareWithNetHTTP(t, tt.sent, tt.method, got, tt.stricter)
		})
	}
}

// WPT says what browsers must accept. We accept no more than that, except for a
// status below 100.
func TestResponsesOfWPT(t *testing.T) {
	var lengths []struct {
		Input  string
		Output *int64
	}
	suite.Read(t, "external/wpt-fetch/content-lengths.json", &lengths)
	taken := 0
	for _, tt := range lengths {
		got := read(strings.NewReader(ok11+tt.Input+"\r\n\r\n"+strings.Repeat("x", 42)), new(Request), 512)
		if got.err != nil {
			continue
		}
		taken++
		if tt.Output == nil || int64(len(got.body)) != *tt.Output {
			t.Errorf("%q has a body of %d bytes", tt.Input, len(got.body))
		}
	}
	if taken < 4 {
		t.Errorf("%d of %d are taken; want those that give one number in one or two fields", taken, len(lengths))
	}

	var lines []struct {
		Input    string
		Expected *struct {
			Status     int
			StatusText string
		}
	}
	suite.Read(t, "external/wpt-fetch/h1-status-lines.json", &lines)
	for _, tt := range lines {
		got := read(strings.NewReader("HTTP/1.1 "+tt.Input+"\r\nContent-Length: 0\r\n\r\n"), new(Request), 512)
		if want := tt.Expected != nil && tt.Expected.Status >= 100; (got.err == nil) != want {
			t.Errorf("%q: error %v; want it taken: %v", tt.Input, got.err, want)
		}
		if got.err == nil && (got.res.StatusCode != tt.Expected.Status || got.res.Reason() != tt.Expected.StatusText) {
			t.Errorf("%q is %d %q; want %+v", tt.Input, got.res.StatusCode, got.res.Reason(), *tt.Expected)
		}
	}
}

// TestResponseIsWhatWasSent holds that no field is removed or added, as net/http
// does.
func TestResponseIsWhatWasSent(t *testing.T) {
	got := read(strings.NewReader("HTTP/1.1 200 Fine by me\r\nserver: x\r\nTransfer-Encoding: chunked\r\nCONNECTION: close\r\nTrailer: A\r\nTrailer: B\r\n"+
		"Pragma: no-cache\r\nSet-Cookie:a=b\r\nSet-Cookie: c=d\r\nset-cookie: e=f\r\nX-Empty:\r\nx-folded: a \r\n\t b\r\n  c\r\nX--y-z1: \t v \r\n\r\n0\r\na: 1\r\na: 2\r\nC: 3\r\n\r\n"), new(Request), 512)
	if got.err != nil {
		t.Fatal(got.err)
	}
	if r := got.res; r.StatusCode != 200 || r.Status != "200 Fine by me" || r.Reason() != "Fine by me" || r.Minor != 1 || r.Framing != Chunked || r.Length != -1 || !r.Close {
		t.Errorf("the response is %+v", r)
	}
	want := http.Header{"Server": {"x"}, "Transfer-Encoding": {"chunked"}, "Connection": {"close"}, "Trailer": {"A", "B"}, "Pragma": {"no-cache"},
		"Set-Cookie": {"a=b", "c=d", "e=f"}, "X-Empty": {""}, "X-Folded": {"a b c"}, "X--Y-Z1": {"v"}}
	if fmt.Sprint(got.res.Header) != fmt.Sprint(want) {
		t.Errorf("the header is %q; want %q", got.res.Header, want)
	}
	if want := (http.Header{"A": {"1", "2"}, "C": {"3"}}); fmt.Sprint(got.trailer) != fmt.Sprint(want) {
		t.Errorf("the trailer is %q; want %q", got.trailer, want)
	}
	got = read(strings.NewReader(ok11+"Content-Length: 1\r\ncontent-length:  1\r\n\r\nx"), new(Request), 512)
	if v := got.res.Header["Content-Length"]; got.err != nil || len(v) != 2 {
		t.Errorf("Content-Length is %q, error %v; want both", v, got.err)
	}
}

// Fields share the memory of the head. Appending to one must not change another.
func TestFieldsAreApart(t *testing.T) {
	got := read(strings.NewReader(ok11+"A: 1\r\nB: 2\r\nA: 3\r\nContent-Length: 0\r\n\r\n"), new(Request), 512)
	h := got.res.Header
	h.Add("A", "4")
	h.Add("B", "5")
	h["A"][0] = "6"
	if want := (http.Header{"A": {"6", "3", "4"}, "B": {"2", "5"}, "Content-Length": {"0"}}); fmt.Sprint(h) != fmt.Sprint(want) {
		t.Errorf("the header is %q; want %q", h, want)
	}
}

// A cookie or a token in a response that is refused must not get into a log.
func TestErrorsQuoteNothing(t *testing.T) {
	for name, sent := range map[string]string{
		"a control character in a value": ok11 + "Set-Cookie: sid=SECRET\x01\r\n\r\n",
		"a control character in a fold":  ok11 + "Set-Cookie: sid=\r\n SECRET\x01\r\n\r\n",
		"a control character behind it":  ok11 + "X-Some-Long-Name: sid=\r\n SECRETSECRETSECRETSECRET\x01\r\n\r\n",
		"a name of two words":            ok11 + "SECRET x: \x01\r\n\r\n",
		"no colon":                       ok11 + "sid=SECRET\r\n\r\n",
		"no name":                        ok11 + ": SECRET\r\n\r\n",
		"a space before the colon":       ok11 + "sid=SECRET : x\r\n\r\n",
		"a name that is no token":        ok11 + "sid=SECRET/: x\r\n\r\n",
		"a name with a space":            ok11 + "sid=SECRET x: \x01\r\n\r\n",
		"a first line with a blank":      ok11 + " SECRET\r\n\r\n",
		"a length":                       ok11 + "Content-Length: SECRET\r\n\r\n",
		"lengths":                        ok11 + "Content-Length: 1\r\nContent-Length: SECRET\r\n\r\n",
		"a coding":                       ok11 + "Transfer-Encoding: SECRET\r\n\r\n",
		"codings":                        ok11 + "Transfer-Encoding: chunked\r\nTransfer-Encoding: SECRET\r\n\r\n",
		"an announced trailer":           ok11 + "Transfer-Encoding: chunked\r\nTrailer: SECRET, Content-Length\r\n\r\n" + hello,
		"a status line":                  "HTTP/1.1 2xx SECRET\r\n\r\n",
		"a status line of one word":      "HTTP/1.1SECRET\r\n\r\n",
		"a version":                      "HTTP/SECRET 200 OK\r\n\r\n",
		"no HTTP":                        "sid=SECRET\r\n\r\n",
		"a field of early hints":         "HTTP/1.1 103 Early Hints\r\nLink: SECRET\x01\r\n\r\n",
		"a size":                         chunks11 + "SECRET\r\n",
		"an extension":                   chunks11 + "5;SECRET\n",
		"data":                           chunks11 + "5\r\nhelloSECRET\r\n",
		"a trailer":                      chunks11 + "0\r\nA: SECRET\x01\r\n\r\n",
		"a trailer without a colon":      chunks11 + "0\r\nSECRET\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := read(strings.NewReader(sent), new(Request), 512)
			if !errors.Is(got.err, fault.Protocol) {
				t.Fatalf("the error is %v", got.err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", got.err, got.err, errors.Unwrap(got.err)), "SECRET") {
				t.Errorf("the error is %v", got.err)
			}
		})
	}
}

// The error names the field, if it has a name, and shortens it.
func TestErrorsNameTheField(t *testing.T) {
	long := strings.Repeat("X", 500)
	for sent, want := range map[string]string{
		ok11 + "Set-Cookie: a\x01\r\n\r\n":      `malformed response: a control character in the field "Set-Cookie"`,
		ok11 + long + ": a\x01\r\n\r\n":         `malformed response: a control character in the field "X` + strings.ToLower(long[1:40]) + `"…`,
		ok11 + "A: b\r\nsid\r\n\r\n":            "malformed response: field line 2 has no colon",
		ok11 + "Content-Length: 5, 5\r\n\r\n":   "malformed response: the Content-Length is not a length",
		ok11 + ": sid\r\n\r\n":                  "malformed response: field line 1 has no name",
		"SSH-2.0-OpenSSH_9.9\r\n":               `malformed response: the response begins with "SSH-2" and not with a version of HTTP`,
		"HTTP/2.0 200 OK\r\n\r\n":               "malformed response: version HTTP/2.0",
		"H" + strings.Repeat("T", 2<<20) + "\n": `malformed response: the response begins with "HTTTT" and not with a version of HTTP`,
		"\x16\x03\x01\x00\x00":                  "malformed response: the server speaks TLS: perhaps its URL begins with https://",
	} {
		if got := read(strings.NewReader(sent), new(Request), 512); got.err == nil || got.err.Error() != want {
			t.Errorf("%.60q: the error is %v; want %s", sent, got.err, want)
		}
	}
}

package bridge

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/message"
)

// TestNormalize compares with what net/http makes of the same bytes.
func TestNormalize(t *testing.T) {
	for _, head := range []string{
		"200 OK|Content-Length: 5",
		"200 OK|Content-Length: 5|Content-Length: 5",
		"200 OK|Transfer-Encoding: chunked",
		"200 OK|Transfer-Encoding: chunked|Trailer: X-A, x-b|Trailer: X-C",
		"200 OK|Transfer-Encoding: chunked|Trailer: ",
		"200 OK|Trailer: X-A|Content-Length: 5",
		"200 OK|Connection: close|Content-Length: 5",
		"200 OK|Connection: keep-alive, Close|X-A: 1",
		"200 OK|Connection: x-hop|Content-Length: 5",
		"200 OK|Connection: keep-alive|Content-Length: 5",
		"200 OK|Pragma: no-cache|Content-Length: 5",
		"200 OK|Pragma: no-cache|Cache-Control: private|Content-Length: 5",
		"200 OK|Pragma: other|Content-Length: 5",
		"200 OK|X-A: to the end",
		"204 No Content|X-A: 1",
		"204 No Content|Content-Length: 0",
		"304 Not Modified|Content-Length: 5",
		"304 Not Modified|Transfer-Encoding: chunked",
		"404 Not Found|Content-Length: 0",
		"500 |Content-Length: 0",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
				if version == "HTTP/1.0" && strings.Contains(head, "Transfer-Encoding") {
					continue // refused
				}
				text := version + " " + strings.ReplaceAll(head, "|", "\r\n") + "\r\n\r\n"
				want, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), &http.Request{Method: method})
				require.NoError(t, err, text)

				var r message.Reader
				r.Reset(strings.NewReader(text))
				came, err := r.Head(&message.Request{Method: method})
				require.NoError(t, err, text)
				before := fmt.Sprint(came.Header)
				got := &http.Response{
					StatusCode: came.StatusCode, ProtoMajor: 1, ProtoMinor: came.Minor,
					Header: came.Header, ContentLength: came.Length, Close: came.Close,
				}
				Normalize(got, method)
				require.Equal(t, show(want), show(got), "%s %s", method, text)
				require.Equal(t, before, fmt.Sprint(came.Header), "what came was changed")
				again := show(got)
				Normalize(got, method)
				require.Equal(t, again, show(got), "a second time")
			}
		}
	}
}

func show(r *http.Response) string {
	return fmt.Sprint(r.StatusCode, r.Header, r.ContentLength, r.TransferEncoding, r.Trailer, r.Close)
}

// TestNormalize2 holds that for HTTP/2 only an announced trailer is moved.
func TestNormalize2(t *testing.T) {
	for _, tt := range []struct {
		method string
		header http.Header
		want   string
	}{
		{"GET", http.Header{"Trailer": {"X-A, X-B"}, "Pragma": {"no-cache"}}, "200 map[Pragma:[no-cache]] 7 [] map[X-A:[] X-B:[]] false"},
		{"HEAD", http.Header{"Content-Length": {"5"}}, "200 map[Content-Length:[5]] 5 [] map[] false"},
		{"HEAD", http.Header{}, "200 map[] -1 [] map[] false"},
		{"HEAD", http.Header{"Content-Length": {"x"}}, "200 map[Content-Length:[x]] -1 [] map[] false"},
	} {
		r := &http.Response{StatusCode: 200, ProtoMajor: 2, Header: tt.header, ContentLength: 7}
		Normalize(r, tt.method)
		require.Equal(t, tt.want, show(r))
	}
}

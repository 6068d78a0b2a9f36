package bridge

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTaken(t *testing.T) {
	hr := &http.Response{
		StatusCode: 200, Status: "200 OK", Proto: "HTTP/2.0", ProtoMajor: 2, Header: http.Header{"A": {"1"}}, ContentLength: 3, Close: true,
		Body: io.NopCloser(strings.NewReader("abc")),
	}
	r := FromNetHTTP(hr)
	require.Equal(t, []any{200, "200 OK", "HTTP/2.0", 2, 0, hr.Header, int64(3), true, hr},
		[]any{r.StatusCode, r.Status, r.Proto, r.Major, r.Minor, r.Header, r.Length, r.Close, r.Foreign})
	hr.Trailer = http.Header{"T": {"1"}} // as net/http does when the body ends
	require.Empty(t, r.Trailer)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, "abc", string(body))
	require.Equal(t, hr.Trailer, r.Trailer)
}

func TestTakenBodies(t *testing.T) {
	require.Nil(t, FromNetHTTP(&http.Response{StatusCode: 204}).Body)
	conn := io.NopCloser(strings.NewReader(""))
	require.Equal(t, conn, FromNetHTTP(&http.Response{StatusCode: 101, Body: conn}).Body, "the connection itself")
	bare := FromNetHTTP(&http.Response{StatusCode: 200, Proto: "HTTP/1.0", ContentLength: -1, Body: io.NopCloser(strings.NewReader("1\r\na\r\n1\r\nb\r\n"))})
	_, err := io.ReadAll(bare.Body)
	require.ErrorContains(t, err, "chunked")
}

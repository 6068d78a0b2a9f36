package bridge

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

func TestCheckRequest(t *testing.T) {
	u, h := &url.URL{Scheme: "http", Host: "a.test"}, http.Header{}
	for _, tt := range []struct {
		hr   *http.Request
		kind error
		want string
	}{
		{&http.Request{URL: u, Header: h}, nil, ""},
		{&http.Request{URL: u, Header: h, ContentLength: 5, Body: http.NoBody}, nil, ""},
		{nil, fault.InvalidOption, "the request is nil"},
		{&http.Request{Header: h}, fault.InvalidURL, "the URL is nil"},
		{&http.Request{URL: u}, fault.InvalidHeader, "the Header is nil"},
		{&http.Request{URL: &url.URL{Scheme: "http", Path: "/"}, Header: h}, fault.InvalidURL, "no host in the URL"},
		{&http.Request{URL: u, Header: h, ContentLength: -5}, fault.InvalidOption, "a ContentLength of -5 and no Body"},
	} {
		err := CheckRequest(tt.hr)
		require.ErrorIs(t, err, tt.kind)
		if tt.kind != nil {
			require.ErrorContains(t, err, tt.want)
		}
	}
}

func TestFields(t *testing.T) {
	h := http.Header{"A": {"1", "2"}, "User-Agent": {"x", "y"}, "Host": {"b.test"}, "Content-Length": {"5"}, "Transfer-Encoding": {"chunked"}, "Trailer": {"T"}}
	before := h.Clone()
	got := Fields(&http.Request{Header: h})
	require.Equal(t, http.Header{"A": {"1", "2"}, "User-Agent": {"x"}}, got)
	got["A"][0] = "changed"
	require.Equal(t, before, h, "it is not changed")
}

func TestLength(t *testing.T) {
	for _, tt := range []struct {
		length int64
		coding []string
		want   int64
	}{
		{5, nil, 5}, {0, nil, -1}, {-1, nil, -1}, {5, []string{"chunked"}, -1}, {5, []string{"identity"}, 5},
	} {
		require.Equal(t, tt.want, Length(&http.Request{ContentLength: tt.length, TransferEncoding: tt.coding}), "%v", tt)
	}
}

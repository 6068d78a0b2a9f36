package requests_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-requests/requests"
)

// partServer prints the parts of what it is sent.
func partServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil {
			fmt.Println(err)
			return
		}
		for {
			part, err := parts.NextPart()
			if err != nil {
				return
			}
			data, _ := io.ReadAll(part)
			fmt.Printf("%q %q %q %s\n", part.FormName(), part.FileName(), part.Header.Get("Content-Type"), data)
		}
	}))
}

func ExampleFiles() {
	server := partServer()
	defer server.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "report.csv")
	if err := os.WriteFile(path, []byte("a,b"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	_, err = requests.Post(context.Background(), server.URL,
		requests.Form{"kind": "monthly", "tag": []string{"x", "y"}},
		requests.Files{
			{Field: "report", Path: path, ContentType: "text/csv"},
			{Field: "notes", Name: "notes.txt", Reader: strings.NewReader("more")},
		})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// "kind" "" "" monthly
	// "tag" "" "" x
	// "tag" "" "" y
	// "report" "report.csv" "text/csv" a,b
	// "notes" "notes.txt" "" more
}

// A part with a type and without a filename, as APIs want that take JSON
// beside a file.
func ExampleFile() {
	server := partServer()
	defer server.Close()
	_, err := requests.Post(context.Background(), server.URL, requests.Files{
		{Field: "meta", Name: requests.NoName, Reader: strings.NewReader(`{"public":true}`), ContentType: "application/json"},
		{Field: "image", Name: "a.png", Reader: strings.NewReader("..."), Header: textproto.MIMEHeader{"Content-Language": {"en"}}},
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// "meta" "" "application/json" {"public":true}
	// "image" "a.png" "" ...
}

func ExamplePreparedRequest_Curl() {
	p, err := requests.NewRequest("POST", "https://api.example.com/orders?api_key=1234",
		requests.BearerAuth("abcd"),
		requests.Headers{"User-Agent": "shop/1.0", "Accept": "*/*"},
		requests.JSON(map[string]any{"item": "it's", "count": 1})).Prepare()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Curl())
	// Output: curl -X POST 'https://api.example.com/orders?api_key=***' -H 'Accept: */*' -H 'Authorization: ***' -H 'Content-Type: application/json' -H 'User-Agent: shop/1.0' --data-binary '{"count":1,"item":"it'\''s"}'
}

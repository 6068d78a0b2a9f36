package message_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/go-requests/requests/internal/message"
)

func ExampleRequest_AppendHead() {
	req := message.Request{Method: "PUT", Target: "/notes/1", Host: "example.com", Header: http.Header{"Content-Type": {"text/plain"}}, Length: 5}
	if err := req.Check(); err != nil {
		fmt.Println(err)
		return
	}
	out := append(req.AppendHead(nil), "hello"...)
	os.Stdout.WriteString(strings.ReplaceAll(string(out), "\r", ""))
	// Output:
	// PUT /notes/1 HTTP/1.1
	// Host: example.com
	// Content-Length: 5
	// Content-Type: text/plain
	//
	// hello
}

func ExampleRequest_Check() {
	req := message.Request{Method: "GET", Target: "/", Host: "example.com", Header: http.Header{"X-Name": {"a\r\nX-Admin: true"}}}
	fmt.Println(req.Check())
	// Output: invalid header: the field "X-Name" has a control character
}

func ExampleReader() {
	conn := strings.NewReader("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	req := &message.Request{Method: "GET", Target: "/", Host: "example.com"}
	r := message.NewReader(conn)
	res, err := r.Head(req)
	for err == nil && res.Interim() {
		fmt.Println(res.Status, res.Header)
		res, err = r.Head(req)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := io.ReadAll(r)
	fmt.Printf("%s %q %v\n", res.Status, body, err)
	fmt.Println("reusable:", r.Reusable())
	// Output:
	// 103 Early Hints map[Link:[</style.css>; rel=preload]]
	// 200 OK "hello" <nil>
	// reusable: true
}

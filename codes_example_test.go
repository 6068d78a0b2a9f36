package requests_test

import (
	"fmt"

	"github.com/go-requests/requests"
)

func ExampleCode() {
	code, ok := requests.Code("not_found")
	fmt.Println(code, ok)
	code, ok = requests.Code("NOT_FOUND")
	fmt.Println(code, ok)
	code, ok = requests.Code("nothing_like_it")
	fmt.Println(code, ok)
	// Output:
	// 404 true
	// 404 true
	// 0 false
}

func ExampleCodeNames() {
	fmt.Println(requests.CodeNames(418))
	fmt.Println(requests.CodeNames(299))
	// Output:
	// [im_a_teapot teapot i_am_a_teapot]
	// []
}

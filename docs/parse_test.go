package docs

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parsed returns the fragments of a page.
func parsed(t *testing.T, source string) []*fragment {
	var all []*fragment
	for _, b := range parsePage("page.md", []byte(strings.ReplaceAll(source, "~~~", "```"))).blocks {
		f, err := parseFragment(b)
		require.NoError(t, err)
		all = append(all, f)
	}
	return all
}

func TestForms(t *testing.T) {
	all := parsed(t, `
~~~go
x := 1
~~~

~~~python
x = 1
~~~

~~~go
type T struct{}

func (T) Method() {}
~~~

~~~go
func TestIt(t *testing.T) {}
~~~

~~~go
package main
~~~

~~~go
requests.Params{"q": "go"}
~~~
`)
	require.Len(t, all, 5)
	require.Equal(t, []form{statements, declarations, declarations, whole, statements}, []form{all[0].form, all[1].form, all[2].form, all[3].form, all[4].form})
	require.True(t, all[2].tests)
	require.Equal(t, "x := 1; _ = &x\n", all[0].source())
	require.Equal(t, "_ = requests.Params{\"q\": \"go\"}\n", all[4].source())
	require.Equal(t, 3, all[0].line)
}

func TestErrorsAreNotForgotten(t *testing.T) {
	all := parsed(t, `
~~~go
r, err := f()
fmt.Println(r)
_, err = g()
if err != nil {
	fmt.Println(err)
}
~~~
`)
	require.Equal(t, `r, err := f(); if err != nil { return err }; _ = &r
fmt.Println(r)
_, err = g()
if err != nil {
	fmt.Println(err)
}
`, all[0].source())
}

func TestNamesOfABlock(t *testing.T) {
	f := parsed(t, "~~~go\nu, err := url.Parse(url2)\nr, err := requests.Get(ctx, u.String(), requests.Timeout{Total: limit})\n~~~\n")[0]
	require.ElementsMatch(t, []string{"url", "url2", "requests", "ctx", "limit", "nil", "error"}, append(slices.Collect(maps.Keys(f.free)), "nil"))
	require.Equal(t, map[string]bool{"url": true, "requests": true}, f.imports(map[string]string{"url": "net/url", "requests": "x", "limit": "limit"}))
}

// A block goes on from the one above that declares what it needs, in its section.
func TestBlocksGoOn(t *testing.T) {
	all := parsed(t, `
# One

~~~go
a := 1
~~~

~~~go
b := a
~~~

### Below

~~~go
fmt.Println(b)
~~~

## Two

~~~go
fmt.Println(a)
~~~
`)
	require.Empty(t, all[0].above(all))
	require.Equal(t, all[:1], all[1].above(all))
	require.Equal(t, all[:2], all[2].above(all))
	require.Empty(t, all[3].above(all))
}

func TestOutputs(t *testing.T) {
	all := parsed(t, `
~~~go
fmt.Println(1) // → 1
// A comment.
fmt.Println(2) // → 2
~~~

~~~go
fmt.Println(3)
~~~

~~~text
3
~~~

~~~go
fmt.Println(4)
// Output:
// 4
~~~

~~~go
fmt.Println(5) // five
~~~

<!-- not run: it needs a browser -->

~~~go
fmt.Println(6)
~~~

<!-- not run: -->

~~~go
fmt.Println(7)
~~~
`)
	var outputs []string
	for _, f := range all {
		outputs = append(outputs, f.output)
	}
	require.Equal(t, []string{"1\n2\n", "3\n", "4\n", "", "", ""}, outputs)
	require.False(t, all[3].compared)
	require.Equal(t, mark{"not run", "it needs a browser"}, all[4].skipped)
	require.Empty(t, all[5].skipped, "a mark without a reason is none")
}

func TestFaultsHaveTheirLine(t *testing.T) {
	for _, code := range []string{"x := 1\ny := )", "package p\nfunc", "func f() {}\nx := 1"} {
		_, err := parseFragment(&block{page: "page.md", line: 10, code: code})
		require.ErrorContains(t, err, "page.md:11: ", code)
	}
}

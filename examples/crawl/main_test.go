package main

import (
	"testing"

	"github.com/go-requests/requests/examples/internal/programtest"
)

func TestCrawl(t *testing.T) {
	programtest.Prints(t, crawl, `
200 /site/
200 /site/news
200 /site/about
200 /site/news/1
200 /site/news/2
404 Client Error: Not Found for url: URL/site/missing
`)
}

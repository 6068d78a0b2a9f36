package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// site has pages that link to each other, to a missing page, and to another site.
func site(w http.ResponseWriter, r *http.Request) {
	links, ok := map[string][]string{
		"":       {"news", "about", "https://example.com/"},
		"news":   {"news/1", "news/2", "missing"},
		"about":  {".", "news"},
		"news/1": {"2", "../about"}, "news/2": {"1"},
	}[r.PathValue("page")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	for _, link := range links {
		fmt.Fprintf(w, "<a href=%q>%[1]s</a>\n", link)
	}
}

const bookPages = 4

// books is a list in pages, each of which names the next one in its Link field.
func books(w http.ResponseWriter, r *http.Request) {
	page := pageOf(w, r, bookPages)
	list := []string{}
	for i := range 3 {
		list = append(list, fmt.Sprintf("book %d", 3*page-2+i))
	}
	answer(w, http.StatusOK, list)
}

// pageOf returns the page that r asks for, and links to the next one.
func pageOf(w http.ResponseWriter, r *http.Request, last int) int {
	page, err := strconv.Atoi(r.FormValue("page"))
	if err != nil {
		page = 1
	}
	if page < last {
		w.Header().Set("Link", fmt.Sprintf(`<%s?page=%d>; rel="next", <%[1]s?page=%d>; rel="last"`, r.URL.Path, page+1, last))
	}
	return page
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// repos is like the list of repositories on GitHub.
func repos(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") == "":
		answer(w, http.StatusUnauthorized, map[string]string{"message": "Requires authentication"})
	case r.PathValue("user") != "ann":
		answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	default:
		page := pageOf(w, r, 2)
		answer(w, http.StatusOK, []map[string]any{{"name": fmt.Sprintf("repo-%d", 2*page-1), "stars": 7 * page}, {"name": fmt.Sprintf("repo-%d", 2*page)}})
	}
}

// quote fails now and then.
func quote(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Duration(rand.N(20)) * time.Millisecond)
	if rand.N(10) == 0 {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprint(w, "All is well.")
}

const allTicks = 6

// ticks is a feed of events whose connections end after two of them. It continues
// after the last event that the client has seen. A 204 says that there are no more.
func ticks(w http.ResponseWriter, r *http.Request) {
	seen, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	if seen == allTicks {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "retry: 200\n\n")
	for n := seen + 1; n <= min(seen+2, allTicks); n++ {
		time.Sleep(50 * time.Millisecond)
		fmt.Fprintf(w, "id: %d\ndata: tick %[1]d\n\n", n)
		http.NewResponseController(w).Flush()
	}
}

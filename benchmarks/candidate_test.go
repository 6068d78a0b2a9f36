package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The server answers each scenario with what it received, to check that the
// candidate sent the right request.
func server(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		json.NewEncoder(w).Encode(Small{ID: 7, Name: r.Method + " " + r.URL.RawQuery, Comment: user + ":" + pass, Tags: []string{r.Header.Get("X-T")}})
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	mux.HandleFunc("/lines", func(w http.ResponseWriter, r *http.Request) {
		for i := range 1000 {
			fmt.Fprintln(w, i)
		}
	})
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		f, h, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		n, _ := io.Copy(io.Discard, f)
		json.NewEncoder(w).Encode(UploadReply{Field: "file", Name: h.Filename, Size: n})
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func client(t *testing.T) Client {
	c, err := peers[0].New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestCandidateJSON(t *testing.T) {
	base, c := server(t), client(t)
	var got Small
	if err := c.GetJSON(base+"/json", &got); err != nil || got.ID != 7 || got.Name != "GET " {
		t.Errorf("GetJSON = %+v, %v", got, err)
	}
	got = Small{}
	err := c.GetParams(base+"/json", [][2]string{{"a", "1"}, {"b", "x y"}}, [][2]string{{"X-T", "v"}}, "u", "p", &got)
	if err != nil || got.Name != "GET a=1&b=x+y" || got.Comment != "u:p" || !slices.Equal(got.Tags, []string{"v"}) {
		t.Errorf("GetParams = %+v, %v", got, err)
	}
	got = Small{}
	if err := c.PostJSON(base+"/echo", &Small{ID: 8, Name: "<&>"}, &got); err != nil || got.ID != 8 || got.Name != "<&>" {
		t.Errorf("PostJSON = %+v, %v", got, err)
	}
	if err := c.GetJSON(base+"/missing", &got); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("GetJSON of what is missing = %v, want 404", err)
	}
}

func TestCandidateBodies(t *testing.T) {
	base, c := server(t), client(t)
	b, err := c.GetBytes(base + "/lines")
	if err != nil || !strings.HasSuffix(string(b), "998\n999\n") {
		t.Errorf("GetBytes = %d bytes, %v", len(b), err)
	}
	n := 0
	err = c.Lines(base+"/lines", func(line []byte) error {
		if string(line) != fmt.Sprint(n) {
			return fmt.Errorf("line %d is %q", n, line)
		}
		n++
		return nil
	})
	if err != nil || n != 1000 {
		t.Errorf("Lines = %d lines, %v", n, err)
	}
	path := filepath.Join(t.TempDir(), "file.txt")
	size, err := c.Download(base+"/lines", path)
	saved, _ := os.ReadFile(path)
	if err != nil || size != int64(len(b)) || string(saved) != string(b) {
		t.Errorf("Download = %d, %v, and the file has %d bytes", size, err, len(saved))
	}
	var reply UploadReply
	if err := c.Upload(base+"/upload", "file", path, &reply); err != nil || reply.Size != size || reply.Name != "file.txt" {
		t.Errorf("Upload = %+v, %v", reply, err)
	}
}

package conformance

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-requests/requests"
)

// These tests check the runner against FORMAT.md. A rule that lets everything pass
// would make the corpus worthless.

// compareWith compares got with an expectation in JSON, and returns the differences.
func compareWith(t *testing.T, c *corpusCase, expect string, got *observation) []string {
	t.Helper()
	c.Expect = json.RawMessage(expect)
	want, err := parseExpectation(c)
	if err != nil {
		t.Fatalf("%s: %v", expect, err)
	}
	hide := strings.NewReplacer("127.0.0.1:40000", "{host}").Replace
	cmp := &comparison{c: c, hide: hide}
	cmp.all(want, got)
	return cmp.diffs
}

func TestHeaderRules(t *testing.T) {
	for _, tt := range []struct {
		name   string
		expect string // headers and absent of the first request
		got    [][2]string
		order  bool
		want   string // the beginning of the only difference, or ""
	}{
		{name: "equal, in other letters", expect: `"headers": [["X-A", "1"]]`, got: [][2]string{{"x-a", "1"}}},
		{name: "placeholder", expect: `"headers": [["Host", "{host}"]]`, got: [][2]string{{"Host", "127.0.0.1:40000"}}},
		{name: "spaces around the value", expect: `"headers": [["X-A", " 1"]]`, got: [][2]string{{"X-A", "1\t"}}},
		{name: "other value", expect: `"headers": [["X-A", "1"]]`, got: [][2]string{{"X-A", "2"}}, want: "wire[0]: field x-a"},
		{name: "bytes", expect: `"headers": [["X-A", {"b64": "/w=="}]]`, got: [][2]string{{"X-A", "\xff"}}},
		{name: "missing", expect: `"headers": [["X-A", "1"]]`, want: "wire[0]: field x-a"},
		{name: "repeated in order", expect: `"headers": [["X-A", "1"], ["X-A", "2"]]`, got: [][2]string{{"X-A", "1"}, {"X-A", "2"}}},
		{name: "repeated in other order", expect: `"headers": [["X-A", "1"], ["X-A", "2"]]`, got: [][2]string{{"X-A", "2"}, {"X-A", "1"}}, want: "wire[0]: field x-a"},
		{name: "optional and missing", expect: `"headers": [["X-A", "1", "optional"]]`},
		{name: "optional and other", expect: `"headers": [["X-A", "1", "optional"]]`, got: [][2]string{{"X-A", "2"}}, want: "wire[0]: field x-a"},
		{name: "present", expect: `"headers": [["X-A", "", "present"]]`, got: [][2]string{{"X-A", "2"}}},
		{name: "not present", expect: `"headers": [["X-A", "", "present"]]`, want: "wire[0]: field x-a is missing"},
		{name: "any", expect: `"headers": [["X-A", "", "any"]]`, got: [][2]string{{"X-A", "2"}}},
		{name: "leaked", expect: `"headers": []`, got: [][2]string{{"Authorization", "Basic x"}}, want: "wire[0]: field authorization was not expected"},
		{name: "added by every client", expect: `"headers": []`, got: [][2]string{{"User-Agent", "x"}, {"Accept-Encoding", "gzip"}, {"Content-Length", "0"}}},
		{name: "length of a body", expect: `"headers": []`, got: [][2]string{{"Content-Length", "1"}}, want: "wire[0]: field content-length was not expected"},
		{name: "absent", expect: `"headers": [], "absent": ["accept"]`, got: [][2]string{{"Accept", "*/*"}}, want: "wire[0]: field accept must be absent"},
		{name: "cookies as a set", expect: `"headers": [["Cookie", "a=1; b=2"]]`, got: [][2]string{{"Cookie", "b=2; a=1"}}},
		{name: "cookies in order", expect: `"headers": [["Cookie", "a=1; b=2"]]`, got: [][2]string{{"Cookie", "b=2; a=1"}}, order: true, want: "wire[0]: field cookie"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := &observation{wire: []loggedRequest{{seenMessage: seenMessage{headers: tt.got}}}}
			expect := fmt.Sprintf(`{"wire": [{%s}], "steps": []}`, tt.expect)
			diffs := compareWith(t, &corpusCase{CookieOrder: tt.order}, expect, got)
			if !oneDifference(diffs, tt.want) {
				t.Errorf("compare(%s, %q) = %q; want %q", tt.expect, tt.got, diffs, tt.want)
			}
		})
	}
}

func TestIgnore(t *testing.T) {
	expect := `{"wire": [{"headers": [["X-A", "1"], ["X-B", "1"]], "target": "/a"}], "steps": [{"response": {"url": "a", "ok": true}}]}`
	got := &observation{
		wire:  []loggedRequest{{target: "/b", seenMessage: seenMessage{headers: [][2]string{{"X-A", "2"}, {"X-B", "1"}}}}},
		steps: []seenStep{{response: map[string]any{"url": "b", "ok": true}}},
	}
	all := []string{"wire[0].header.x-a", "wire[0].target", "steps[0].response.url"}
	for i := range all {
		c := &corpusCase{Steps: make([]stepSpec, 1), Ignore: slices.Delete(slices.Clone(all), i, i+1)}
		if diffs := compareWith(t, c, expect, got); len(diffs) != 1 {
			t.Errorf("compare ignoring %q = %q; want the difference in %s", c.Ignore, diffs, all[i])
		}
	}
	for _, ignored := range [][]string{all, {"wire", "steps[0].response"}} {
		c := &corpusCase{Steps: make([]stepSpec, 1), Ignore: ignored}
		if diffs := compareWith(t, c, expect, got); len(diffs) > 0 {
			t.Errorf("compare ignoring %q = %q; want none", ignored, diffs)
		}
	}
}

// oneDifference reports whether the only difference begins with want; "" is for none.
func oneDifference(diffs []string, want string) bool {
	if want == "" {
		return len(diffs) == 0
	}
	return len(diffs) == 1 && strings.HasPrefix(diffs[0], want)
}

func TestMessageRules(t *testing.T) {
	multipart := [][2]string{{"Content-Type", "multipart/form-data; boundary=XX"}}
	part := "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nX: 1\r\n\r\nv\r\n"
	wantPart := `"multipart": [{"headers": [["x", "1"], ["Content-Disposition", "form-data; name=\"a\""]], "body": "v"}]`
	for _, tt := range []struct {
		name, expect string
		got          loggedRequest
		want         string
	}{
		{"body", `"body": "a {host}"`, loggedRequest{seenMessage: seenMessage{body: []byte("a 127.0.0.1:40000")}}, ""},
		{"other body", `"body": "a"`, loggedRequest{seenMessage: seenMessage{body: []byte("b")}}, "wire[0].body"},
		{"long body", `"body": {"len": 3000, "sha256": "003164e6603fa379c3e677ac09e2b6e5b761d47bd7418e9e5642196d2d26f536"}`,
			loggedRequest{seenMessage: seenMessage{body: make([]byte, 3000)}}, "wire[0].body"},
		{"no body", `"body": null`, loggedRequest{seenMessage: seenMessage{body: []byte{}}}, "wire[0].body"},
		{"stream", `"body": {"kind": "stream"}`, loggedRequest{seenMessage: seenMessage{stream: true}}, ""},
		{"JSON", `"body_json": {"a": 1.0, "b": [null]}`, loggedRequest{seenMessage: seenMessage{body: []byte(`{"b":[null],"a":1}`)}}, ""},
		{"other JSON", `"body_json": {"a": 1}`, loggedRequest{seenMessage: seenMessage{body: []byte(`{"a":2}`)}}, "wire[0].body_json"},
		{"no JSON", `"body_json": {"a": 1}`, loggedRequest{seenMessage: seenMessage{body: []byte(`{`)}}, "wire[0].body_json"},
		{"large integers", `"body_json": 9007199254740993`, loggedRequest{seenMessage: seenMessage{body: []byte("9007199254740992")}}, "wire[0].body_json"},
		{"framing", `"framing": "length", "body": "a"`, loggedRequest{framing: "chunked", seenMessage: seenMessage{body: []byte("a")}}, "wire[0].framing"},
		{"framing of nothing", `"framing": "length", "body": ""`, loggedRequest{framing: "none", seenMessage: seenMessage{body: []byte{}}}, ""},
		{"cut", `"method": ""`, loggedRequest{cut: true}, "wire[0]: the body was cut short"},
		{"origin", `"on": "base2"`, loggedRequest{on: "base"}, "wire[0].on"},
		{"target", `"target": "/a"`, loggedRequest{target: "/b"}, "wire[0].target"},
		{"connection", `"conn": 1`, loggedRequest{conn: 0}, "wire[0].conn"},
		{"method", `"method": "GET"`, loggedRequest{seenMessage: seenMessage{method: "get"}}, "wire[0].method"},
		{"multipart", wantPart, loggedRequest{seenMessage: seenMessage{headers: multipart, body: []byte(part + "--XX--\r\n")}}, ""},
		{"multipart without a type", wantPart, loggedRequest{seenMessage: seenMessage{body: []byte(part + "--XX--\r\n")}}, ""},
		{"multipart with a preamble", wantPart, loggedRequest{seenMessage: seenMessage{headers: multipart, body: []byte("p\r\n" + part + "--XX--\r\n")}}, "wire[0].multipart"},
		{"multipart with an epilogue", wantPart, loggedRequest{seenMessage: seenMessage{headers: multipart, body: []byte(part + "--XX--\r\ne")}}, "wire[0].multipart"},
		{"multipart cut", wantPart, loggedRequest{seenMessage: seenMessage{headers: multipart, body: []byte(part)}}, "wire[0].multipart"},
		{"multipart, part too many", wantPart, loggedRequest{seenMessage: seenMessage{headers: multipart, body: []byte(part + part + "--XX--\r\n")}}, "wire[0].multipart"},
		{"multipart, other part", strings.Replace(wantPart, `"v"`, `"w"`, 1), loggedRequest{seenMessage: seenMessage{headers: multipart, body: []byte(part + "--XX--\r\n")}}, "wire[0].multipart[0].body"},
		{"multipart, other field", strings.Replace(wantPart, `"1"`, `"2"`, 1), loggedRequest{seenMessage: seenMessage{headers: multipart, body: []byte(part + "--XX--\r\n")}}, "wire[0].multipart[0].headers"},
		{"multipart boundary", `"headers": [["Content-Type", "multipart/form-data; boundary={boundary}"]]`, loggedRequest{seenMessage: seenMessage{headers: multipart}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expect := fmt.Sprintf(`{"wire": [{%s}], "steps": []}`, tt.expect)
			if diffs := compareWith(t, new(corpusCase), expect, &observation{wire: []loggedRequest{tt.got}}); !oneDifference(diffs, tt.want) {
				t.Errorf("compare(%s) = %q; want %q", tt.expect, diffs, tt.want)
			}
		})
	}
}

func TestStepRules(t *testing.T) {
	refused := &seenError{class: "ConnectTimeout", isA: errorAncestors("ConnectTimeout"), err: requests.ErrConnectTimeout}
	for _, tt := range []struct {
		name, expect string
		reads        []readSpec
		got          seenStep
		want         string
	}{
		{name: "error", expect: `"error": {"class": "ConnectTimeout", "is_a": ["ConnectionError", "RequestException", "Timeout"]}`, got: seenStep{err: refused}},
		{name: "other error", expect: `"error": {"class": "ReadTimeout"}`, got: seenStep{err: refused}, want: "steps[0].error"},
		{name: "no error", expect: `"error": {"class": "ReadTimeout"}`, want: "steps[0]: got no error"},
		{name: "no foreign error", expect: `"error": {"class": "ValueError", "foreign": true}`, want: "steps[0]: got no error"},
		{name: "foreign error", expect: `"error": {"class": "ValueError", "foreign": true}`, got: seenStep{err: refused}},
		{name: "unexpected error", expect: `"value": 1`, got: seenStep{err: refused}, want: "steps[0]: got the error"},
		{name: "message", expect: `"error": {"class": "HTTPError", "is_a": [], "message": "a", "message_strict": true}`,
			got: seenStep{err: &seenError{class: "HTTPError", message: "b"}}, want: "steps[0].error.message"},
		{name: "response of an error", expect: `"error": {"class": "HTTPError", "is_a": [], "response": {"status_code": 404}}`,
			got: seenStep{err: &seenError{class: "HTTPError"}}, want: "steps[0].error.response"},
		{name: "response", expect: `"response": {"ok": true}`, got: seenStep{response: map[string]any{"ok": false, "text": "free"}}, want: "steps[0].response.ok"},
		{name: "value", expect: `"value": null`, got: seenStep{value: "x"}, want: "steps[0].value"},
		{name: "chunks", expect: `"reads": [{"op": "iter", "chunks": ["ab", "c"]}]`, reads: []readSpec{{}},
			got: seenStep{reads: []seenRead{{chunks: [][]byte{[]byte("a"), []byte("bc")}}}}, want: "steps[0].reads[0] iter chunks"},
		{name: "joined chunks", expect: `"reads": [{"op": "iter", "chunks": ["ab", "c"], "compare": "concat"}]`, reads: []readSpec{{}},
			got: seenStep{reads: []seenRead{{chunks: [][]byte{[]byte("a"), []byte("bc")}}}}},
		{name: "chunk too long", expect: `"reads": [{"op": "iter", "chunks": ["ab", "c"], "compare": "concat"}]`, reads: []readSpec{{ChunkSize: json.RawMessage("2")}},
			got: seenStep{reads: []seenRead{{chunks: [][]byte{[]byte("abc")}}}}, want: "steps[0].reads[0] iter: a piece of 3 bytes"},
		{name: "prefix", expect: `"reads": [{"op": "iter", "chunks": ["ab", "c"], "compare": "prefix"}]`, reads: []readSpec{{}},
			got: seenStep{reads: []seenRead{{chunks: [][]byte{[]byte("abcde")}}}}},
		{name: "no prefix", expect: `"reads": [{"op": "iter", "chunks": ["ab", "c"], "compare": "prefix"}]`, reads: []readSpec{{}},
			got: seenStep{reads: []seenRead{{chunks: [][]byte{[]byte("b")}}}}, want: "steps[0].reads[0] iter"},
		{name: "missing read", expect: `"reads": [{"op": "text", "value": ""}]`, reads: []readSpec{{}}, want: "steps[0].reads"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &corpusCase{Steps: []stepSpec{{Reads: tt.reads}}}
			expect := fmt.Sprintf(`{"steps": [{%s}]}`, tt.expect)
			if diffs := compareWith(t, c, expect, &observation{steps: []seenStep{tt.got}}); !oneDifference(diffs, tt.want) {
				t.Errorf("compare(%s) = %q; want %q", tt.expect, diffs, tt.want)
			}
		})
	}
}

// TestDigest verifies the answers in RFC 2617, section 3.5, and RFC 7616, section
// 3.9.1, and one of MD5-sess. Other passwords and fields must be refused.
func TestDigest(t *testing.T) {
	for _, tt := range []struct{ value, password string }{
		{`Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", ` +
			`qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"`, "Circle Of Life"},
		{`Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256, ` +
			`nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, ` +
			`response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`, "Circle of Life"},
		{`Digest username="u", realm="r", nonce="n", uri="/", algorithm="MD5-sess", qop=auth, nc=00000001, cnonce="c", response="6e4aac8b22e97762f88ccd0d5ccf5b1d"`, "p"},
	} {
		fields, ok := seenDigestFields(tt.value)
		if !ok {
			t.Fatalf("digestFields(%q) found no fields", tt.value)
		}
		if sum, err := seenDigestResponse(fields, tt.password, "GET"); err != nil || sum != fields["response"] {
			t.Errorf("digestResponse(%v, %q) = %q, %v; want %q", fields, tt.password, sum, err, fields["response"])
		}
		delete(fields, "response")
		delete(fields, "cnonce")
		want, _ := json.Marshal(fields)
		got := &observation{wire: []loggedRequest{{seenMessage: seenMessage{method: "GET", headers: [][2]string{{"Authorization", tt.value}}}}}}
		known := `{"cnonce": "{any}", ` + strings.TrimPrefix(string(want), "{")
		for _, check := range []struct{ digest, password, diff string }{
			{known, tt.password, ""},
			{known, "other", "wire[0].digest: response"},
			{strings.Replace(known, `"nc":"00000001"`, `"nc":"00000002"`, 1), tt.password, "wire[0].digest.nc"},
			{strings.Replace(known, `"nc":"00000001",`, "", 1), tt.password, "wire[0].digest.nc"},
			{string(want), tt.password, "wire[0].digest.cnonce"},
		} {
			expect := fmt.Sprintf(`{"wire": [{"headers": [["Authorization", "{digest}"]], "digest": %s, "digest_password": %q}], "steps": []}`,
				check.digest, check.password)
			diff := check.diff
			if diffs := compareWith(t, new(corpusCase), expect, got); !oneDifference(diffs, diff) {
				t.Errorf("compare(%s) = %q; want %q", expect, diffs, diff)
			}
		}
	}
}

// TestOutcomeRules compares what remains after all steps.
func TestOutcomeRules(t *testing.T) {
	soon := jsonNumber(int(time.Now().Unix()) + 3600)
	jar := func(expires json.Number) []any { return []any{map[string]any{"name": "a", "expires": expires}} }
	for _, tt := range []struct {
		name, expect string
		got          observation
		want         string
	}{
		{"jar", `"jar": []`, observation{}, ""},
		{"another cookie", `"jar": []`, observation{jar: jar(soon)}, "jar"},
		{"expires soon", `"jar": [{"name": "a", "expires": {"in": 3650}}]`, observation{jar: jar(soon)}, ""},
		{"expires too soon", `"jar": [{"name": "a", "expires": {"in": 3800}}]`, observation{jar: jar(soon)}, "jar"},
		{"expires at", `"jar": [{"name": "a", "expires": 5}]`, observation{jar: jar("5")}, ""},
		{"sleeps", `"sleeps": [0.5, 1]`, observation{sleeps: []float64{0.5000001, 1}}, ""},
		{"other sleeps", `"sleeps": [0.5]`, observation{sleeps: []float64{0.6}}, "sleeps"},
		{"a sleep too many", `"sleeps": [0.5]`, observation{sleeps: []float64{0.5, 0.5}}, "sleeps"},
		{"sleeps of their own accord", ``, observation{sleeps: []float64{1}}, "sleeps"},
		{"nobody to ask about sleeps", `"sleeps": [0.5]`, observation{}, ""},
		{"hook log", `"hook_log": ["a:200:{host}"]`, observation{hookLog: []string{"a:200:{host}"}}, ""},
		{"hook not called", `"hook_log": ["a:200:{host}"]`, observation{}, "hook_log"},
		{"hook called", `"hook_log": []`, observation{hookLog: []string{"a"}}, "hook_log"},
		{"a request too many", `"wire": []`, observation{wire: make([]loggedRequest, 1)}, "wire"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expect := `{"steps": []` + strings.TrimSuffix(", "+tt.expect, ", ") + "}"
			if diffs := compareWith(t, new(corpusCase), expect, &tt.got); !oneDifference(diffs, tt.want) {
				t.Errorf("compare(%s) = %q; want %q", tt.expect, diffs, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		kind, expect string
		got          observation
		want         string
	}{
		{"proxy", `{"proxy": null}`, observation{}, ""},
		{"proxy", `{"proxy": "http://{host}"}`, observation{proxy: "http://127.0.0.1:40000"}, ""},
		{"proxy", `{"proxy": null}`, observation{proxy: "http://p"}, "proxy"},
		{"proxy", `{"error": {"class": "InvalidProxyURL"}}`, observation{proxy: "http://p"}, "proxy"},
		{"codes", `{"codes": {"ok": 200, "no": null}}`, observation{codes: map[string]any{"ok": jsonNumber(200), "no": nil}}, ""},
		{"codes", `{"codes": {"ok": 200}}`, observation{codes: map[string]any{"ok": jsonNumber(201)}}, "codes"},
	} {
		if diffs := compareWith(t, &corpusCase{Kind: tt.kind}, tt.expect, &tt.got); !oneDifference(diffs, tt.want) {
			t.Errorf("compare(%s) = %q; want %q", tt.expect, diffs, tt.want)
		}
	}
}

func TestValues(t *testing.T) {
	fill := strings.NewReplacer("{host}", "h:1").Replace
	for in, want := range map[string]string{
		`"a {host}"`:                          "a h:1",
		`{"b64": "AP8="}`:                     "\x00\xff",
		`{"repeat": {"b64": "eA=="}, "n": 3}`: "xxx",
		`["a", {"repeat": "b", "n": 2}]`:      "abb",
		`null`:                                "",
	} {
		if got, err := corpusBytes(json.RawMessage(in), fill); err != nil || string(got) != want {
			t.Errorf("corpusBytes(%s) = %q, %v; want %q", in, got, err, want)
		}
	}
	asIs := func(s string) string { return s }
	for in, want := range map[string]any{
		"a\r\n\té":                "a\r\n\té",
		"\x7f":                    map[string]any{"b64": base64.StdEncoding.EncodeToString([]byte("\x7f"))},
		"\u0085":                  map[string]any{"b64": base64.StdEncoding.EncodeToString([]byte("\u0085"))},
		"\xff":                    map[string]any{"b64": "/w=="},
		strings.Repeat("a", 2048): strings.Repeat("a", 2048),
		strings.Repeat("a", 2049): map[string]any{"len": json.Number("2049"), "sha256": "ba7bea600e8f3dfd3385b6bd01756500fc11dfff0a54b6b68af8cc4733b959e8"},
	} {
		if got := observedBytes([]byte(in), asIs); !sameJSON(got, want) {
			t.Errorf("observedBytes(%.10q) = %v; want %v", in, got, want)
		}
	}
}

func TestDeviations(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deviations.txt")
	list := "# why\n\na/b/c\tone\na/g/*\ttwo\na/h/*\tthree\na/g/lo*\tfour\nz/z/z\tfive\nz/z/*\tsix\n"
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	l := readDeviations(t, file)
	for _, tt := range []struct {
		name     string
		differed bool
		want     string
	}{
		{"a/b/c", false, ""},       // listed, and passes
		{"a/g/x", true, "two"},     // by its pattern
		{"a/g/long", true, "four"}, // by the longest
		{"a/g/y", false, ""},       // another of the pattern passes
		{"a/h/x", true, "three"},
		{"a/i/x", true, ""},   // not listed
		{"a/g/x/y", true, ""}, // a pattern does not reach below
	} {
		if got := l.excuse(tt.name, tt.differed); got != tt.want {
			t.Errorf("excuse(%q, %t) = %q; want %q", tt.name, tt.differed, got, tt.want)
		}
	}
	for complete, want := range map[bool][]string{
		false: {"deviation a/b/c: it excuses a/b/c, which passes"},
		true: {"deviation a/b/c: it excuses a/b/c, which passes", "deviation a/g/*: it excuses a/g/y, which passes",
			"deviation z/z/z: there is no such case"},
	} {
		var got []string
		for _, err := range l.faults(complete) {
			got = append(got, err.Error())
		}
		if !slices.Equal(got, want) {
			t.Errorf("faults(%t) = %q; want %q", complete, got, want)
		}
	}
}

func TestErrorClass(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&requests.Error{Op: "send", Err: requests.ErrConnectTimeout}, "ConnectTimeout"},
		{&requests.Error{Op: "send", Err: requests.ErrReadTimeout}, "ReadTimeout"},
		{&requests.Error{Op: "read", Err: requests.ErrReadTimeout}, "ConnectionError"},
		{&requests.Error{Op: "send", Err: requests.ErrProtocol}, "ConnectionError"},
		{&requests.Error{Op: "read", Err: requests.ErrProtocol}, "ChunkedEncodingError"},
		{&requests.Error{Op: "send", Err: requests.ErrDNS}, "ConnectionError"},
		{&requests.Error{Op: "prepare", Err: requests.ErrMissingScheme}, "MissingSchema"},
		{&requests.Error{Op: "prepare", Err: errors.Join(requests.ErrInvalidOption, &json.UnsupportedValueError{})}, "InvalidJSONError"},
		{&requests.Error{Op: "prepare", Err: requests.ErrInvalidOption}, ""},
		{&requests.HTTPError{Response: new(requests.Response)}, "HTTPError"},
		{errors.New("the caller's"), ""},
	} {
		if got := classOf(tt.err); got != tt.want {
			t.Errorf("errorClass(%v) = %q; want %q", tt.err, got, tt.want)
		}
	}
	for class, want := range map[string][]string{
		"ConnectTimeout":  {"ConnectionError", "RequestException", "Timeout"},
		"ProxyError":      {"ConnectionError", "RequestException"},
		"JSONDecodeError": {"InvalidJSONError", "RequestException"},
		"":                nil,
	} {
		if got := errorAncestors(class); !slices.Equal(got, want) {
			t.Errorf("ancestors(%q) = %q; want %q", class, got, want)
		}
	}
}

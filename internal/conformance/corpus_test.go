package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// The corpus of testdata/conformance as Go values. FORMAT.md there explains every
// member. The names here are those of its section 16, except where they would clash
// with names of the library.

type corpusFile struct {
	Format int               `json:"format"`
	Area   string            `json:"area"`
	Oracle map[string]string `json:"oracle"`
	Cases  []json.RawMessage `json:"cases"` // corpusCase, decoded one by one
}

type corpusCase struct {
	Name           string                     `json:"name"`
	Area           string                     `json:"area"`
	Group          string                     `json:"group"`
	Kind           string                     `json:"kind"`
	Note           string                     `json:"note"`
	Policy         string                     `json:"policy"`
	Requires       []string                   `json:"requires"`
	Ignore         []string                   `json:"ignore"`
	Env            map[string]json.RawMessage `json:"env"`
	Hostmap        map[string]string          `json:"hostmap"`
	Server         []serverSpec               `json:"server"`
	Session        sessionSpec                `json:"session"`
	Steps          []stepSpec                 `json:"steps"`
	Input          inputSpec                  `json:"input"`
	CheckConn      bool                       `json:"check_conn"`
	CookieOrder    bool                       `json:"cookie_order"`
	StrictDefaults bool                       `json:"strict_defaults"`
	Expect         json.RawMessage            `json:"expect"` // expectation, once ignore was applied

	fault error // why it is not in the format
}

type inputSpec struct {
	URL            string             `json:"url"`
	Proxies        map[string]*string `json:"proxies"`
	SessionProxies map[string]string  `json:"session_proxies"`
	TrustEnv       *bool              `json:"trust_env"`
	Via            string             `json:"via"`
	Names          []string           `json:"names"`
}

type serverSpec struct {
	On              string              `json:"on"`
	Path            string              `json:"path"`
	Method          string              `json:"method"`
	Repeat          bool                `json:"repeat"`
	Status          *int                `json:"status"`
	Reason          json.RawMessage     `json:"reason"`
	Headers         [][]json.RawMessage `json:"headers"`
	Body            json.RawMessage     `json:"body"`
	Chunks          []json.RawMessage   `json:"chunks"`
	Framing         string              `json:"framing"`
	HTTP10          bool                `json:"http10"`
	NoDefaultType   bool                `json:"no_default_type"`
	DeclareLength   *int                `json:"declare_length"`
	CloseAfterBytes *int                `json:"close_after_bytes"`
	EndConnection   bool                `json:"end_connection"`
	DelayMs         int                 `json:"delay_ms"`
	ChunkDelayMs    int                 `json:"chunk_delay_ms"`
	Interim         []int               `json:"interim"`
	Raw             json.RawMessage     `json:"raw"`
	Action          string              `json:"action"`
}

type sessionSpec struct {
	Headers       [][]json.RawMessage `json:"headers"`
	HeadersDelete []string            `json:"headers_delete"`
	HeadersClear  bool                `json:"headers_clear"`
	Params        json.RawMessage     `json:"params"`
	Auth          json.RawMessage     `json:"auth"` // authSpec; null is not the same as absent
	Cookies       []json.RawMessage   `json:"cookies"`
	MaxRedirects  *int                `json:"max_redirects"`
	TrustEnv      *bool               `json:"trust_env"`
	Stream        *bool               `json:"stream"`
	Verify        json.RawMessage     `json:"verify"`
	Proxies       map[string]*string  `json:"proxies"`
	Hooks         []hookSpec          `json:"hooks"`
	Mount         []mountSpec         `json:"mount"`
}

type mountSpec struct {
	Prefix  string          `json:"prefix"`
	Retries json.RawMessage `json:"retries"` // int or retrySpec
}

type authSpec struct {
	Type       string              `json:"type"`
	ID         string              `json:"id"`
	Username   json.RawMessage     `json:"username"`
	Password   json.RawMessage     `json:"password"`
	Object     bool                `json:"object"`
	Token      string              `json:"token"`
	Headers    [][]json.RawMessage `json:"headers"`
	URLAppend  string              `json:"url_append"`
	Body       json.RawMessage     `json:"body"`
	CopyHeader []string            `json:"copy_header"`
}

type cookieSpec struct {
	Name    string       `json:"name"`
	Value   string       `json:"value"`
	Domain  *string      `json:"domain"`
	Path    *string      `json:"path"`
	Secure  bool         `json:"secure"`
	Expires *json.Number `json:"expires"`
}

type stepSpec struct {
	Op string `json:"op"`
	sessionSpec
	Method         *string         `json:"method"`
	URL            *string         `json:"url"`
	ParamsAs       string          `json:"params_as"`
	Data           json.RawMessage `json:"data"`
	DataAs         string          `json:"data_as"`
	JSON           json.RawMessage `json:"json"`
	Files          []fileSpec      `json:"files"`
	FilesAs        string          `json:"files_as"`
	Timeout        json.RawMessage `json:"timeout"`
	AllowRedirects *bool           `json:"allow_redirects"`
	Cert           json.RawMessage `json:"cert"`
	Reads          []readSpec      `json:"reads"`
	Text           *bool           `json:"text"`
	Via            string          `json:"via"`
	Save           string          `json:"save"`
	Prepared       string          `json:"prepared"`
	Copy           bool            `json:"copy"`
	Mutate         []mutationSpec  `json:"mutate"`
	Of             *int            `json:"of"`
	Do             string          `json:"do"`
	Name           string          `json:"name"`
	Value          json.RawMessage `json:"value"`
	Domain         *string         `json:"domain"`
	Path           *string         `json:"path"`
	Default        json.RawMessage `json:"default"`
}

type fileSpec struct {
	Field       string              `json:"field"`
	Content     json.RawMessage     `json:"content"`
	As          string              `json:"as"`
	Name        string              `json:"name"`
	Filename    json.RawMessage     `json:"filename"` // null is not the same as absent
	ContentType *string             `json:"content_type"`
	Headers     [][]json.RawMessage `json:"headers"`
}

type mutationSpec struct {
	Do     string          `json:"do"`
	Name   string          `json:"name"`
	Value  json.RawMessage `json:"value"`
	Params json.RawMessage `json:"params"`
	Data   json.RawMessage `json:"data"`
	JSON   json.RawMessage `json:"json"`
}

type hookSpec struct {
	Do         string          `json:"do"`
	Tag        string          `json:"tag"`
	ID         string          `json:"id"`
	OnlyStatus int             `json:"only_status"`
	Name       string          `json:"name"`
	Value      json.RawMessage `json:"value"`
	Status     int             `json:"status"`
	Reason     string          `json:"reason"`
	Body       json.RawMessage `json:"body"`
}

type readSpec struct {
	Op            string          `json:"op"`
	Name          string          `json:"name"`
	Value         json.RawMessage `json:"value"`
	N             *int            `json:"n"`
	ChunkSize     json.RawMessage `json:"chunk_size"` // null is not the same as absent
	DecodeUnicode bool            `json:"decode_unicode"`
	Delimiter     json.RawMessage `json:"delimiter"`
	Max           *int            `json:"max"`
	Compare       string          `json:"compare"`
}

// UnmarshalJSON also accepts the short form of an operation, its bare name.
func (r *readSpec) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &r.Op)
	}
	type plain readSpec
	return decodeStrict(data, (*plain)(r))
}

// expectation is what a case is compared with. Absent members are nil, and not
// compared.
type expectation struct {
	Wire    []wantWire `json:"wire"`
	Steps   []wantStep `json:"steps"`
	Jar     []any      `json:"jar"`
	Sleeps  []float64  `json:"sleeps"`
	HookLog []string   `json:"hook_log"`
	Error   *wantError `json:"error"`

	// Proxy and Codes are those of the kinds proxy and codes.
	Proxy *string        `json:"proxy"`
	Codes map[string]any `json:"codes"`
}

type wantMessage struct {
	Method         *string             `json:"method"`
	Headers        [][]json.RawMessage `json:"headers"`
	Absent         []string            `json:"absent"`
	Body           json.RawMessage     `json:"body"`
	BodyJSON       json.RawMessage     `json:"body_json"`
	Multipart      []wantPart          `json:"multipart"`
	Digest         map[string]string   `json:"digest"`
	DigestPassword *string             `json:"digest_password"`
}

type wantWire struct {
	wantMessage
	On      *string `json:"on"`
	Target  any     `json:"target"`
	Framing *string `json:"framing"`
	Conn    *int    `json:"conn"`
}

type wantPrepared struct {
	wantMessage
	URL     *string `json:"url"`
	PathURL *string `json:"path_url"`
}

type wantPart struct {
	Headers [][]any `json:"headers"`
	Body    any     `json:"body"`
}

type wantStep struct {
	Error    *wantError      `json:"error"`
	Response map[string]any  `json:"response"`
	Reads    []wantRead      `json:"reads"`
	Prepared *wantPrepared   `json:"prepared"`
	Value    json.RawMessage `json:"value"`
}

type wantRead struct {
	Op      string          `json:"op"`
	Value   json.RawMessage `json:"value"`
	Chunks  []any           `json:"chunks"`
	Type    string          `json:"type"`
	Compare string          `json:"compare"`
	Error   *wantError      `json:"error"`
}

type wantError struct {
	Class         string         `json:"class"`
	IsA           []string       `json:"is_a"`
	Foreign       bool           `json:"foreign"`
	Message       string         `json:"message"`
	MessageStrict bool           `json:"message_strict"`
	Response      map[string]any `json:"response"`
}

// decodeStrict decodes JSON and leaves numbers as they are. It refuses members that
// the format does not have, as they would not be compared.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// decodeAny decodes any JSON value, and leaves numbers as they are.
func decodeAny(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// isGiven reports whether a member is present and not null.
func isGiven(v json.RawMessage) bool { return len(v) > 0 && string(v) != "null" }

// corpusBytes decodes Bytes (FORMAT.md, section 2), with fill applied to text.
func corpusBytes(data json.RawMessage, fill func(string) string) ([]byte, error) {
	if !isGiven(data) {
		return nil, nil
	}
	switch data[0] {
	case '"':
		var s string
		err := json.Unmarshal(data, &s)
		return []byte(fill(s)), err
	case '[':
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			return nil, err
		}
		var all []byte
		for _, item := range list {
			b, err := corpusBytes(item, fill)
			if err != nil {
				return nil, err
			}
			all = append(all, b...)
		}
		return all, nil
	}
	var coded struct {
		B64    *string         `json:"b64"`
		Repeat json.RawMessage `json:"repeat"`
		N      int             `json:"n"`
	}
	if err := decodeStrict(data, &coded); err != nil {
		return nil, err
	}
	if coded.B64 != nil {
		return base64.StdEncoding.DecodeString(*coded.B64)
	}
	b, err := corpusBytes(coded.Repeat, fill)
	return bytes.Repeat(b, coded.N), err
}

// corpusValue turns a decoded value of Pairs or of a JSON body into what a Go program
// would pass: text with fill applied, []byte for {"b64"}, a float for {"$float"}.
func corpusValue(v any, fill func(string) string) (any, error) {
	switch v := v.(type) {
	case string:
		return fill(v), nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = corpusValue(v[i], fill); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		if f, ok := v["$float"].(string); ok && len(v) == 1 {
			return corpusFloat(f)
		}
		if b, ok := v["b64"].(string); ok && len(v) == 1 {
			return base64.StdEncoding.DecodeString(b)
		}
		out := make(map[string]any, len(v))
		for k := range v {
			var err error
			if out[k], err = corpusValue(v[k], fill); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

func corpusFloat(s string) (float64, error) {
	switch s {
	case "nan":
		return math.NaN(), nil
	case "inf":
		return math.Inf(1), nil
	case "-inf":
		return math.Inf(-1), nil
	}
	return 0, fmt.Errorf("no such float: %q", s)
}

// A corpusPair is one entry of Pairs.
type corpusPair struct {
	key   string
	value any
}

// corpusPairs decodes Pairs.
func corpusPairs(data json.RawMessage, fill func(string) string) ([]corpusPair, error) {
	var list [][]json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	pairs := make([]corpusPair, 0, len(list))
	for _, item := range list {
		if len(item) < 2 {
			return nil, fmt.Errorf("%s is no pair", item)
		}
		key, err := corpusBytes(item[0], fill)
		if err != nil {
			return nil, err
		}
		v, err := decodeAny(item[1])
		if err == nil {
			v, err = corpusValue(v, fill)
		}
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, corpusPair{string(key), v})
	}
	return pairs, nil
}

// parseExpectation decodes what c expects, except what it says to ignore.
func parseExpectation(c *corpusCase) (*expectation, error) {
	data := c.Expect
	if len(c.Ignore) > 0 {
		tree, err := decodeAny(data)
		if err != nil {
			return nil, err
		}
		for _, place := range c.Ignore {
			if err := ignorePlace(tree, place); err != nil {
				return nil, fmt.Errorf("ignore %q: %w", place, err)
			}
		}
		if data, err = json.Marshal(tree); err != nil {
			return nil, err
		}
	}
	e := new(expectation)
	return e, decodeStrict(data, e)
}

// ignorePlace removes from an expectation a place such as "steps[0].response.url",
// or lets a header of "wire[1].header.cookie" have any value.
func ignorePlace(tree any, place string) error {
	parts := strings.FieldsFunc(place, func(r rune) bool { return strings.ContainsRune("[].", r) })
	for i, name := range parts {
		switch at := tree.(type) {
		case []any:
			var n int
			if _, err := fmt.Sscanf(name, "%d", &n); err != nil || n < 0 || n >= len(at) {
				return fmt.Errorf("no element %q", name)
			}
			tree = at[n]
		case map[string]any:
			if name == "header" && i+2 == len(parts) {
				ignoreHeader(at, parts[i+1])
				return nil
			}
			if i+1 == len(parts) {
				delete(at, name)
				return nil
			}
			tree = at[name]
		default:
			return fmt.Errorf("nothing at %q", name)
		}
	}
	return nil
}

func ignoreHeader(message map[string]any, name string) {
	kept := []any{[]any{name, "", "any"}}
	headers, _ := message["headers"].([]any)
	for _, h := range headers {
		field, _ := h.([]any)
		if s, ok := field[0].(string); !ok || !strings.EqualFold(s, name) {
			kept = append(kept, h)
		}
	}
	message["headers"] = kept
}

package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-requests/requests"
)

// errNoGoProgram is the error for arguments that Python refuses at run time, and Go
// when it compiles.
var errNoGoProgram = errors.New("the types of Go do not let a program say this")

// requestOptions are the options of a step that shape its request.
func (p *player) requestOptions(st *stepSpec) []requests.Option {
	opts := p.params(st.Params)
	for _, h := range st.Headers {
		opts = append(opts, requests.Headers{p.text(h[0]): p.value(h[1])})
	}
	if len(st.Cookies) > 0 && st.Cookies[0][0] == '{' {
		var list []cookieSpec
		for _, c := range st.Cookies {
			list = append(list, p.cookie(c))
		}
		opts = append(opts, corpusCalls.callCookies(list))
	} else {
		for _, c := range st.Cookies {
			var kv [2]string
			if err := json.Unmarshal(c, &kv); err != nil {
				p.t.Fatalf("cookie %s: %v", c, err)
			}
			opts = append(opts, requests.Cookies{kv[0]: p.fill(kv[1])})
		}
	}
	opts = append(opts, p.body(st.Data, st.JSON)...)
	if len(st.Files) > 0 {
		opts = append(opts, corpusCalls.files(p.files(st.Files)))
	}
	if isGiven(st.Auth) {
		opts = append(opts, p.auth(st.Auth))
	}
	for i := range st.Hooks {
		opts = append(opts, p.hook(&st.Hooks[i]))
	}
	return opts
}

// sendOptions are the options of a step that say how to send.
func (p *player) sendOptions(st *stepSpec) ([]requests.Option, error) {
	var opts []requests.Option
	if st.Timeout != nil {
		limits, err := corpusTimeout(st.Timeout)
		if err != nil {
			return nil, err
		}
		opts = append(opts, limits)
	}
	if st.AllowRedirects != nil {
		opts = append(opts, requests.AllowRedirects(*st.AllowRedirects))
	}
	if st.Stream != nil {
		opts = append(opts, requests.Stream(*st.Stream))
	}
	if isGiven(st.Verify) || isGiven(st.Cert) {
		var settings requests.TLS
		if isGiven(st.Verify) {
			settings = p.verify(settings, st.Verify)
		}
		if isGiven(st.Cert) {
			settings = p.certificate(settings, st.Cert)
		}
		opts = append(opts, settings)
	}
	if st.Proxies != nil {
		opts = append(opts, p.proxies(st.Proxies))
	}
	return opts, nil
}

// params returns query parameters in the given order, or a query as it is.
func (p *player) params(data json.RawMessage) []requests.Option {
	switch {
	case !isGiven(data):
		return nil
	case data[0] != '[':
		return []requests.Option{requests.RawQuery(p.text(data))}
	}
	var opts []requests.Option
	for _, kv := range p.pairs(data) {
		opts = append(opts, requests.Params{kv.key: kv.value})
	}
	return opts
}

// body makes the body from `data` and `json`.
func (p *player) body(data, value json.RawMessage) []requests.Option {
	var opts []requests.Option
	switch {
	case !isGiven(data):
	case data[0] == '"':
		opts = append(opts, requests.Text(p.text(data)))
	case data[0] == '[':
		opts = append(opts, requests.Form{}) // an empty form is a body, too
		for _, kv := range p.pairs(data) {
			opts = append(opts, requests.Form{kv.key: kv.value})
		}
	default:
		opts = append(opts, p.upload(data))
	}
	if isGiven(value) {
		opts = append(opts, requests.JSON(p.value(value)))
	}
	return opts
}

// upload makes a body from bytes or a reader.
func (p *player) upload(data json.RawMessage) requests.Option {
	var spec struct {
		B64     json.RawMessage   `json:"b64"`
		Repeat  json.RawMessage   `json:"repeat"`
		N       int               `json:"n"`
		Stream  []json.RawMessage `json:"stream"`
		Fail    bool              `json:"fail"`
		File    json.RawMessage   `json:"file"`
		Offset  int64             `json:"offset"`
		Name    string            `json:"name"`
		BadSeek bool              `json:"bad_seek"`
		Reader  json.RawMessage   `json:"reader"`
	}
	if err := decodeStrict(data, &spec); err != nil {
		p.t.Fatalf("data %s: %v", data, err)
	}
	switch {
	case spec.Stream != nil:
		r := &pieceUpload{end: io.EOF}
		for _, piece := range spec.Stream {
			r.pieces = append(r.pieces, p.bytes(piece))
		}
		if spec.Fail {
			r.end = errCallers
		}
		return requests.Reader(r)
	case spec.File != nil:
		r := bytes.NewReader(p.bytes(spec.File))
		if _, err := r.Seek(spec.Offset, io.SeekStart); err != nil {
			p.t.Fatal(err)
		}
		if spec.BadSeek {
			return requests.Reader(&onceUpload{Reader: r})
		}
		return requests.Reader(r)
	case spec.Reader != nil:
		return requests.Reader(io.MultiReader(bytes.NewReader(p.bytes(spec.Reader)))) // no length, no seeking
	}
	return requests.Bytes(p.bytes(data))
}

// pieceUpload returns one piece with each read, and then its end.
type pieceUpload struct {
	pieces [][]byte
	end    error
}

func (r *pieceUpload) Read(b []byte) (int, error) {
	for len(r.pieces) > 0 && len(r.pieces[0]) == 0 {
		r.pieces = r.pieces[1:]
	}
	if len(r.pieces) == 0 {
		return 0, r.end
	}
	n := copy(b, r.pieces[0])
	r.pieces[0] = r.pieces[0][n:]
	return n, nil
}

// onceUpload cannot seek once reading has begun.
type onceUpload struct {
	*bytes.Reader
	begun bool
}

func (r *onceUpload) Read(b []byte) (int, error) {
	r.begun = true
	return r.Reader.Read(b)
}

func (r *onceUpload) Seek(offset int64, whence int) (int64, error) {
	if r.begun {
		return 0, errors.New("no seeking any more")
	}
	return r.Reader.Seek(offset, whence)
}

// WriteTo must not bypass Read.
func (r *onceUpload) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{r})
}

// namedUpload is a file with a name.
type namedUpload struct {
	*bytes.Reader
	name string
}

func (r namedUpload) Name() string { return r.name }

func (p *player) files(specs []fileSpec) []corpusFormFile {
	var files []corpusFormFile
	for _, spec := range specs {
		f := corpusFormFile{field: p.fill(spec.Field), content: p.bytes(spec.Content)}
		if spec.As == "file" {
			r := bytes.NewReader(f.content)
			if f.content, f.reader = nil, r; spec.Name != "" {
				f.reader = namedUpload{r, spec.Name}
			}
		}
		if f.anonymous = string(spec.Filename) == "null"; isGiven(spec.Filename) {
			name := p.text(spec.Filename)
			f.filename = &name
		}
		f.contentType = p.fill(orEmpty(spec.ContentType))
		for _, h := range spec.Headers {
			f.headers = append(f.headers, [2]string{p.text(h[0]), p.text(h[1])})
		}
		files = append(files, f)
	}
	return files
}

func (p *player) cookie(data json.RawMessage) cookieSpec {
	var c cookieSpec
	if err := decodeStrict(data, &c); err != nil {
		p.t.Fatalf("cookie %s: %v", data, err)
	}
	c.Value = p.fill(c.Value)
	c.Domain, c.Path = p.filled(c.Domain), p.filled(c.Path)
	return c
}

// corpusTimeout reads a timeout in seconds, for both phases or for each; null is none.
func corpusTimeout(data json.RawMessage) (requests.Timeout, error) {
	var both *float64
	if err := json.Unmarshal(data, &both); err == nil {
		return requests.Timeout{Connect: corpusLimit(both), Read: corpusLimit(both)}, nil
	}
	var each []*float64
	if err := json.Unmarshal(data, &each); err != nil || len(each) != 2 {
		return requests.Timeout{}, errNoGoProgram
	}
	return requests.Timeout{Connect: corpusLimit(each[0]), Read: corpusLimit(each[1])}, nil
}

func corpusLimit(seconds *float64) time.Duration {
	if seconds == nil {
		return -1
	}
	return time.Duration(*seconds * float64(time.Second))
}

// verify sets the verification: a bool, or the path of a bundle.
func (p *player) verify(settings requests.TLS, data json.RawMessage) requests.TLS {
	settings.SkipVerify, settings.Verify, settings.CABundle = false, false, ""
	switch v := p.value(data).(type) {
	case bool:
		settings.SkipVerify, settings.Verify = !v, v
	case string:
		settings.CABundle = v
	}
	return settings
}

// certificate sets the client certificate: one path, or two with that of its key.
func (p *player) certificate(settings requests.TLS, data json.RawMessage) requests.TLS {
	switch v := p.value(data).(type) {
	case string:
		settings.CertFile, settings.KeyFile = v, ""
	case []any:
		settings.CertFile, _ = v[0].(string)
		settings.KeyFile, _ = v[1].(string)
	}
	return settings
}

func (p *player) proxies(m map[string]*string) requests.Proxies {
	filled := make(map[string]*string, len(m))
	for key, value := range m {
		filled[p.fill(key)] = p.filled(value)
	}
	return corpusCalls.proxies(filled)
}

// auth makes the Auth that is described, or returns the one made before under the same
// id. null is no Auth.
func (p *player) auth(data json.RawMessage) requests.Auth {
	if !isGiven(data) {
		return requests.Auth{}
	}
	var spec authSpec
	if err := decodeStrict(data, &spec); err != nil {
		p.t.Fatalf("auth %s: %v", data, err)
	}
	if a, ok := p.auths[spec.ID]; ok {
		return a
	}
	a := p.newAuth(&spec)
	if spec.ID != "" {
		p.auths[spec.ID] = a
	}
	return a
}

func (p *player) newAuth(spec *authSpec) requests.Auth {
	switch spec.Type {
	case "basic":
		return requests.BasicAuth(p.text(spec.Username), p.text(spec.Password))
	case "proxy":
		return requests.ProxyAuth(p.text(spec.Username), p.text(spec.Password))
	case "digest":
		return corpusCalls.digest(p.text(spec.Username), p.text(spec.Password))
	case "bearer":
		return requests.BearerAuth(p.fill(spec.Token))
	case "none":
		return requests.NoAuth()
	case "func":
		return requests.AuthFunc(func(_ context.Context, q *requests.PreparedRequest) error { return p.authenticate(q, spec) })
	}
	p.t.Fatalf("no such auth: %q", spec.Type)
	return requests.Auth{}
}

// authenticate is an Authenticator of the caller, as spec describes it.
func (p *player) authenticate(q *requests.PreparedRequest, spec *authSpec) (err error) {
	for _, h := range spec.Headers {
		q.Header.Set(p.text(h[0]), p.text(h[1]))
	}
	if spec.URLAppend != "" {
		if q.URL, err = url.Parse(q.URL.String() + spec.URLAppend); err != nil {
			return err
		}
	}
	if spec.Body != nil {
		err = q.SetBody(requests.Bytes(p.bytes(spec.Body)))
	}
	if len(spec.CopyHeader) == 2 {
		value, ok := preparedMessage(q).header(spec.CopyHeader[0])
		if !ok {
			value = "absent"
		}
		q.Header.Set(spec.CopyHeader[1], value)
	}
	return err
}

// hook makes the hook that is described, or returns the one made before under the same id.
func (p *player) hook(spec *hookSpec) requests.OnResponse {
	if h, ok := p.hooks[spec.ID]; ok {
		return h
	}
	h := requests.OnResponse(func(_ context.Context, r *requests.Response) (*requests.Response, error) {
		if spec.Tag != "" {
			p.seen.hookLog = append(p.seen.hookLog, spec.Tag+":"+jsonNumber(r.StatusCode).String()+":"+p.hide(r.URL.String()))
		}
		if spec.OnlyStatus != 0 && spec.OnlyStatus != r.StatusCode {
			return nil, nil
		}
		return p.runHook(spec, r)
	})
	if spec.ID != "" {
		p.hooks[spec.ID] = h
	}
	return h
}

func (p *player) runHook(spec *hookSpec, r *requests.Response) (*requests.Response, error) {
	switch spec.Do {
	case "record":
	case "read":
		return nil, r.Load()
	case "set_encoding":
		r.Encoding = p.text(spec.Value)
	case "set_header":
		r.Header.Set(spec.Name, p.text(spec.Value))
	case "set_content":
		return &requests.Response{
			StatusCode: r.StatusCode, Reason: r.Reason, Proto: r.Proto, Header: r.Header, URL: r.URL, Encoding: r.Encoding,
			Body: io.NopCloser(bytes.NewReader(p.bytes(spec.Value))),
		}, nil
	case "raise_for_status":
		return nil, r.RaiseForStatus()
	case "raise":
		return nil, errCallers
	case "replace":
		reason := spec.Reason
		if reason == "" {
			reason = "Replaced"
		}
		return &requests.Response{
			StatusCode: spec.Status, Reason: reason, Header: http.Header{"X-Replaced": {"1"}}, URL: r.URL, Encoding: "utf-8",
			Body: io.NopCloser(strings.NewReader(p.text(spec.Body))),
		}, nil
	default:
		p.t.Errorf("no such hook: %q", spec.Do)
	}
	return nil, nil
}

package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"

	"github.com/go-requests/requests"
)

// A player plays one case: it performs the steps with the library and records what
// happens.
type player struct {
	*scene
	session   *requests.Session
	prepared  map[string]*requests.PreparedRequest
	responses []*requests.Response // by step, nil where there is none
	opened    []*requests.Session
	auths     map[string]requests.Auth
	hooks     map[string]requests.OnResponse
	seen      observation
}

// play runs the case of sc and returns what was observed.
func play(sc *scene) *observation {
	p := &player{
		scene: sc, prepared: make(map[string]*requests.PreparedRequest),
		auths: make(map[string]requests.Auth), hooks: make(map[string]requests.OnResponse),
	}
	switch sc.c.Kind {
	case "proxy":
		p.proxy()
	case "codes":
		p.codes()
	default:
		p.steps()
	}
	p.end()
	return &p.seen
}

// end closes everything, so that the servers see the end of their connections.
func (p *player) end() {
	for _, r := range p.responses {
		if r != nil {
			r.Close()
		}
	}
	for _, s := range p.opened {
		s.Close()
	}
	p.origins.end()
	p.seen.wire = p.origins.log()
}

func (p *player) steps() {
	if corpusCalls.retry != nil {
		p.seen.sleeps = []float64{}
	}
	p.session = p.open(requests.NewSession())
	if err := p.configure(p.session, &p.c.Session); err != nil {
		p.t.Fatalf("session: %v", err)
	}
	for i := range p.c.Steps {
		var seen seenStep
		r, err := p.step(&p.c.Steps[i], &seen)
		if seen.err = p.observeError(err); err != nil {
			r = nil
		} else if r != nil {
			p.observe(r, &p.c.Steps[i], &seen)
		}
		p.responses = append(p.responses, r)
		p.seen.steps = append(p.seen.steps, seen)
	}
	if corpusCalls.jarCookies != nil {
		p.seen.jar = p.hideAll(corpusCalls.jarCookies(p.session.Cookies))
	}
}

// open restricts s to the servers of the scene.
func (p *player) open(s *requests.Session) *requests.Session {
	a := &requests.HTTPAdapter{DialContext: p.dial}
	s.Mount("https://", a)
	s.Mount("http://", a)
	s.Hooks.Retry = []requests.OnRetry{p.noteWait}
	p.opened = append(p.opened, s)
	return s
}

// noteWait is called before the wait of each retry.
func (p *player) noteWait(_ context.Context, a requests.Attempt) error {
	if a.Wait > 0 {
		p.seen.sleeps = append(p.seen.sleeps, a.Wait.Seconds())
	}
	return nil
}

// step performs one step. It returns the response, if the step has one.
func (p *player) step(st *stepSpec, seen *seenStep) (*requests.Response, error) {
	switch st.Op {
	case "", "request":
		return p.request(st)
	case "prepare":
		q, err := p.prepare(st)
		if err == nil {
			seen.prepared = p.observePrepared(q)
		}
		return nil, err
	case "send":
		q := p.prepared[st.Prepared]
		if q == nil {
			return nil, fmt.Errorf("the step that was to prepare %q has failed", st.Prepared)
		}
		if st.Copy {
			q = q.Clone()
		}
		if err := p.mutate(q, st.Mutate); err != nil {
			return nil, err
		}
		return p.send(q, st)
	case "next":
		q, err := corpusCalls.next(p.responses[*st.Of])
		if err != nil {
			return nil, err
		}
		return p.send(q, st)
	case "session":
		return nil, p.configure(p.session, &st.sessionSpec)
	case "new_session":
		p.session.Close()
		p.session = p.open(requests.NewSession())
		return nil, p.configure(p.session, &st.sessionSpec)
	case "jar":
		op := *st
		op.Domain, op.Path = p.filled(st.Domain), p.filled(st.Path)
		var err error
		seen.value, err = corpusCalls.jarOp(p.session.Cookies, &op)
		return nil, err
	}
	p.t.Fatalf("no such op: %q", st.Op)
	return nil, nil
}

func (p *player) send(q *requests.PreparedRequest, st *stepSpec) (*requests.Response, error) {
	opts, err := p.sendOptions(st)
	if err != nil {
		return nil, err
	}
	return p.session.Send(p.t.Context(), q, opts...)
}

// request calls the function that a program would call for the method.
func (p *player) request(st *stepSpec) (*requests.Response, error) {
	ctx, s, method, url := p.t.Context(), p.session, orEmpty(st.Method), p.fill(orEmpty(st.URL))
	opts, err := p.sendOptions(st)
	if err != nil {
		return nil, err
	}
	opts = append(p.requestOptions(st), opts...)
	if st.Via == "api" {
		if p.origins.net == (sockets{}) && len(p.c.Hostmap) == 0 {
			return requests.Do(ctx, method, url, opts...)
		}
		// No caller can choose what the package functions dial. A session without a
		// jar takes the place of theirs.
		s = p.open(requests.NewSession(requests.KeepCookies(false)))
		return s.Do(ctx, method, url, opts...)
	}
	if st.Via == "" {
		switch method {
		case http.MethodGet:
			return s.Get(ctx, url, opts...)
		case http.MethodHead:
			return s.Head(ctx, url, opts...)
		case http.MethodOptions:
			return s.Options(ctx, url, opts...)
		case http.MethodPost:
			return s.Post(ctx, url, opts...)
		case http.MethodPut:
			return s.Put(ctx, url, opts...)
		case http.MethodPatch:
			return s.Patch(ctx, url, opts...)
		case http.MethodDelete:
			return s.Delete(ctx, url, opts...)
		}
	}
	return s.Do(ctx, method, url, opts...)
}

func (p *player) prepare(st *stepSpec) (*requests.PreparedRequest, error) {
	r := requests.NewRequest(orEmpty(st.Method), p.fill(orEmpty(st.URL)), p.requestOptions(st)...)
	prepare := func() (*requests.PreparedRequest, error) { return p.session.Prepare(p.t.Context(), r) }
	if st.Via == "request" {
		prepare = func() (*requests.PreparedRequest, error) { return r.Prepare(p.t.Context()) }
	}
	q, err := prepare()
	if err != nil {
		return nil, err
	}
	if err := p.mutate(q, st.Mutate); err != nil {
		return nil, err
	}
	if st.Save != "" {
		p.prepared[st.Save] = q
	}
	return q, nil
}

// mutate changes a prepared request as a caller may do.
func (p *player) mutate(q *requests.PreparedRequest, list []mutationSpec) error {
	for _, m := range list {
		var err error
		switch m.Do {
		case "set_header":
			q.Header.Set(m.Name, p.text(m.Value))
		case "del_header":
			q.Header.Del(m.Name)
		case "set_url":
			q.URL, err = url.Parse(p.text(m.Value))
		case "set_method":
			q.Method = p.text(m.Value)
		case "set_body":
			err = q.SetBody(requests.Bytes(p.bytes(m.Value)))
		case "prepare_content_length": // the length is always that of the body
		default:
			err = p.prepareAgain(q, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepareAgain repeats a part of preparing, as the prepare_ methods of Requests do. It
// prepares another request and copies that part.
func (p *player) prepareAgain(q *requests.PreparedRequest, m mutationSpec) error {
	target, opts := q.URL.String(), []requests.Option(nil)
	switch m.Do {
	case "prepare_url":
		target, opts = p.text(m.Value), p.params(m.Params)
	case "prepare_body":
		opts = p.body(m.Data, m.JSON)
	case "prepare_cookies":
		for _, c := range p.pairs(m.Value) {
			opts = append(opts, requests.Cookies{c.key: fmt.Sprint(c.value)})
		}
	case "prepare_auth":
		opts = append(opts, p.auth(m.Value))
	default:
		p.t.Fatalf("no such mutation: %q", m.Do)
	}
	other, err := requests.NewRequest(q.Method, target, opts...).Prepare(p.t.Context())
	if err != nil {
		return err
	}
	switch m.Do {
	case "prepare_url":
		q.URL = other.URL
	case "prepare_body":
		q.Header.Del("Content-Type")
		b, _ := other.Bytes()
		err = q.SetBody(requests.Bytes(b))
	}
	for name, v := range other.Header {
		if q.Header[name] == nil || m.Do == "prepare_auth" {
			q.Header[name] = v
		}
	}
	return err
}

// configure changes s (FORMAT.md, section 7). It sets fields rather than options,
// because a case may remove what it has set before.
func (p *player) configure(s *requests.Session, spec *sessionSpec) error {
	if spec.HeadersClear {
		clear(s.Headers)
	}
	for _, name := range spec.HeadersDelete {
		s.Headers.Del(name)
	}
	for _, h := range spec.Headers {
		s.Headers[http.CanonicalHeaderKey(p.text(h[0]))] = fieldValues(p.value(h[1]))
	}
	if spec.Params != nil {
		s.Params = requests.Params{}
		if isGiven(spec.Params) {
			for _, kv := range p.pairs(spec.Params) {
				s.Params[kv.key] = kv.value
			}
		}
	}
	if spec.Auth != nil {
		s.Auth = p.auth(spec.Auth)
	}
	if err := p.addCookies(s.Cookies, spec.Cookies); err != nil {
		return err
	}
	if spec.MaxRedirects != nil {
		if s.MaxRedirects = *spec.MaxRedirects; s.MaxRedirects == 0 {
			s.MaxRedirects = -1
		}
	}
	if spec.TrustEnv != nil {
		s.IgnoreEnv = !*spec.TrustEnv
	}
	if spec.Stream != nil {
		s.Stream = *spec.Stream
	}
	if spec.Verify != nil {
		s.TLS = p.verify(s.TLS, spec.Verify)
	}
	if spec.Hooks != nil {
		s.Hooks = requests.Hooks{Retry: s.Hooks.Retry}
		for i := range spec.Hooks {
			s.Hooks.Response = append(s.Hooks.Response, p.hook(&spec.Hooks[i]))
		}
	}
	if spec.Proxies != nil {
		if s.Proxies == nil {
			s.Proxies = make(requests.Proxies)
		}
		maps.Copy(s.Proxies, p.proxies(spec.Proxies))
	}
	return p.mount(s, spec.Mount)
}

// fieldValues returns the values of a field of a session. Null has none, so the field
// is not sent.
func fieldValues(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []byte:
		return []string{string(v)}
	}
	return []string{fmt.Sprint(v)}
}

func (p *player) addCookies(jar *requests.CookieJar, cookies []json.RawMessage) error {
	for _, c := range cookies {
		if c[0] == '[' {
			var kv [2]string
			if err := json.Unmarshal(c, &kv); err != nil {
				return err
			}
			if err := jar.Set(kv[0], p.fill(kv[1])); err != nil {
				return err
			}
			continue
		}
		if err := corpusCalls.setCookie(jar, p.cookie(c)); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) mount(s *requests.Session, mounts []mountSpec) error {
	for _, m := range mounts {
		a := &requests.HTTPAdapter{DialContext: p.dial}
		retries := m.Retries
		if !isGiven(retries) {
			retries = json.RawMessage("0")
		}
		if err := corpusCalls.retry(a, retries); err != nil {
			return err
		}
		s.Mount(p.fill(m.Prefix), a)
	}
	return nil
}

// proxy plays a case of the kind proxy.
func (p *player) proxy() {
	in := &p.c.Input
	s := p.open(requests.NewSession())
	s.Proxies = make(requests.Proxies)
	for key, value := range in.SessionProxies {
		s.Proxies[p.fill(key)] = p.fill(value)
	}
	if in.TrustEnv != nil {
		s.IgnoreEnv = !*in.TrustEnv
	}
	var err error
	p.seen.proxy, err = corpusCalls.proxyOf(p.t.Context(), s, p.fill(in.URL), in.Proxies, in.Via == "send")
	p.seen.err = p.observeError(err)
}

// codes plays a case of the kind codes.
func (p *player) codes() {
	p.seen.codes = make(map[string]any)
	for _, name := range p.c.Input.Names {
		p.seen.codes[name] = nil
		if code, ok := corpusCalls.code(name); ok {
			p.seen.codes[name] = jsonNumber(code)
		}
	}
}

// errCallers is an error of the caller, in hooks and request bodies.
var errCallers = errors.New("the caller's own error")

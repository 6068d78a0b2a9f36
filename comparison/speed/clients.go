//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	carl "github.com/carlmjohnson/requests"
	"github.com/go-requests/requests"
	resty2 "github.com/go-resty/resty/v2"
	"github.com/imroc/req/v3"
	resty3 "resty.dev/v3"
)

// A client does each scenario as a user of the library would write it: every call checks the status and reads the body.
type client interface {
	get(url string, v *document) error
	full(url string, v *document) error // with params, fields and Basic
	post(url string, v *document) error
	lines(url string, each func([]byte)) error
}

// pool is how many idle connections every client may keep, as many calls run at once.
const pool = 64

var ctx = context.Background()

type peer struct {
	name string // as in benchmarks/chart
	new  func(*tls.Config) client
}

const baseline = "nethttp"

var peers = []peer{
	{"candidate", newOurs}, {"carlmj-requests", newCarl}, {"resty3", newResty3}, {"resty2", newResty2}, {"req", newReq},
}

// This library.

type ours struct{ s *requests.Session }

func newOurs(config *tls.Config) client {
	return ours{requests.NewSession(requests.TLS{Config: config})}
}

func (c ours) into(v *document, r *requests.Response, err error) error {
	d, err := requests.As[document](r, err)
	*v = d
	return err
}

func (c ours) get(url string, v *document) error {
	r, err := c.s.Get(ctx, url)
	return c.into(v, r, err)
}

func (c ours) full(url string, v *document) error {
	p, h := make(requests.Params, len(params)), make(requests.Headers, len(fields))
	for k, value := range params {
		p[k] = value
	}
	for k, value := range fields {
		h[k] = value
	}
	r, err := c.s.Get(ctx, url, p, h, requests.BasicAuth("ann", "secret"))
	return c.into(v, r, err)
}

func (c ours) post(url string, v *document) error {
	r, err := c.s.Post(ctx, url, requests.JSON(sample))
	return c.into(v, r, err)
}

func (c ours) lines(url string, each func([]byte)) error {
	r, err := c.s.Get(ctx, url, requests.Stream(true), requests.RaiseForStatus(true))
	if err != nil {
		return err
	}
	defer r.Close()
	for line, err := range r.IterLineBytes() {
		if err != nil {
			return err
		}
		each(line)
	}
	return nil
}

// net/http by hand.

type byHand struct{ c *http.Client }

func transport(config *tls.Config) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.TLSClientConfig = pool, config
	return t
}

func newByHand(config *tls.Config) client { return byHand{&http.Client{Transport: transport(config)}} }

func (c byHand) do(r *http.Request, v *document) error {
	resp, err := c.c.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%s: %s", resp.Status, data)
	}
	return json.Unmarshal(data, v)
}

func (c byHand) get(url string, v *document) error {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	return c.do(r, v)
}

func (c byHand) full(u string, v *document) error {
	q := make(url.Values, len(params))
	for k, value := range params {
		q.Set(k, value)
	}
	r, err := http.NewRequestWithContext(ctx, "GET", u+"?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	for k, value := range fields {
		r.Header.Set(k, value)
	}
	r.SetBasicAuth("ann", "secret")
	return c.do(r, v)
}

func (c byHand) post(url string, v *document) error {
	data, err := json.Marshal(sample)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	return c.do(r, v)
}

func (c byHand) lines(url string, each func([]byte)) error {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	resp, err := c.c.Do(r)
	if err != nil {
		return err
	}
	return scan(resp.StatusCode, resp.Body, each)
}

// scan is how those who have no call for lines read them.
func scan(status int, body io.ReadCloser, each func([]byte)) error {
	defer body.Close()
	if status >= 400 {
		return fmt.Errorf("status %d", status)
	}
	s := bufio.NewScanner(body)
	for s.Scan() {
		each(s.Bytes())
	}
	return s.Err()
}

// carlmjohnson/requests.

type carlmjohnson struct{ t http.RoundTripper }

func newCarl(config *tls.Config) client { return carlmjohnson{transport(config)} }

func (c carlmjohnson) get(url string, v *document) error {
	return carl.URL(url).Transport(c.t).ToJSON(v).Fetch(ctx)
}

func (c carlmjohnson) full(url string, v *document) error {
	b := carl.URL(url).Transport(c.t).BasicAuth("ann", "secret").ToJSON(v)
	for k, value := range params {
		b.Param(k, value)
	}
	for k, value := range fields {
		b.Header(k, value)
	}
	return b.Fetch(ctx)
}

func (c carlmjohnson) post(url string, v *document) error {
	return carl.URL(url).Transport(c.t).BodyJSON(sample).ToJSON(v).Fetch(ctx)
}

func (c carlmjohnson) lines(url string, each func([]byte)) error {
	return carl.URL(url).Transport(c.t).Handle(func(r *http.Response) error {
		return scan(r.StatusCode, r.Body, each)
	}).Fetch(ctx)
}

// resty v3.

type restyThree struct{ c *resty3.Client }

func newResty3(config *tls.Config) client {
	c := resty3.New().SetTLSClientConfig(config)
	c.SetLogger(silent{}) // which warns of Basic without TLS at each call
	if t, err := c.HTTPTransport(); err == nil {
		t.MaxIdleConnsPerHost = pool
	}
	return restyThree{c}
}

type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

func (c restyThree) check(r *resty3.Response, err error) error {
	if err == nil && r.StatusCode() >= 400 {
		return fmt.Errorf("status %d", r.StatusCode())
	}
	return err
}

func (c restyThree) get(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetResult(v).Get(url))
}

func (c restyThree) full(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetQueryParams(params).SetHeaders(fields).SetBasicAuth("ann", "secret").SetResult(v).Get(url))
}

func (c restyThree) post(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetBody(sample).SetResult(v).Post(url))
}

func (c restyThree) lines(url string, each func([]byte)) error {
	r, err := c.c.R().SetContext(ctx).SetResponseDoNotParse(true).Get(url)
	if err != nil {
		return err
	}
	return scan(r.StatusCode(), r.Body, each)
}

// resty v2.

type restyTwo struct{ c *resty2.Client }

func newResty2(config *tls.Config) client {
	c := resty2.New().SetTLSClientConfig(config)
	c.SetDisableWarn(true) // of Basic without TLS
	if t, err := c.Transport(); err == nil {
		t.MaxIdleConnsPerHost = pool
	}
	return restyTwo{c}
}

func (c restyTwo) check(r *resty2.Response, err error) error {
	if err == nil && r.StatusCode() >= 400 {
		return fmt.Errorf("status %d", r.StatusCode())
	}
	return err
}

func (c restyTwo) get(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetResult(v).Get(url))
}

func (c restyTwo) full(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetQueryParams(params).SetHeaders(fields).SetBasicAuth("ann", "secret").SetResult(v).Get(url))
}

func (c restyTwo) post(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetBody(sample).SetResult(v).Post(url))
}

func (c restyTwo) lines(url string, each func([]byte)) error {
	r, err := c.c.R().SetContext(ctx).SetDoNotParseResponse(true).Get(url)
	if err != nil {
		return err
	}
	return scan(r.StatusCode(), r.RawBody(), each)
}

// req v3.

type reqThree struct{ c *req.Client }

func newReq(config *tls.Config) client {
	c := req.C().SetTLSClientConfig(config).SetLogger(nil)
	c.GetTransport().MaxIdleConnsPerHost = pool
	return reqThree{c}
}

func (c reqThree) check(r *req.Response, err error) error {
	if err == nil && r.StatusCode >= 400 {
		return fmt.Errorf("status %d", r.StatusCode)
	}
	return err
}

func (c reqThree) get(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetSuccessResult(v).Get(url))
}

func (c reqThree) full(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetQueryParams(params).SetHeaders(fields).SetBasicAuth("ann", "secret").SetSuccessResult(v).Get(url))
}

func (c reqThree) post(url string, v *document) error {
	return c.check(c.c.R().SetContext(ctx).SetBodyJsonMarshal(sample).SetSuccessResult(v).Post(url))
}

func (c reqThree) lines(url string, each func([]byte)) error {
	r, err := c.c.R().SetContext(ctx).DisableAutoReadResponse().Get(url)
	if err != nil {
		return err
	}
	return scan(r.StatusCode, r.Body, each)
}

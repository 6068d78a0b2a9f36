package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"

	carl "github.com/carlmjohnson/requests"
	"github.com/go-requests/requests"
	resty2 "github.com/go-resty/resty/v2"
	"github.com/imroc/req/v3"
	resty3 "resty.dev/v3"
)

// errNone is what a method returns where the library has no call for it.
var errNone = errors.New("the library has no call for this")

// This library.

type ours struct{ s *requests.Session }

func newOurs(n network) (client, error) {
	s := requests.NewSession()
	s.Mount("http://", &requests.HTTPAdapter{DialContext: n.dial})
	return ours{s}, nil
}

func (c ours) result(r *requests.Response, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	return outcome{r.StatusCode, r.Text(), nil}
}

func (c ours) get(ctx context.Context, url string, fields map[string]string) outcome {
	headers := requests.Headers{}
	for k, v := range fields {
		headers[k] = v
	}
	return c.result(c.s.Get(ctx, url, headers))
}

func (c ours) post(ctx context.Context, url string, body io.Reader) outcome {
	return c.result(c.s.Post(ctx, url, requests.Reader(body)))
}

func (c ours) decode(ctx context.Context, url string, v any) error {
	r, err := c.s.Get(ctx, url)
	if err != nil {
		return err
	}
	return r.JSON(v)
}

func (c ours) upload(ctx context.Context, url, path string) error {
	_, err := c.s.Post(ctx, url, requests.Files{{Field: "file", Path: path}})
	return err
}

func (c ours) close() { c.s.Close() }

// net/http: Client.Do and io.ReadAll, with a cookiejar.Jar.

type netHTTP struct{ c *http.Client }

func newNetHTTP(n network) (client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return netHTTP{&http.Client{Jar: jar, Transport: plain(n)}}, nil
}

func (c netHTTP) do(ctx context.Context, method, url string, fields map[string]string, body io.Reader) outcome {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return outcome{err: err}
	}
	for k, v := range fields {
		r.Header.Set(k, v)
	}
	resp, err := c.c.Do(r)
	if err != nil {
		return outcome{err: err}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return outcome{resp.StatusCode, string(data), err}
}

func (c netHTTP) get(ctx context.Context, url string, fields map[string]string) outcome {
	return c.do(ctx, "GET", url, fields, nil)
}

func (c netHTTP) post(ctx context.Context, url string, body io.Reader) outcome {
	return c.do(ctx, "POST", url, nil, body)
}

func (c netHTTP) decode(context.Context, string, any) error    { return errNone }
func (c netHTTP) upload(context.Context, string, string) error { return errNone }
func (c netHTTP) close()                                       { c.c.CloseIdleConnections() }

// resty v3.

type restyThree struct{ c *resty3.Client }

func newResty3(n network) (client, error) {
	c := resty3.New()
	t, err := c.HTTPTransport()
	if err != nil {
		return nil, err
	}
	t.DialContext = n.dial
	return restyThree{c}, nil
}

func (c restyThree) result(r *resty3.Response, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	return outcome{r.StatusCode(), r.String(), nil}
}

func (c restyThree) get(ctx context.Context, url string, fields map[string]string) outcome {
	return c.result(c.c.R().SetContext(ctx).SetHeaders(fields).Get(url))
}

func (c restyThree) post(ctx context.Context, url string, body io.Reader) outcome {
	return c.result(c.c.R().SetContext(ctx).SetBody(body).Post(url))
}

func (c restyThree) decode(ctx context.Context, url string, v any) error {
	_, err := c.c.R().SetContext(ctx).SetResult(v).Get(url)
	return err
}

func (c restyThree) upload(ctx context.Context, url, path string) error {
	_, err := c.c.R().SetContext(ctx).SetFile("file", path).Post(url)
	return err
}

func (c restyThree) close() { c.c.Close() }

// resty v2.

type restyTwo struct{ c *resty2.Client }

func newResty2(n network) (client, error) {
	c := resty2.New()
	t, err := c.Transport()
	if err != nil {
		return nil, err
	}
	t.DialContext = n.dial
	c.SetLogger(silent{})
	return restyTwo{c}, nil
}

// silent keeps the warnings of a library out of the table.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

func (c restyTwo) result(r *resty2.Response, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	return outcome{r.StatusCode(), r.String(), nil}
}

func (c restyTwo) get(ctx context.Context, url string, fields map[string]string) outcome {
	return c.result(c.c.R().SetContext(ctx).SetHeaders(fields).Get(url))
}

func (c restyTwo) post(ctx context.Context, url string, body io.Reader) outcome {
	return c.result(c.c.R().SetContext(ctx).SetBody(body).Post(url))
}

func (c restyTwo) decode(ctx context.Context, url string, v any) error {
	_, err := c.c.R().SetContext(ctx).SetResult(v).Get(url)
	return err
}

func (c restyTwo) upload(ctx context.Context, url, path string) error {
	_, err := c.c.R().SetContext(ctx).SetFile("file", path).Post(url)
	return err
}

func (c restyTwo) close() { c.c.GetClient().CloseIdleConnections() }

// req v3.

type reqThree struct{ c *req.Client }

func newReq(n network) (client, error) {
	return reqThree{req.C().SetDial(n.dial).SetLogger(nil)}, nil
}

func (c reqThree) result(r *req.Response, err error) outcome {
	if err != nil {
		return outcome{err: err}
	}
	return outcome{r.StatusCode, r.String(), nil}
}

func (c reqThree) get(ctx context.Context, url string, fields map[string]string) outcome {
	return c.result(c.c.R().SetContext(ctx).SetHeaders(fields).Get(url))
}

func (c reqThree) post(ctx context.Context, url string, body io.Reader) outcome {
	return c.result(c.c.R().SetContext(ctx).SetBody(body).Post(url))
}

func (c reqThree) decode(ctx context.Context, url string, v any) error {
	_, err := c.c.R().SetContext(ctx).SetSuccessResult(v).Get(url)
	return err
}

func (c reqThree) upload(ctx context.Context, url, path string) error {
	_, err := c.c.R().SetContext(ctx).SetFile("file", path).Post(url)
	return err
}

func (c reqThree) close() { c.c.GetTransport().CloseIdleConnections() }

// carlmjohnson/requests.

type carlmjohnson struct{ t *http.Transport }

func newCarl(n network) (client, error) { return carlmjohnson{plain(n)}, nil }

func (c carlmjohnson) fetch(ctx context.Context, b *carl.Builder) outcome {
	var text string
	status := 0
	err := b.Transport(c.t).ToString(&text).AddValidator(func(r *http.Response) error {
		status = r.StatusCode
		return carl.DefaultValidator(r)
	}).Fetch(ctx)
	return outcome{status, text, err}
}

func (c carlmjohnson) get(ctx context.Context, url string, fields map[string]string) outcome {
	b := carl.URL(url)
	for k, v := range fields {
		b.Header(k, v)
	}
	return c.fetch(ctx, b)
}

func (c carlmjohnson) post(ctx context.Context, url string, body io.Reader) outcome {
	return c.fetch(ctx, carl.URL(url).BodyReader(body))
}

func (c carlmjohnson) decode(ctx context.Context, url string, v any) error {
	return carl.URL(url).Transport(c.t).ToJSON(v).Fetch(ctx)
}

func (c carlmjohnson) upload(context.Context, string, string) error { return errNone }
func (c carlmjohnson) close()                                       { c.t.CloseIdleConnections() }

package bench

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/go-requests/requests"
)

func init() {
	Register(Peer{Name: "candidate", Rank: 10, New: func(cfg Config) (Client, error) {
		var opts []requests.Option
		if cfg.TLS != nil {
			opts = append(opts, requests.TLS{Config: cfg.TLS})
		}
		s := requests.NewSession(opts...)
		if cfg.Pool > 0 {
			a := &requests.HTTPAdapter{PoolMaxSize: cfg.Pool}
			s.Mount("http://", a)
			s.Mount("https://", a)
		}
		return &candidate{s: s}, nil
	}})
}

// candidate implements each scenario as a user of the library would.
type candidate struct {
	NA
	s *requests.Session
}

var ctx = context.Background()

func (c *candidate) Close() { c.s.Close() }

func decode(r *requests.Response, err error, out any) error {
	if err != nil {
		return err
	}
	if err := r.RaiseForStatus(); err != nil {
		return err
	}
	return r.JSON(out)
}

func (c *candidate) GetJSON(u string, out *Small) error {
	r, err := c.s.Get(ctx, u)
	return decode(r, err, out)
}

func (c *candidate) GetParams(u string, params, headers [][2]string, user, pass string, out *Small) error {
	p := make(requests.Params, len(params))
	for _, e := range params {
		p[e[0]] = e[1]
	}
	h := make(requests.Headers, len(headers))
	for _, e := range headers {
		h[e[0]] = e[1]
	}
	r, err := c.s.Get(ctx, u, p, h, requests.BasicAuth(user, pass))
	return decode(r, err, out)
}

func (c *candidate) PostJSON(u string, in, out *Small) error {
	r, err := c.s.Post(ctx, u, requests.JSON(in))
	return decode(r, err, out)
}

func (c *candidate) GetBytes(u string) ([]byte, error) {
	r, err := c.s.Get(ctx, u)
	if err != nil {
		return nil, err
	}
	if err := r.RaiseForStatus(); err != nil {
		return nil, err
	}
	return r.Content(), nil
}

func (c *candidate) Lines(u string, fn func([]byte) error) error {
	r, err := c.s.Get(ctx, u, requests.Stream(true))
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.RaiseForStatus(); err != nil {
		return err
	}
	for line, err := range r.IterLineBytes() {
		if err != nil {
			return err
		}
		if err := fn(line); err != nil {
			return err
		}
	}
	return nil
}

func (c *candidate) Upload(u, field, path string, out *UploadReply) error {
	r, err := c.s.Post(ctx, u, requests.Files{{Field: field, Path: path}})
	return decode(r, err, out)
}

func (c *candidate) Download(u, path string) (n int64, err error) {
	r, err := c.s.Get(ctx, u, requests.Stream(true))
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if err := r.RaiseForStatus(); err != nil {
		return 0, err
	}
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.Copy(f, r.Body)
}

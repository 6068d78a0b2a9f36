package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

const pythonName = "Requests (Python)"

// errNoPython is the error where there is no Python, or no Requests for it.
var errNoPython = errors.New("python3 with Requests is not installed")

//go:embed client.py
var program string

// python is a process that makes one call after the other in one session.
type python struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	version string
}

func newPython(n network) (client, error) {
	c := &python{process: exec.Command("python3", "-c", program, n.addr)}
	in, err := c.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.out = in, bufio.NewReader(out)
	if err := c.process.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoPython, err)
	}
	hello := c.read()
	if hello.err != nil {
		c.close()
		return nil, fmt.Errorf("%w: %w", errNoPython, hello.err)
	}
	c.version = hello.text
	return c, nil
}

func (c *python) read() outcome {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return outcome{err: err}
	}
	var o struct {
		Status int
		Text   string
		Error  string
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return outcome{err: err}
	}
	if o.Error != "" {
		return outcome{err: errors.New(o.Error)}
	}
	return outcome{o.Status, o.Text, nil}
}

func (c *python) call(ctx context.Context, v map[string]any) outcome {
	line, err := json.Marshal(v)
	if err != nil {
		return outcome{err: err}
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return outcome{err: err}
	}
	defer context.AfterFunc(ctx, func() { c.process.Process.Kill() })()
	return c.read()
}

func (c *python) get(ctx context.Context, url string, fields map[string]string) outcome {
	return c.call(ctx, map[string]any{"do": "get", "url": url, "fields": fields})
}

func (c *python) post(ctx context.Context, url string, body io.Reader) outcome {
	data, err := io.ReadAll(body)
	if err != nil {
		return outcome{err: err}
	}
	return c.call(ctx, map[string]any{"do": "post", "url": url, "body": string(data)})
}

func (c *python) decode(ctx context.Context, url string, _ any) error {
	return c.call(ctx, map[string]any{"do": "decode", "url": url, "fields": nil}).err
}

func (c *python) upload(ctx context.Context, url, path string) error {
	return c.call(ctx, map[string]any{"do": "upload", "url": url, "path": path}).err
}

func (c *python) close() {
	c.in.Close()
	c.process.Process.Kill()
	c.process.Wait()
}

//go:build unix

package main

import (
	"bufio"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

const pythonName = "py-requests"

var errNoPython = errors.New("python3 with Requests is not installed")

//go:embed client.py
var program string

// python is a process that runs slices of Requests.
type python struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	ca      string
}

func newPython(s scenario, t target) (*python, error) {
	c := &python{}
	base := t.Plain
	if s.secure {
		base = t.TLS
		file, err := os.CreateTemp("", "*.pem")
		if err != nil {
			return nil, err
		}
		c.ca = file.Name()
		err = pem.Encode(file, &pem.Block{Type: "CERTIFICATE", Bytes: t.Cert})
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
	}
	c.process = exec.Command("python3", "-c", program, s.id, base, c.ca, strconv.Itoa(s.atOnce))
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
	if _, err := c.out.ReadString('\n'); err != nil {
		c.close()
		return nil, fmt.Errorf("%w: %w", errNoPython, err)
	}
	return c, nil
}

func (c *python) run(n int) (cost, error) {
	if _, err := fmt.Fprintln(c.in, n); err != nil {
		return cost{}, err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return cost{}, err
	}
	spent, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return cost{cpu: float64(spent) / float64(n)}, err
}

func (c *python) close() {
	c.in.Close()
	c.process.Process.Kill()
	c.process.Wait()
	if c.ca != "" {
		os.Remove(c.ca)
	}
}

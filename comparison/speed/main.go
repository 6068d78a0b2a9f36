//go:build unix

// Speed measures what a call costs with each client, as a multiple of the same call written by hand on net/http.
// It writes the results as JSON, of which benchmarks/chart makes docs/speed.md and its charts:
//
//	go run -C comparison ./speed -json /tmp/run.json
//	go run -C comparison ./speed -rounds 5 -scenarios S1
//
// The server is a process of its own, on loopback. Each scenario runs in rounds, in which short slices of each client stand
// between slices of net/http. A ratio is the median of those of a slice to its neighbours, so that what else the machine does
// falls on both. The time is the processor time of this process, or of Python's. On a machine with other work, or to take the
// wake-ups between processors out of the figures, bind it to one of them: taskset -c 0 go run -C comparison ./speed
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

func main() {
	serving := flag.Bool("serve", false, "be the server; this program starts it itself")
	path := flag.String("json", "", "a file for the results")
	rounds := flag.Int("rounds", 40, "how often each client has a slice")
	slice := flag.Duration("slice", 25*time.Millisecond, "the processor time of a slice")
	only := flag.String("scenarios", "", "the scenarios to run, by commas; all if empty")
	flag.Parse()
	run := func() error { return compare(*path, *rounds, *slice, *only) }
	if *serving {
		run = func() error { return serve(os.Stdin, os.Stdout) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

// A target is where the server is, as it says itself.
type target struct {
	Plain, TLS string
	Cert       []byte
}

func (t target) config() (*tls.Config, error) {
	cert, err := x509.ParseCertificate(t.Cert)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{RootCAs: pool}, nil
}

// start starts the server, which ends with the file that is returned.
func start() (target, io.Closer, error) {
	self, err := os.Executable()
	if err != nil {
		return target{}, nil, err
	}
	server := exec.Command(self, "-serve")
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		return target{}, nil, err
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return target{}, nil, err
	}
	if err := server.Start(); err != nil {
		return target{}, nil, err
	}
	var t target
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &t)
	}
	if err != nil {
		in.Close()
	}
	return t, in, err
}

// A cell is the result of one client in one scenario. benchmarks/chart reads it.
type cell struct {
	Scen, Peer string
	CPU        float64 // of the client, ns for each call
	RCPU       float64 // to net/http
	Allocs     float64 `json:",omitempty"`
	RAllocs    float64 `json:",omitempty"`
}

func compare(path string, rounds int, slice time.Duration, only string) error {
	forgetEnvironment()
	t, server, err := start()
	if err != nil {
		return err
	}
	defer server.Close()
	var cells []cell
	for _, s := range scenarios {
		if only != "" && !slices.Contains(strings.Split(only, ","), s.id) {
			continue
		}
		got, err := measure(s, t, rounds, slice)
		if err != nil {
			return fmt.Errorf("%s: %w", s.id, err)
		}
		fmt.Println(s.id, s.title)
		for _, c := range got {
			fmt.Printf("  %-18s %6.2f × net/http %10.1f µs %8.0f allocations\n", c.Peer, c.RCPU, c.CPU/1e3, c.Allocs)
		}
		cells = append(cells, got...)
	}
	if len(cells) == 0 {
		return errors.New("there is no such scenario")
	}
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(cells, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// forgetEnvironment keeps proxies and netrc of the user from all clients.
func forgetEnvironment() {
	for _, name := range []string{"http_proxy", "https_proxy", "all_proxy", "no_proxy"} {
		os.Unsetenv(name)
		os.Unsetenv(strings.ToUpper(name))
	}
	os.Setenv("NETRC", os.DevNull)
}

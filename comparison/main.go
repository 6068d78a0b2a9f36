// Comparison shows what clients do with the same servers, with their defaults.
// It prints the first table of docs/comparison.md, and needs no network:
//
//	go run -C comparison .
//	go run -C comparison . -update    # writes the table into the document
//	go run -C comparison . -programs  # the second one: what a program with one GET becomes
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

const document = "../docs/comparison.md"

func main() {
	update := flag.Bool("update", false, "write the table into "+document)
	programs := flag.Bool("programs", false, "build the programs in get, in place of the calls")
	flag.Parse()
	if err := run(context.Background(), *update, *programs); err != nil {
		fmt.Fprintln(os.Stderr, "comparison:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, update, programs bool) error {
	name, made, err := "calls", "", error(nil)
	if programs {
		name = "programs"
		made, err = builds(ctx)
	} else {
		made, err = calls(ctx, rows)
	}
	if err != nil {
		return err
	}
	if update {
		return rewrite(name, made)
	}
	fmt.Print(made)
	if !programs {
		fmt.Println("\nWith", versions())
	}
	return nil
}

// unseen is a cell of a client that is not installed.
const unseen = "?"

// calls is the table of what happens.
func calls(ctx context.Context, rows []row) (string, error) {
	forgetEnvironment()
	cells := make([][]string, len(rows))
	failed := make([][]error, len(rows))
	var group sync.WaitGroup
	for i, r := range rows {
		cells[i], failed[i] = make([]string, len(peers)), make([]error, len(peers))
		group.Go(func() { // rows beside each other, as one waits for long
			var each sync.WaitGroup
			for j, p := range peers {
				each.Go(func() { cells[i][j], failed[i][j] = r.see(ctx, p) })
			}
			each.Wait()
		})
	}
	group.Wait()
	head := []string{"the server"}
	for _, p := range peers {
		head = append(head, p.name)
	}
	t := table{head}
	for i, r := range rows {
		line := []string{r.server}
		for j := range peers {
			switch err := failed[i][j]; {
			case errors.Is(err, errNoPython):
				line = append(line, unseen)
			case err != nil:
				return "", fmt.Errorf("%s, of a server that %s: %w", peers[j].name, r.server, err)
			default:
				line = append(line, cells[i][j])
			}
		}
		t = append(t, line)
	}
	return t.String(), nil
}

// forgetEnvironment keeps proxies and netrc of the user from all clients.
func forgetEnvironment() {
	for _, name := range []string{"http_proxy", "https_proxy", "all_proxy", "no_proxy"} {
		os.Unsetenv(name)
		os.Unsetenv(strings.ToUpper(name))
	}
	os.Setenv("NETRC", os.DevNull)
}

// versions is a line that names what was run.
func versions() string {
	names := []string{runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, p := range peers {
			for _, m := range info.Deps {
				if m.Path == p.module && m.Replace == nil {
					names = append(names, p.name+" "+m.Version)
				}
			}
		}
	}
	if c, err := newPython(network{addr: "127.0.0.1:1"}); err == nil {
		defer c.close()
		names = append(names, "Requests "+c.(*python).version)
	}
	return strings.Join(names, ", ") + "."
}

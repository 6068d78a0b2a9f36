package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// builds is the table of what a program with one GET becomes: the programs are in get, one for each library of Go.
func builds(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	t := table{{"a program with one GET"}, {"modules in it"}, {"Go that the library needs"}, {"size"}}
	for _, p := range peers {
		if p.name == pythonName {
			continue
		}
		cells, err := build(ctx, p, dir)
		if err != nil {
			return "", fmt.Errorf("%s: %w", p.name, err)
		}
		for i, cell := range append([]string{p.name}, cells...) {
			t[i] = append(t[i], cell)
		}
	}
	return t.String(), nil
}

// folders has where the program of each library is.
var folders = map[string]string{
	"this library": "ours", "net/http": "nethttp", "resty v3": "resty3", "resty v2": "resty2",
	"req": "req", "carlmjohnson/requests": "carlmjohnson",
}

func build(ctx context.Context, p peer, dir string) ([]string, error) {
	path := filepath.Join(dir, folders[p.name])
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./get/"+folders[p.name])
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	needs, modules := "–", len(info.Deps)
	if p.module != "" {
		modules-- // the library itself
		out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.GoVersion}}", p.module).Output()
		if err != nil {
			return nil, err
		}
		needs = strings.TrimSuffix(strings.TrimSpace(string(out)), ".0")
	}
	return []string{fmt.Sprintf("%d", modules), needs, fmt.Sprintf("%.1f MB", float64(file.Size())/1e6)}, nil
}

// Chart presents the results of comparison/speed: as docs/speed.md with its table, and as
// a chart for light and one for dark pages.
//
//	go run -C benchmarks ./chart                                 # from docs/speed.json
//	go run -C benchmarks ./chart -run run.json -machine 'name'   # from a new run
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	docs := flag.String("docs", "../docs", "the folder of speed.json")
	results := flag.String("run", "", "what comparison/speed wrote with -json; it becomes speed.json")
	machine := flag.String("machine", "", "where it ran")
	note := flag.String("note", "", "what else the reader has to know about the run")
	versions := flag.String("versions", "", "peer=version, by commas")
	flag.Parse()
	r := Run{Date: time.Now().UTC().Format(time.DateOnly), Machine: *machine, Go: runtime.Version(), Note: *note, Versions: map[string]string{}}
	for pair := range strings.SplitSeq(*versions, ",") {
		if peer, version, ok := strings.Cut(pair, "="); ok {
			r.Versions[peer] = version
		}
	}
	if err := draw(*docs, *results, r); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

// draw writes the files of docs, and speed.json first if there are new results.
func draw(docs, results string, r Run) error {
	path := filepath.Join(docs, "speed.json")
	if results != "" {
		data, err := os.ReadFile(results)
		if err != nil {
			return err
		}
		run, err := describe(r, data)
		if err != nil {
			return fmt.Errorf("%s: %w", results, err)
		}
		if data, err = json.MarshalIndent(run, "", "\t"); err != nil {
			return err
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			return err
		}
	}
	run, err := read(path)
	if err != nil {
		return err
	}
	for name, content := range files(run) {
		if err := os.WriteFile(filepath.Join(docs, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// files returns the files made from a run, by name.
func files(r *Run) map[string]string {
	made := map[string]string{"speed.md": page(r)}
	for _, t := range themes {
		made["speed-"+t.name+".svg"] = chart(r, t)
	}
	return made
}

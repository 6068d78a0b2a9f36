//go:build !unix || aix

package transport

func silent(w *wire) bool { return !w.watch.heard() }

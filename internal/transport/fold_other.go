//go:build !unix || aix

package transport

import "errors"

// A fold needs a peek that does not block. Without one, the watch is used.
type fold struct{}

func (w *wire) openFold() bool { return false }

func (w *wire) pushFolded([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (w *wire) peekFolded([]byte) (int, error) { return 0, errors.ErrUnsupported }

// isReset cannot be determined here.
func (w *wire) isReset() bool { return true }

package requests

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Files of the kernel have a size of 0, or of a page, whatever is in them.
func TestFileOfUnknownSize(t *testing.T) {
	for name, path := range map[string]string{"proc": "/proc/version", "sys": "/sys/kernel/mm/transparent_hugepage/enabled"} {
		want, err := os.ReadFile(path)
		if err != nil || len(want) == 0 {
			t.Logf("without %s: %v", path, err)
			continue
		}
		for kind, body := range map[string]func() Option{
			"Reader": func() Option { return Reader(openFile(t, path)) },
			"path":   func() Option { return Files{{Field: "f", Path: path}} },
			"part": func() Option {
				return Files{{Field: "f", Reader: openFile(t, path)}, {Field: "g", Path: writeFile(t, "g", "text")}}
			},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				w := newWire(t, answerOK)
				option := body()
				for range 2 {
					_, err := Post(t.Context(), w.url, option)
					require.NoError(t, err)
					got := w.next(t)
					requireWhole(t, got, string(want))
					require.EqualValues(t, -1, got.length)
				}
			})
		}
	}
}

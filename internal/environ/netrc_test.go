package environ

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNetrcChanges has the file change while a service runs.
func TestNetrcChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		home := t.TempDir()
		set(t, map[string]string{"HOME": home, "USERPROFILE": home})
		path := filepath.Join(home, ".netrc")
		modified := time.Now()
		write := func(path, text string) {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			modified = modified.Add(time.Minute)
			require.NoError(t, os.Chtimes(path, modified, modified))
		}
		var n Netrc
		login := func() string {
			e, ok, err := n.Lookup("a.test", "")
			require.NoError(t, err)
			if !ok {
				return ""
			}
			return e.Username()
		}
		require.Empty(t, login())

		write(path, "machine a.test login one password x")
		require.Empty(t, login(), "looked at again within the interval")
		time.Sleep(interval)
		require.Equal(t, "one", login())

		write(path, "machine a.test login two password x")
		require.Equal(t, "one", login(), "looked at again within the interval")
		time.Sleep(interval)
		require.Equal(t, "two", login())

		other := filepath.Join(home, "other")
		write(other, "machine a.test login three password x")
		t.Setenv("NETRC", "~/other")
		require.Equal(t, "three", login(), "another file is seen at once")
		t.Setenv("NETRC", filepath.Join(home, "none"))
		require.Empty(t, login())
		require.NoError(t, os.Unsetenv("NETRC"))
		require.Equal(t, "two", login())

		require.NoError(t, os.Remove(path))
		write(filepath.Join(home, "_netrc"), "machine a.test login four password x")
		time.Sleep(interval)
		require.Equal(t, "four", login())
	})
}

// TestNetrcErrors are told once for each state of the file.
func TestNetrcErrors(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"not a netrc": func(path string) error { return os.WriteFile(path, []byte("nonsense"), 0o600) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				home := t.TempDir()
				set(t, map[string]string{"HOME": home, "USERPROFILE": home})
				require.NoError(t, make(filepath.Join(home, ".netrc")))
				var n Netrc
				_, ok, err := n.Lookup("a.test", "")
				require.Error(t, err)
				require.False(t, ok)
				for range 2 {
					time.Sleep(interval)
					_, ok, err = n.Lookup("a.test", "")
					require.NoError(t, err)
					require.False(t, ok)
				}
			})
		})
	}
}

package environ

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWhichNetrc: NETRC before the files of the home folder.
func TestWhichNetrc(t *testing.T) {
	const a, b = "machine a.test login a password a", "machine a.test login b password b"
	for _, tt := range []struct {
		name  string
		home  map[string]string
		netrc string // NETRC, "-" if it is not set
		want  string // the login
	}{
		{"none", nil, "-", ""},
		{".netrc", map[string]string{".netrc": a}, "-", "a"},
		{"_netrc", map[string]string{"_netrc": b}, "-", "b"},
		{".netrc before _netrc", map[string]string{".netrc": a, "_netrc": b}, "-", "a"},
		{"NETRC", map[string]string{".netrc": a, "other": b}, "~/other", "b"},
		{"NETRC without a file", map[string]string{".netrc": a}, "/does/not/exist", ""},
		{"NETRC empty", map[string]string{".netrc": a}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			set(t, map[string]string{"HOME": home, "USERPROFILE": home})
			for name, text := range tt.home {
				require.NoError(t, os.WriteFile(filepath.Join(home, name), []byte(text), 0o644))
			}
			if tt.netrc != "-" {
				t.Setenv("NETRC", tt.netrc)
			}
			e, ok, err := new(Netrc).Lookup("a.test", "")
			require.NoError(t, err)
			require.Equal(t, tt.want != "", ok)
			if ok {
				require.Equal(t, tt.want, e.Username())
			}
		})
	}
}

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

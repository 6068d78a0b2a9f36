package file

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

func TestChecksum(t *testing.T) {
	all := Checksum{
		"md5":    fmt.Sprintf("%x", md5.Sum([]byte(content))),
		"sha1":   fmt.Sprintf("%X", sha1.Sum([]byte(content))),
		"sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(content))),
		"sha384": fmt.Sprintf("%x", sha512.Sum384([]byte(content))),
		"sha512": fmt.Sprintf("%X", sha512.Sum512([]byte(content))),
	}
	with := func(name, value string) Checksum {
		c := Checksum{}
		for n, v := range all {
			c[n] = v
		}
		c[name] = value
		return c
	}
	for _, tt := range []struct {
		name          string
		sum           Checksum
		check, verify error
	}{
		{name: "none"},
		{name: "empty", sum: Checksum{}},
		{name: "all", sum: all},
		{name: "one of several is another", sum: with("sha1", strings.Repeat("0", 40)), verify: fault.Checksum},
		{name: "capitals", sum: Checksum{"SHA256": all["sha256"]}, check: fault.InvalidOption},
		{name: "unknown", sum: with("crc32", "00000000"), check: fault.InvalidOption},
		{name: "too short", sum: Checksum{"sha256": all["sha256"][2:]}, check: fault.InvalidOption},
		{name: "too long", sum: Checksum{"sha256": all["sha256"] + "00"}, check: fault.InvalidOption},
		{name: "no digits", sum: Checksum{"md5": strings.Repeat("g", 32)}, check: fault.InvalidOption},
		{name: "nothing", sum: Checksum{"md5": ""}, check: fault.InvalidOption},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.ErrorIs(t, tt.sum.Check(), tt.check)
			if tt.check == nil {
				require.ErrorIs(t, tt.sum.Verify(strings.NewReader(content)), tt.verify)
			}
		})
	}
	broken := errors.New("broken")
	require.ErrorIs(t, all.Verify(iotest.ErrReader(broken)), broken)
}

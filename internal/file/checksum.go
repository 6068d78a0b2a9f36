package file

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/go-requests/requests/internal/fault"
)

// A Checksum holds the expected hashes of a file: hexadecimal values by the
// names of the algorithms.
type Checksum map[string]string

// newHash returns nil for an algorithm that is not known.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	case "sha512":
		return sha512.New()
	case "sha1":
		return sha1.New()
	case "md5":
		return md5.New()
	}
	return nil
}

// Check returns [fault.InvalidOption] if c cannot be a checksum.
func (c Checksum) Check() error {
	for algorithm, want := range c {
		h := newHash(algorithm)
		if h == nil {
			return fault.Text(fault.InvalidOption, fmt.Sprintf("Checksum: %.20q is none of sha256, sha384, sha512, sha1 and md5", algorithm))
		}
		if sum, err := hex.DecodeString(want); err != nil || len(sum) != h.Size() {
			return fault.Text(fault.InvalidOption, fmt.Sprintf("Checksum: the %s is not %d hexadecimal digits", algorithm, 2*h.Size()))
		}
	}
	return nil
}

// Verify reads src, the file as it is on the disk, to its end. It returns
// [fault.Checksum] if the content differs.
func (c Checksum) Verify(src io.Reader) error {
	if len(c) == 0 {
		return nil
	}
	hashes := make(map[string]hash.Hash, len(c))
	all := make([]io.Writer, 0, len(c))
	for algorithm := range c {
		hashes[algorithm] = newHash(algorithm)
		all = append(all, hashes[algorithm])
	}
	if _, err := Copy(io.MultiWriter(all...), src); err != nil {
		return err
	}
	for algorithm, h := range hashes {
		if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, c[algorithm]) {
			return fault.Text(fault.Checksum, fmt.Sprintf("the %s is %s, not %s", algorithm, got, strings.ToLower(c[algorithm])))
		}
	}
	return nil
}

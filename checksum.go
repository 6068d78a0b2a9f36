package requests

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
)

// Checksum holds a file to what is known of it, by the name of the algorithm in
// lower case: "sha256", "sha384", "sha512", and "sha1" and "md5", which find
// mistakes but no forgeries. The values are in hexadecimal, of either case. All
// must match before the file gets its name; [ErrChecksum] says which does not.
//
//	requests.Checksum{"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
type Checksum map[string]string

func (Checksum) option()                  {}
func (c Checksum) file(set *fileSettings) { set.checksum = c }

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

// check finds what cannot be a checksum, before anything is sent.
func (c Checksum) check() error {
	for algorithm, want := range c {
		h := newHash(algorithm)
		if h == nil {
			return failText(ErrInvalidOption, fmt.Sprintf("Checksum: %.20q is none of sha256, sha384, sha512, sha1 and md5", algorithm))
		}
		if sum, err := hex.DecodeString(want); err != nil || len(sum) != h.Size() {
			return failText(ErrInvalidOption, fmt.Sprintf("Checksum: the %s is not %d hexadecimal digits", algorithm, 2*h.Size()))
		}
	}
	return nil
}

// verify reads src, which is the file as the disk has it, to its end.
func (c Checksum) verify(src io.Reader) error {
	if len(c) == 0 {
		return nil
	}
	hashes := make(map[string]hash.Hash, len(c))
	all := make([]io.Writer, 0, len(c))
	for algorithm := range c {
		hashes[algorithm] = newHash(algorithm)
		all = append(all, hashes[algorithm])
	}
	if _, err := copyBlocks(io.MultiWriter(all...), src); err != nil {
		return err
	}
	for algorithm, h := range hashes {
		if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, c[algorithm]) {
			return failText(ErrChecksum, fmt.Sprintf("the %s is %s, not %s", algorithm, got, strings.ToLower(c[algorithm])))
		}
	}
	return nil
}

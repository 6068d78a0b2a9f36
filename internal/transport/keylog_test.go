package transport

import (
	"encoding/hex"
	"strings"
)

type keyLog map[string][]byte

func (k keyLog) Write(line []byte) (int, error) {
	f := strings.Fields(string(line))
	k[f[0]], _ = hex.DecodeString(f[2])
	return len(line), nil
}

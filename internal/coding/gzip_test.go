package coding

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
)

// A member is the header of one of gzip, with text behind it.
type gzipHeader struct {
	flags         byte // besides those of the fields
	extra         string
	name, comment string
	check         bool // by a CRC of the header
	wrong         bool // CRC
}

func (h gzipHeader) encode(t *testing.T) []byte {
	plain := encode(t, "gzip", text)
	head := bytes.Clone(plain[:10])
	head[3] = h.flags
	if h.extra != "" {
		head[3] |= 1 << 2
		head = append(binary.LittleEndian.AppendUint16(head, uint16(len(h.extra))), h.extra...)
	}
	if h.name != "" {
		head[3] |= 1 << 3
		head = append(head, h.name+"\x00"...)
	}
	if h.comment != "" {
		head[3] |= 1 << 4
		head = append(head, h.comment+"\x00"...)
	}
	if h.check {
		head[3] |= 1 << 1
		sum := uint16(crc32.ChecksumIEEE(head))
		if h.wrong {
			sum++
		}
		head = binary.LittleEndian.AppendUint16(head, sum)
	}
	return append(head, plain[10:]...)
}

// TestGzipHeader has what RFC 1952, section 2.3, allows in the header of a member.
func TestGzipHeader(t *testing.T) {
	headers := map[string]gzipHeader{
		"nothing":                  {},
		"text":                     {flags: 1},
		"name":                     {name: "a.txt"},
		"name of 511 bytes":        {name: strings.Repeat("n", 511)},
		"name of 512 bytes":        {name: strings.Repeat("n", 512)},
		"name beyond the buffer":   {name: strings.Repeat("n", 3*inputBuffer)},
		"name of a MiB":            {name: strings.Repeat("n", 1<<20)},
		"name in Latin-1":          {name: "caf\xe9"},
		"comment of 512 bytes":     {comment: strings.Repeat("c", 512)},
		"comment of several lines": {comment: strings.Repeat("line\n", 20_000)},
		"extra field":              {extra: "BC\x02\x00\x1b\x00"},
		"longest extra field":      {extra: strings.Repeat("\x00", 1<<16-1)},
		"CRC":                      {check: true},
		"all":                      {flags: 1, extra: strings.Repeat("x", 5000), name: strings.Repeat("n", 5000), comment: strings.Repeat("c", 5000), check: true},
	}
	var members []byte
	for name, h := range headers {
		data := h.encode(t)
		members = append(members, data...)
		t.Run(name, func(t *testing.T) {
			wantDecoded(t, "gzip", data, []byte(text))
			wantDecoded(t, "gzip", join(data, data), []byte(text+text))
			for cut := 1; cut < len(data)-len(text); cut += 1 + len(data)/200 {
				if _, err := decode(data[:cut], "gzip"); !errors.Is(err, ErrTruncated) {
					t.Errorf("cut after %d bytes: error %v; want %v", cut, err, ErrTruncated)
				}
			}
		})
	}
	t.Run("members of all kinds", func(t *testing.T) {
		wantDecoded(t, "gzip", members, []byte(strings.Repeat(text, len(headers))))
	})
	for name, h := range map[string]gzipHeader{
		"wrong CRC":                 {check: true, wrong: true},
		"wrong CRC of a long name":  {name: strings.Repeat("n", 600), check: true, wrong: true},
		"reserved flag":             {flags: 1 << 5},
		"name that does not end":    {name: strings.Repeat("n", maxGzipHeader+2*inputBuffer)},
		"comment that does not end": {name: "n", comment: strings.Repeat("c", maxGzipHeader+2*inputBuffer)},
	} {
		t.Run(name, func(t *testing.T) {
			data := h.encode(t)
			if _, err := decode(data, "gzip"); !errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v; want %v", err, ErrCorrupt)
			}
			got, err := decode(join(encode(t, "gzip", text), data), "gzip")
			if !errors.Is(err, ErrCorrupt) || string(got) != text {
				t.Errorf("as the second member: %q, error %v; want the first one and %v", got, err, ErrCorrupt)
			}
		})
	}
}

package charset

import (
	"hash/crc32"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCodePages compares whole tables with those of Python's codecs, by their
// checksums: the 256 characters in UTF-8.
func TestCodePages(t *testing.T) {
	for _, tt := range []struct {
		name string
		sum  uint32
	}{
		{"cp720", 0x4299f200},
		{"cp737", 0xad981da0},
		{"cp775", 0x2eb703c2},
		{"cp857", 0x50e99884},
		{"cp861", 0x9f70e757},
		{"cp864", 0x4a6817f3},
		{"cp869", 0x99f97784},
		{"cp1125", 0xce255de5},
		{"x-mac-ce", 0x4778e750},
		{"x-mac-croatian", 0x50cdd709},
		{"x-mac-greek", 0x56c634e8},
		{"x-mac-icelandic", 0xa0247942},
		{"x-mac-romanian", 0xde1c1b1c},
		{"x-mac-turkish", 0x24e85b06},
		{"koi8-t", 0xc179bd83},
		{"kz1048", 0x0c449105},
		{"ptcp154", 0x90db50f3},
		{"hp-roman8", 0x12448369},
		{"cp273", 0x8a93a5bc},
		{"cp424", 0x19ffb1ea},
		{"cp500", 0xd8852226},
		{"cp875", 0x4bf1389c},
		{"cp1026", 0x48e050d6},
		{"ibm866", 0x18354155},
		{"cp437", 0x4d8e9e4b},
		{"cp850", 0x3c57db7e},
		{"cp852", 0xe98b5cde},
		{"cp855", 0x797b1390},
		{"cp858", 0x6c114213},
		{"cp860", 0xbf155653},
		{"cp862", 0x33893b8e},
		{"cp863", 0xa4d6039b},
		{"cp865", 0xf440dcef},
	} {
		c, ok := find(tt.name)
		if !ok {
			t.Errorf("no charset %q", tt.name)
			continue
		}
		runes, ok := bytesOf(c.coding)
		if got := crc32.ChecksumIEEE([]byte(string(runes[:]))); !ok || got != tt.sum {
			t.Errorf("the characters of %s have the checksum %#x; want %#x", tt.name, got, tt.sum)
		}
	}
}

// TestJohab compares all pairs of bytes with Python's codec, by the checksum of
// the characters in order.
func TestJohab(t *testing.T) {
	var all strings.Builder
	n := 0
	for lead := 0x81; lead < 0xff; lead++ {
		for trail := 0x31; trail < 0xff; trail++ {
			if !isJohabLead(byte(lead)) {
				continue
			}
			if r := johabPair(byte(lead), byte(trail)); r != utf8.RuneError {
				all.WriteRune(r)
				n++
			}
		}
	}
	const characters, sum = 17065, 0x3ad034eb
	if got := crc32.ChecksumIEEE([]byte(all.String())); n != characters || got != sum {
		t.Errorf("%d characters with the checksum %#x; want %d with %#x", n, got, characters, sum)
	}
}

package transport

import (
	"encoding/binary"
	"sync/atomic"
)

// A frames parses the frames that an HTTP/2 connection receives (RFC 9113,
// section 4.1), for information that net/http does not give. Only the reader
// uses it, except for the atomic fields.
type frames struct {
	buf  [frameHead]byte
	n    int       // bytes in buf
	part framePart // that buf is filled with
	left int       // of the payload, behind what is in buf

	news     bool  // net/http will have processed a relevant frame when it reads again
	settings bool  // the server has sent its SETTINGS
	most     int64 // concurrent streams, -1 if the server sets no limit

	goAway atomic.Bool
	code   atomic.Uint32 // of the GOAWAY
	last   atomic.Uint32 // the last stream that the server may have acted on
}

// A framePart is the part of a frame that is being read.
type framePart uint8

const (
	inHead framePart = iota
	inSetting
	inGoAway
	inRest // ignored
)

const (
	frameHead     = 9
	settingSize   = 6
	goAwaySize    = 8
	typeSettings  = 0x4
	typeGoAway    = 0x7
	flagAck       = 0x1
	maxConcurrent = 0x3

	http11Required = 0xd // an error code (RFC 9113, section 7)
	protocolError  = 0x1
)

// parse processes the next bytes.
func (f *frames) parse(b []byte) {
	for len(b) > 0 {
		if f.part == inRest {
			n := min(f.left, len(b))
			f.left -= n
			b = b[n:]
			if f.left == 0 {
				f.part = inHead
			}
			continue
		}
		n := copy(f.buf[f.n:f.size()], b)
		f.n += n
		b = b[n:]
		if f.n == f.size() {
			f.n = 0
			f.whole()
		}
	}
}

func (f *frames) size() int {
	switch f.part {
	case inSetting:
		return settingSize
	case inGoAway:
		return goAwaySize
	}
	return frameHead
}

// whole processes a part that is completely in buf.
func (f *frames) whole() {
	switch f.part {
	case inHead:
		f.head()
		return
	case inSetting:
		f.left -= settingSize
		if binary.BigEndian.Uint16(f.buf[:]) == maxConcurrent {
			f.most = int64(binary.BigEndian.Uint32(f.buf[2:]))
		}
		f.news = f.news || f.left == 0
	case inGoAway:
		f.left -= goAwaySize
		f.last.Store(binary.BigEndian.Uint32(f.buf[:]) &^ (1 << 31))
		f.code.Store(binary.BigEndian.Uint32(f.buf[4:]))
		f.goAway.Store(true)
		f.news = true
		f.part = inRest
	}
	f.next()
}

// head processes the head of a frame.
func (f *frames) head() {
	f.left = int(f.buf[0])<<16 | int(f.buf[1])<<8 | int(f.buf[2])
	kind, flags := f.buf[3], f.buf[4]
	f.part = inRest
	switch {
	case kind == typeSettings && flags&flagAck == 0:
		if !f.settings {
			f.settings, f.most = true, -1
		}
		f.part = inSetting
		f.news = f.news || f.left == 0
	case kind == typeGoAway && f.left >= goAwaySize:
		f.part = inGoAway
	}
	f.next()
}

// next begins the next part when the current one has ended.
func (f *frames) next() {
	switch {
	case f.left == 0:
		f.part = inHead
	case f.part == inSetting && f.left < settingSize:
		f.part = inRest // it is malformed
	}
}

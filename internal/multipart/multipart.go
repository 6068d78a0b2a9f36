// Package multipart makes bodies of the type multipart/form-data (RFC 7578).
// Their length is known before they are read, they are streamed and open each
// file when its turn comes, and they can be read again from the beginning.
//
// It is written by hand because the Writer of mime/multipart, which a program
// writes to, can do none of this. It also escapes names by rules of its own and
// does not check the fields of a part. Here names are escaped as browsers do it
// (HTML, section 4.10.21.8).
//
// The package does not know where a file comes from: a [File] says how to open
// its content. Errors have a kind of package fault.
package multipart

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/message"
)

// Type returns the boundary and the Content-Type of a body. given are the values of
// a Content-Type field that the caller wants, which is completed: Requests keeps it
// as it is, and so sends bodies that no server can take apart.
func Type(given []string) (boundary, contentType string, err error) {
	contentType = "multipart/form-data"
	if len(given) > 0 {
		contentType = strings.TrimRight(given[0], "; \t")
		kind, params, err := mime.ParseMediaType(contentType)
		if err != nil || len(given) > 1 || !strings.HasPrefix(kind, "multipart/") {
			return "", "", fault.Text(fault.InvalidOption, "Files need a Content-Type of multipart/form-data, or none")
		}
		if boundary, ok := params["boundary"]; ok {
			if err := multipart.NewWriter(io.Discard).SetBoundary(boundary); err != nil { // RFC 2046, section 5.1.1
				return "", "", fault.Text(fault.InvalidOption, "the boundary in the Content-Type is not one of RFC 2046")
			}
			return boundary, contentType, nil
		}
	}
	var random [16]byte
	rand.Read(random[:]) // never fails; with a predictable boundary a file could forge parts (CVE-2025-7783)
	boundary = hex.EncodeToString(random[:])
	return boundary, contentType + "; boundary=" + boundary, nil
}

// A Body gathers the parts of a body. It is complete after Close, and must not
// change from then on.
type Body struct {
	boundary string
	pieces   []piece
	text     []byte // to be sent before the next file
	length   int64  // of the files so far, -1 if unknown
}

// A piece is a file with the text that goes before it: its header, the end of
// the part before, and the text fields in between. The last piece has no file.
type piece struct {
	text []byte
	file *File
}

// A File is the content of a part, and what its header says.
type File struct {
	// Filename is what the server is told, unless Unnamed is true.
	Filename string
	Unnamed  bool
	// ContentType is the type of the part, "" for none.
	ContentType string
	// Header holds more fields. Content-Disposition among them is left out, and so
	// are Content-Type beside ContentType and fields without a value.
	Header textproto.MIMEHeader

	// Open opens the content at its beginning, each time that the body is read.
	Open func() (io.ReadCloser, error)
	// Length is that of the content, -1 if it is unknown. Open must return a
	// reader of exactly that length.
	Length int64
	// Blocks says that a read of the content may block indefinitely. Everything
	// before it is then returned first.
	Blocks bool
}

// New returns a body without a part. boundary is one that [Type] gave.
func New(boundary string) *Body { return &Body{boundary: boundary} }

// AddField adds a text field.
func (b *Body) AddField(name, value string) error {
	if err := b.begin(name); err != nil {
		return err
	}
	b.text = append(append(append(b.text, "\r\n\r\n"...), value...), "\r\n"...)
	return nil
}

// AddFile adds a part of the field name that has the content of f.
func (b *Body) AddFile(name string, f *File) error {
	if err := b.begin(name); err != nil {
		return err
	}
	if !f.Unnamed {
		quoted, ok := quote(f.Filename)
		if !ok {
			return fault.Text(fault.InvalidOption, fmt.Sprintf("the filename of the field %q has a control character", name))
		}
		b.text = append(b.text, "; filename="+quoted...)
	}
	b.text = append(b.text, "\r\n"...)
	if err := b.addHeader(f); err != nil {
		return err
	}
	b.text = append(b.text, "\r\n"...)
	b.pieces = append(b.pieces, piece{b.text, f})
	b.text = []byte("\r\n")
	switch {
	case b.length < 0 || f.Length < 0:
		b.length = -1
	case b.length+f.Length < b.length:
		return errTooLong
	default:
		b.length += f.Length
	}
	return nil
}

var errTooLong = fault.Text(fault.InvalidOption, "the files are too long together")

// begin writes the head of a part up to and including the name of its field.
func (b *Body) begin(name string) error {
	if name == "" {
		return fault.Text(fault.InvalidOption, "a field of a multipart body has no name")
	}
	quoted, ok := quote(name)
	if !ok {
		return fault.Text(fault.InvalidOption, fmt.Sprintf("the name of the field %.40q has a control character", name))
	}
	b.text = append(b.text, "--"+b.boundary+"\r\nContent-Disposition: form-data; name="+quoted...)
	return nil
}

// escapes are those of browsers, which RFC 7578 does not have: HTML, section
// 4.10.21.8, "multipart/form-data encoding algorithm". A backslash stays, since
// servers differ in whether it escapes (CVE-2024-22049).
var escapes = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

// quote quotes a name or filename. It reports false if the name cannot be sent.
func quote(s string) (quoted string, ok bool) {
	s = escapes.Replace(s)
	return `"` + s + `"`, !hasControl(s)
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// addHeader writes the fields of a part after its Content-Disposition.
func (b *Body) addHeader(f *File) error {
	if f.ContentType != "" {
		if err := b.addHeaderField("Content-Type", f.ContentType); err != nil {
			return err
		}
	}
	names := make([]string, 0, len(f.Header))
	for name := range f.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		key := textproto.CanonicalMIMEHeaderKey(name)
		if key == "Content-Disposition" || key == "Content-Type" && f.ContentType != "" {
			continue
		}
		for _, v := range f.Header[name] {
			if v == "" {
				continue
			}
			if err := b.addHeaderField(key, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// addHeaderField writes a field, whose value could otherwise forge more fields and parts
// (CVE-2026-42037).
func (b *Body) addHeaderField(name, value string) error {
	if !message.IsToken(name) || hasControl(strings.ReplaceAll(value, "\t", "")) {
		return fault.Text(fault.InvalidHeader, fmt.Sprintf("field %.40q of a part", name))
	}
	b.text = append(b.text, name+": "+value+"\r\n"...)
	return nil
}

// Close ends the body. Nothing can be added to it after that.
func (b *Body) Close() error {
	b.pieces = append(b.pieces, piece{text: append(b.text, "--"+b.boundary+"--\r\n"...)})
	if b.length < 0 {
		return nil
	}
	for _, p := range b.pieces {
		if b.length += int64(len(p.text)); b.length < 0 {
			return errTooLong
		}
	}
	return nil
}

// Length returns the length of the whole body, -1 if that of a file is unknown.
func (b *Body) Length() int64 { return b.length }

// Open returns a reader of the body. It opens each file in its turn.
func (b *Body) Open() io.ReadCloser { return &reader{pieces: b.pieces} }

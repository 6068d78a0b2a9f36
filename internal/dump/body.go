package dump

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-requests/requests/internal/coding"
	"github.com/go-requests/requests/internal/mediatype"
	"github.com/go-requests/requests/internal/redact"
)

// A shownBody shows the beginning of a body. A nil one shows nothing.
type shownBody struct {
	x    *Exchange
	sign string

	contentType string
	form        bool     // secrets are found once it is complete
	json        bool     // secrets are found in complete values
	guessed     bool     // only its content looks like JSON
	coded       bool     // with codings
	codings     []string // empty: unknown

	total   int64
	taken   int    // bytes that are shown or held
	held    []byte // bytes that cannot be shown yet
	depth   redact.Depth
	checked int       // how many of the bytes that are held are UTF-8
	began   bool      // something was shown
	hex     io.Writer // nil for text
	hexed   bytes.Buffer
}

// newShownBody returns a shownBody for a body with the fields h. If coded, the body
// comes with the codings that h names.
func newShownBody(x *Exchange, sign string, h http.Header, coded bool) *shownBody {
	b := &shownBody{x: x, sign: sign, contentType: strings.Join(h["Content-Type"], ",")}
	switch t, _ := mediatype.Extract(h["Content-Type"]...); {
	case t.Essence == "application/x-www-form-urlencoded", t.Essence == "multipart/form-data":
		b.form = true
	case strings.HasSuffix(t.Essence, "/json"), strings.HasSuffix(t.Essence, "+json"):
		b.json = true
	case t.Essence == "", t.Essence == "text/plain":
		b.guessed = true
	}
	if coded {
		names, err := coding.Parse(h["Content-Encoding"])
		b.codings, b.coded = names, err != nil || len(names) > 0
	}
	return b
}

// add shows as many of the next bytes as possible, and holds the others.
func (b *shownBody) add(p []byte) {
	if b == nil || len(p) == 0 {
		return
	}
	b.total += int64(len(p))
	taken := p[:min(len(p), max(b.x.tap.maxBody-b.taken, 0))]
	b.taken += len(taken)
	b.held = append(b.held, taken...)
	n := b.ready(taken)
	if len(taken) < len(p) {
		n = len(b.held)
	}
	b.show(n)
}

// ready returns how many of the held bytes can be shown. p are the last of them.
func (b *shownBody) ready(p []byte) int {
	if b.guessed && !b.json {
		text := bytes.TrimLeft(p, " \t\r\n\ufeff")
		b.json = len(text) > 0 && (text[0] == '{' || text[0] == '[')
		b.guessed = b.json || len(text) == 0
	}
	switch {
	case b.coded, b.form:
		return 0
	case b.json:
		b.depth.Read(p, len(b.held)-len(p))
		return b.depth.Line
	case b.hex != nil || !b.began && b.binary():
		return len(b.held)
	}
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		return len(b.held) - len(p) + i + 1
	}
	return 0
}

// binary reports whether the held bytes are not text. It looks at each byte once.
func (b *shownBody) binary() bool {
	n, ok := redact.TextLength(b.held[b.checked:])
	b.checked += n
	return !ok
}

// end shows what is left.
func (b *shownBody) end() {
	if b == nil {
		return
	}
	b.show(len(b.held))
	if c, ok := b.hex.(io.Closer); ok {
		c.Close()
		b.write(b.hexed.String())
		b.hexed.Reset()
	}
	if more := b.total - int64(b.taken); more > 0 {
		b.x.tap.write(b.x.number, "*", strconv.FormatInt(more, 10)+" more bytes\n")
	}
	b.total = 0
}

// show shows n of the held bytes.
func (b *shownBody) show(n int) {
	if n == 0 {
		return
	}
	text := string(b.held[:n])
	b.held = append(b.held[:0], b.held[n:]...)
	b.depth.Line, b.checked = 0, 0
	if b.coded {
		text = b.decoded(text)
	}
	text = b.redacted(text)
	if _, ok := redact.TextLength([]byte(text)); !b.began && !ok {
		b.hex = hex.Dumper(&b.hexed)
	}
	b.began = true
	if b.hex == nil {
		b.write(text)
		return
	}
	io.WriteString(b.hex, text)
	lines := bytes.LastIndexByte(b.hexed.Bytes(), '\n') + 1
	b.write(string(b.hexed.Next(lines)))
}

func (b *shownBody) write(text string) {
	var shown strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		shown.WriteString(redact.Visible(line) + "\n")
	}
	if shown.Len() > 0 {
		b.x.tap.write(b.x.number, b.sign, shown.String())
	}
}

// decoded decodes the beginning of a body.
func (b *shownBody) decoded(text string) string {
	if len(b.codings) > 0 {
		if r, err := coding.NewReader(strings.NewReader(text), b.codings, coding.Limits{}); err == nil {
			data, _ := io.ReadAll(io.LimitReader(r, int64(b.x.tap.maxBody))) // as far as it goes
			r.Release()
			if len(data) > 0 {
				return string(data)
			}
		}
	}
	return "a body whose coding cannot be undone\n"
}

// lacksJSON reports whether text does not begin like JSON with a name in it.
func lacksJSON(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n\ufeff")
	return text != "" && !strings.ContainsRune("{[\"", rune(text[0]))
}

// redacted returns text without its secrets.
func (b *shownBody) redacted(text string) string {
	switch {
	case b.json && !b.guessed && lacksJSON(text): // usually an error page
	case b.json && b.guessed:
		shown, err := redact.JSON(text)
		if err == nil {
			return shown
		}
		if errors.Is(err, io.ErrUnexpectedEOF) { // it is cut off
			return shown + redact.Mask
		}
	case b.json, b.form:
		return redact.Start(text, b.contentType)
	}
	var shown strings.Builder
	for line := range strings.Lines(text) {
		content := strings.TrimRight(line, "\r\n")
		shown.WriteString(redact.Line(content) + line[len(content):])
	}
	return shown.String()
}

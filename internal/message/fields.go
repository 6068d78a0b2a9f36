package message

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/go-requests/requests/internal/fault"
	"github.com/go-requests/requests/internal/redact"
)

// maxFields bounds the fields of one head. A bound in bytes alone would allow
// 200 000 short ones (CVE-2023-38039).
const maxFields = 1000

// A span is the position of the name and value of a field in a head.
type span struct{ name, colon, value, end int32 }

// parseFields reads the field lines of head from start to the empty line at its
// end. It writes canonical names, and values without folds, into head itself.
// One string for all of head then serves all names and values of the map.
func parseFields(head []byte, start int) (http.Header, string, error) {
	var buf [24]span
	spans, err := splitFields(buf[:0], head, start)
	if err != nil {
		return nil, "", err
	}
	text := string(head)
	header := make(http.Header, len(spans))
	values := make([]string, len(spans))
	for i, s := range spans {
		values[i] = text[s.value:s.end]
		header[text[s.name:s.colon]] = values[i : i+1 : i+1] // an append must not overwrite the next value
	}
	if len(header) < len(spans) { // a repeated field is too rare to look for first
		clear(header)
		for i, s := range spans {
			name := text[s.name:s.colon]
			if before, repeated := header[name]; repeated {
				header[name] = append(before, values[i])
			} else {
				header[name] = values[i : i+1 : i+1]
			}
		}
	}
	return header, text, nil
}

// splitFields appends the positions of the fields (RFC 9112, section 5).
func splitFields(spans []span, head []byte, start int) ([]span, error) {
	for at := start; ; {
		line, next := cutLine(head, at)
		if len(line) == 0 {
			return spans, nil
		}
		switch {
		case isBlank(line[0]): // continuation lines were read with their field
			return nil, fault.Text(fault.Protocol, "the first field line begins with white space")
		case len(spans) == maxFields:
			return nil, fault.Text(fault.Protocol, "more than "+strconv.Itoa(maxFields)+" fields")
		}
		colon := bytes.IndexByte(line, ':')
		if err := readName(line, colon, len(spans)+1); err != nil {
			return nil, err
		}
		begin := at + colon + 1
		end := trimEnd(head, begin, at+len(line))
		for next < len(head) && isBlank(head[next]) { // obs-fold: section 5.2
			line, next = cutLine(head, next)
			head[end] = ' '
			end += 1 + copy(head[end+1:], trim(line))
		}
		for begin < end && isBlank(head[begin]) {
			begin++
		}
		end = trimEnd(head, begin, end)
		for _, c := range head[begin:end] {
			if class[c]&valueByte == 0 {
				return nil, badValue(head[at:at+colon], len(spans)+1)
			}
		}
		spans = append(spans, span{int32(at), int32(at + colon), int32(begin), int32(end)})
		at = next
	}
}

// readName checks the name of a field and overwrites it with its canonical
// form. White space before the colon is refused, because some readers drop it
// and others do not (section 5.1, CVE-2019-16276). A name with a space inside
// has no meaning, and stays as it is. The error has only the number of the
// line: without a name, the line may contain anything.
func readName(line []byte, colon, number int) error {
	name, plain := line[:max(colon, 0)], true
	for _, c := range name {
		if class[c]&tokenByte != 0 {
			continue
		}
		if plain = false; c != ' ' {
			return malformed(number, "has a name that is not a token")
		}
	}
	switch {
	case colon < 0:
		return malformed(number, "has no colon")
	case colon == 0:
		return malformed(number, "has no name")
	case name[colon-1] == ' ':
		return malformed(number, "has white space before its colon")
	case plain:
		canonicalize(name)
	}
	return nil
}

func malformed(number int, what string) error {
	return fault.Text(fault.Protocol, "field line "+strconv.Itoa(number)+" "+what)
}

// badValue names the field, if its name is valid.
func badValue(name []byte, number int) error {
	if !IsToken(string(name)) {
		return malformed(number, "has a control character")
	}
	return fault.Text(fault.Protocol, "a control character in the field "+redact.Token(string(name)))
}

// canonicalize turns name into what [http.CanonicalHeaderKey] returns.
func canonicalize(name []byte) {
	wrong := uint8(lowerByte) // the case that the next letter must not have
	for i, c := range name {
		if class[c]&wrong != 0 {
			name[i] = c ^ ('a' ^ 'A')
		}
		if wrong = upperByte; c == '-' {
			wrong = lowerByte
		}
	}
}

// trimEnd returns the end of b[begin:end] without white space.
func trimEnd(b []byte, begin, end int) int {
	for end > begin && isBlank(b[end-1]) {
		end--
	}
	return end
}

// cutLine returns the line of b that begins at at, without its line end, and
// the start of the next line. A line ends in LF, with or without a CR before it
// (RFC 9112, section 2.2).
func cutLine(b []byte, at int) (line []byte, next int) {
	i := bytes.IndexByte(b[at:], '\n')
	if i < 0 { // cannot happen: b ends with a line
		return b[at:], len(b)
	}
	line, next = b[at:at+i], at+i+1
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, next
}

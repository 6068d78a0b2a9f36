package redact

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
)

// Body masks what looks like a secret in a body of named values.
func Body(data, contentType string) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case kind == "application/x-www-form-urlencoded":
		return Query(data)
	case strings.HasSuffix(kind, "/json"), strings.HasSuffix(kind, "+json"):
		redacted, err := JSON(data)
		if err != nil {
			return Mask // there is no telling which part of it is secret
		}
		return redacted
	}
	return data
}

// JSON masks the values of members whose names look like secrets, and the texts
// that have a secret in them. It leaves all other bytes as they are.
func JSON(data string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(data))
	dec.UseNumber()
	var b strings.Builder
	var (
		done    int64  // how much of data is in b
		objects []bool // for each open value, whether it is an object
		name    bool   // the next token, if a string, is the name of a member
		value   json.RawMessage
	)
	for {
		before := dec.InputOffset()
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && len(objects) == 0 {
			b.WriteString(data[done:])
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			objects = append(objects, token == json.Delim('{'))
		case json.Delim('}'), json.Delim(']'):
			objects = objects[:len(objects)-1]
		default:
			text, ok := token.(string)
			var hidden int // length of what is masked
			switch {
			case ok && name && Secret(text):
				if err := dec.Decode(&value); err != nil {
					return "", err
				}
				hidden = len(value)
			case ok && name:
				name = false
				continue
			case ok && Value(text) != text:
				hidden = len(strings.TrimLeft(data[before:dec.InputOffset()], " \t\r\n,:"))
			}
			if hidden > 0 {
				b.WriteString(data[done:dec.InputOffset()-int64(hidden)] + `"` + Mask + `"`)
				done = dec.InputOffset()
			}
		}
		name = len(objects) > 0 && objects[len(objects)-1]
	}
}

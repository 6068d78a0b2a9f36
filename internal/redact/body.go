package redact

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strings"
)

// Body masks the values of a body whose names look like secrets.
func Body(data, contentType string) string {
	return body(data, contentType, false)
}

// Start is Body for the beginning of a body, of which any part may be missing.
// It masks an incomplete value if it cannot know what that belongs to.
func Start(data, contentType string) string {
	return body(data, contentType, true)
}

func body(data, contentType string, cut bool) string {
	kind, params, _ := mime.ParseMediaType(contentType)
	switch {
	case kind == "application/x-www-form-urlencoded":
		return Query(data)
	case kind == "multipart/form-data":
		return multipart(data, params["boundary"])
	case strings.HasSuffix(kind, "/json"), strings.HasSuffix(kind, "+json"):
		redacted, err := JSON(data)
		switch {
		case err == nil:
			return redacted
		case cut:
			return redacted + Mask
		}
		return Mask // any part of it may be secret
	}
	return data
}

// Line masks the secrets in a line of text: in JSON, which may have text before
// it; after a secret name at the beginning of the line, as in YAML; and
// otherwise as Text does.
func Line(line string) string {
	if name, value, ok := strings.Cut(line, ":"); ok && strings.Trim(value, " \t\r") != "" {
		if word := strings.Trim(name, " \t-\"'"); !strings.ContainsAny(word, " \t{[=/") && Secret(word) {
			return name + ": " + Mask
		}
	}
	i := strings.IndexAny(line, "{[")
	if i < 0 {
		return Text(line)
	}
	redacted, err := JSON(line[i:])
	switch {
	case err == nil:
		return Text(line[:i]) + redacted
	case strings.IndexAny(strings.TrimLeft(line[i+1:], " \t"), "\"{[") == 0 && Mentions(line[i:]): // JSON that is cut off or wrong
		return Text(line[:i]) + redacted + Mask
	}
	return Text(line)
}

// multipart masks the fields of a form (RFC 7578) whose names look like
// secrets, and the secrets within the others. If the form does not use the
// boundary that it names, all of it may be secret.
func multipart(data, boundary string) string {
	delimiter := "--" + boundary
	if boundary == "" || !strings.HasPrefix(data, delimiter) && !strings.Contains(data, "\n"+delimiter) {
		return Mask
	}
	parts := strings.Split(data, "\n"+delimiter)
	for i, p := range parts {
		parts[i] = part(p)
	}
	return strings.Join(parts, "\n"+delimiter)
}

// part masks the secrets of one part, which begins with the rest of the line of
// its boundary.
func part(text string) string {
	end, gap := strings.Index(text, "\r\n\r\n"), len("\r\n\r\n")
	if end < 0 {
		end, gap = strings.Index(text, "\n\n"), len("\n\n")
	}
	if end < 0 {
		return Text(text) // it has no content, or the content is cut off
	}
	head, content := text[:end+gap], text[end+gap:]
	var name, contentType string
	for line := range strings.SplitSeq(head, "\n") {
		field, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); {
		case strings.EqualFold(field, "Content-Disposition"):
			_, params, err := mime.ParseMediaType(value)
			if name = params["name"]; err != nil {
				name = "secret" // its name is unknown
			}
		case strings.EqualFold(field, "Content-Type"):
			contentType = value
		}
	}
	last := ""
	if strings.HasSuffix(content, "\r") { // of the line end before the next boundary
		content, last = strings.TrimSuffix(content, "\r"), "\r"
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case content == "":
	case Secret(name):
		content = Mask
	case kind == "multipart/form-data": // such forms are not nested
		content = Mask
	default:
		if shown := Start(content, contentType); shown != content {
			content = shown
		} else {
			content = Text(content)
		}
	}
	return Text(head) + content + last
}

// JSON masks the values of members whose names look like secrets, and texts
// that contain a secret. It leaves all other bytes as they are. With an error
// it returns the part of data that it could read.
func JSON(data string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(data))
	dec.UseNumber()
	var b strings.Builder
	var (
		done    int64  // number of bytes of data that are in b
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
			return b.String() + data[done:before], err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			objects = append(objects, token == json.Delim('{'))
		case json.Delim('}'), json.Delim(']'):
			objects = objects[:len(objects)-1]
		default:
			text, ok := token.(string)
			var hidden int // length of the masked part
			switch {
			case ok && name && Secret(text):
				if err := dec.Decode(&value); err != nil {
					return b.String() + data[done:before], err
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

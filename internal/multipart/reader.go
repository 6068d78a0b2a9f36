package multipart

import "io"

// A reader reads a body once.
type reader struct {
	pieces []piece // from the current one on
	read   int     // of the text of the current one
	file   io.ReadCloser
}

// Read fills p, so that small files share a write; but before it reads from a
// file that may block, such as a pipe, it returns what it has.
func (r *reader) Read(b []byte) (n int, err error) {
	for n < len(b) && len(r.pieces) > 0 {
		p := &r.pieces[0]
		if r.read < len(p.text) {
			m := copy(b[n:], p.text[r.read:])
			r.read += m
			n += m
			continue
		}
		if p.file != nil && p.file.Blocks && n > 0 {
			return n, nil
		}
		m, err := r.readFile(p.file, b[n:])
		n += m
		if err != io.EOF {
			return n, err
		}
		r.pieces, r.read = r.pieces[1:], 0
	}
	if len(r.pieces) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// readFile reads the current file, and closes it at its end. A missing file
// counts as an empty one.
func (r *reader) readFile(f *File, b []byte) (n int, err error) {
	if f == nil {
		return 0, io.EOF
	}
	if r.file == nil {
		if r.file, err = f.Open(); err != nil {
			return 0, err
		}
	}
	if n, err = r.file.Read(b); err == io.EOF {
		r.Close()
	}
	return n, err
}

// Close closes the file that is being read, if there is one.
func (r *reader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

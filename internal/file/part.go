package file

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
)

// A Part holds the bytes of a file that have come so far, beside its [Place]:
// name.part has the bytes, and name.part.json says what they are part of. The
// second is created first and removed last. A name.part without one therefore
// belongs to somebody else.
type Part struct {
	place  *Place
	file   *os.File
	size   int64 // bytes known to be good
	state  state
	broken atomic.Bool // see Distrust
}

// state is what name.part.json holds.
type state struct {
	Source    string    `json:"url_sha256"` // hashed, as it may hold secrets
	Validator Validator `json:"validator"`  // "" if nobody can resume from the bytes
	Whole     int64     `json:"size"`       // of the complete file; -1 if unknown
}

// maxState is how many bytes of a name.part.json are read.
const maxState = 16 << 10

func (f *Part) name() string      { return f.place.name + ".part" }
func (f *Part) stateName() string { return f.place.name + ".part.json" }

// Part opens the part of a file that comes from source, or creates it. The caller
// closes both the Part and the Place.
func (p *Place) Part(source string) (*Part, error) {
	f := &Part{place: p}
	if err := f.open(source); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Part) open(source string) error {
	sum := sha256.Sum256([]byte(source))
	id := hex.EncodeToString(sum[:])
	ours, err := f.load()
	if err != nil {
		return err
	}
	info, err := f.place.lstat(f.name())
	if err != nil {
		return err
	}
	if info != nil && !ours {
		return f.place.error("create", f.name(), fs.ErrExist)
	}
	if f.state.Source != id {
		f.state = state{Source: id, Whole: -1}
	}
	if info == nil {
		return f.create()
	}
	if f.file, err = f.place.root.OpenFile(f.name(), os.O_RDWR, 0); err != nil {
		return err
	}
	now, err := f.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, now) { // replaced by a link meanwhile
		return f.place.error("open", f.name(), ErrNotRegular)
	}
	if f.size = now.Size(); f.state.Whole >= 0 && f.size > f.state.Whole {
		f.size = 0
	}
	return nil
}

// create makes an empty part and its state.
func (f *Part) create() error {
	if err := f.save(f.state); err != nil {
		return err
	}
	mode, err := f.place.mode()
	if err != nil {
		return err
	}
	mode |= 0o600 // a later call must be able to write it
	f.file, err = f.place.root.OpenFile(f.name(), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	return err
}

// load reads the state and reports whether there is one. One that cannot be read
// shows at least that the part is ours.
func (f *Part) load() (bool, error) {
	if info, err := f.place.lstat(f.stateName()); err != nil || info == nil {
		return false, err
	}
	file, err := f.place.root.Open(f.stateName())
	if err != nil {
		return false, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxState))
	if err != nil {
		return false, err
	}
	f.state = parseState(data)
	return true, nil
}

// parseState returns the zero state if data is not one. The validator goes into a
// field of a request, and anybody who can write to the directory may have set it.
func parseState(data []byte) state {
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return state{}
	}
	if v := string(s.Validator); v != "" && !strongTag(v) && !isHTTPDate(v) {
		return state{}
	}
	return s
}

// save writes the state, in one step.
func (f *Part) save(s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	p := &Place{root: f.place.root, name: f.stateName(), replace: true}
	file, temp, err := p.create(0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = p.take(temp)
	}
	if err != nil {
		p.root.Remove(temp)
	}
	return err
}

// Size is how many bytes are known to be good.
func (f *Part) Size() int64 { return f.size }

// Whole is the size of the complete file, -1 if it is unknown.
func (f *Part) Whole() int64 { return f.state.Whole }

// Validator identifies the version that the bytes belong to.
func (f *Part) Validator() Validator { return f.state.Validator }

// Usable is how many bytes there are to resume from.
func (f *Part) Usable() int64 {
	if f.state.Validator == "" {
		return 0
	}
	return f.size
}

// Restart drops the bytes. Those that come now belong to the version v of a file
// of the size whole, -1 if that is unknown.
func (f *Part) Restart(v Validator, whole int64) error {
	f.size = 0
	f.state = state{Source: f.state.Source, Validator: v, Whole: whole}
	if err := f.file.Truncate(0); err != nil {
		return err
	}
	return f.save(f.state)
}

// Learn notes the size of the complete file, if it was unknown.
func (f *Part) Learn(whole int64) {
	if f.state.Whole < 0 {
		f.state.Whole = whole
	}
}

// Grow notes that the first size bytes are good.
func (f *Part) Grow(size int64) { f.size = size }

// Scatter notes that bytes are about to come in any order. Until Gather the size
// of the file on the disk says nothing.
func (f *Part) Scatter() error {
	return f.save(state{Source: f.state.Source, Whole: -1})
}

// Gather notes that the first size bytes are good, and no others.
func (f *Part) Gather(size int64) error {
	f.size = size
	if err := f.file.Truncate(size); err != nil {
		return err
	}
	return f.save(f.state)
}

// Distrust notes that the bytes may be lost, or belong to several versions. It may
// be called by several goroutines.
func (f *Part) Distrust() { f.broken.Store(true) }

// Trusted reports whether the part is not distrusted.
func (f *Part) Trusted() bool { return !f.broken.Load() }

// Suspend ends the work on a part that is not complete. It removes bytes from
// which nobody can resume.
func (f *Part) Suspend() {
	if f.Usable() == 0 || !f.Trusted() {
		f.discard()
		return
	}
	if err := f.file.Truncate(f.size); err != nil {
		f.discard()
	}
}

// discard removes both files.
func (f *Part) discard() {
	f.file.Close()
	f.place.root.Remove(f.name())
	f.place.root.Remove(f.stateName())
}

// Finish gives the part the name of the file, if it matches sum. If only the name
// cannot be had, the part stays, so that a later call can resume.
func (f *Part) Finish(sum Checksum) error {
	err := f.place.settle(f.file, sum)
	if closed := f.file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		f.discard()
		return err
	}
	if err = f.place.take(f.name()); err != nil {
		if f.state.Validator == "" {
			f.discard()
		}
		return err
	}
	f.place.root.Remove(f.stateName())
	return nil
}

// Close closes the part and leaves it on the disk.
func (f *Part) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Same reads as many bytes of src as lie between two offsets of the part, and
// reports whether they are the same.
func (f *Part) Same(src io.Reader, from, to int64) (bool, error) {
	return same(io.NewSectionReader(f.file, from, to-from), src)
}

// Writer returns a writer at the offset s.At, which it moves on.
func (f *Part) Writer(s *Span) io.Writer {
	return &spanWriter{f, s, f.place.disk(io.NewOffsetWriter(f.file, s.At))}
}

type spanWriter struct {
	part *Part
	span *Span
	disk io.Writer
}

func (w *spanWriter) Write(b []byte) (int, error) {
	n, err := Write(w.disk, b)
	w.span.At += int64(n)
	if errors.Is(err, syscall.EIO) { // earlier writes may be lost, too
		w.part.Distrust()
	}
	return n, err
}

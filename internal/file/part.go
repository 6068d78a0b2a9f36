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

// A Part is what has come of a file, beside its [Place]: name.part with the
// bytes, and name.part.json with what they are of. The second is made first and
// removed last, so that a name.part without one is somebody else's.
type Part struct {
	place  *Place
	file   *os.File
	size   int64 // bytes known to be good
	state  state
	broken atomic.Bool // nobody knows what is in it
}

// state is what name.part.json holds.
type state struct {
	Source    string    `json:"url_sha256"` // hashed, as it may hold secrets
	Validator Validator `json:"validator"`  // "" if the bytes cannot be gone on with
	Whole     int64     `json:"size"`       // -1 if unknown
}

// maxState bounds what is read of a name.part.json.
const maxState = 16 << 10

func (f *Part) name() string      { return f.place.name + ".part" }
func (f *Part) stateName() string { return f.place.name + ".part.json" }

// Part opens what there is of the file, which comes from the source of that
// name, or makes it. Part and Place are both to be closed.
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
	if !os.SameFile(info, now) { // a link took its place meanwhile
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
	mode |= 0o600 // a later call is to write it
	f.file, err = f.place.root.OpenFile(f.name(), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	return err
}

// load reads the state, and reports whether there is one. A torn one says that
// the part is ours, and no more.
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

// parseState returns the zero state for what is none. The validator goes into a
// field of a request, and whoever may write the directory may have written it.
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

// Whole is the size of the file when it is complete, -1 if it is unknown.
func (f *Part) Whole() int64 { return f.state.Whole }

// Validator tells the version of which the bytes are.
func (f *Part) Validator() Validator { return f.state.Validator }

// Usable is how much can be gone on with.
func (f *Part) Usable() int64 {
	if f.state.Validator == "" {
		return 0
	}
	return f.size
}

// Restart throws away what is there, for a version of which v and the size are
// known so far.
func (f *Part) Restart(v Validator, whole int64) error {
	f.size = 0
	f.state = state{Source: f.state.Source, Validator: v, Whole: whole}
	if err := f.file.Truncate(0); err != nil {
		return err
	}
	return f.save(f.state)
}

// Learn notes the size of the file that was unknown so far.
func (f *Part) Learn(whole int64) {
	if f.state.Whole < 0 {
		f.state.Whole = whole
	}
}

// Grow notes that the first size bytes are good.
func (f *Part) Grow(size int64) { f.size = size }

// Scatter notes that the bytes are about to come in no order, so that from the
// size of the part nothing follows until Gather.
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

// Distrust notes that nobody knows what is in the part: that it may be of
// several versions, or lost. It may be called by several goroutines.
func (f *Part) Distrust() { f.broken.Store(true) }

// Trusted reports whether the part is not distrusted.
func (f *Part) Trusted() bool { return !f.broken.Load() }

// Suspend ends work on the part before it is complete. What can be gone on with
// stays, and nothing else.
func (f *Part) Suspend() {
	if f.Usable() == 0 || !f.Trusted() {
		f.discard()
		return
	}
	if err := f.file.Truncate(f.size); err != nil {
		f.discard()
	}
}

// discard removes what there is.
func (f *Part) discard() {
	f.file.Close()
	f.place.root.Remove(f.name())
	f.place.root.Remove(f.stateName())
}

// Finish makes the part the file, if it is as sum says. A part that only cannot
// get its name stays as good as it was.
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

// Close closes the part, and leaves it as it is.
func (f *Part) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Same reads as much of src as there is from one offset to another, and reports
// whether that is the same.
func (f *Part) Same(src io.Reader, from, to int64) (bool, error) {
	return same(io.NewSectionReader(f.file, from, to-from), src)
}

// Writer writes where s stands.
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
	if errors.Is(err, syscall.EIO) { // what was written before may be lost, too
		w.part.Distrust()
	}
	return n, err
}

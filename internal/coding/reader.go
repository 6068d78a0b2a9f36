package coding

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Limits bounds what a body may decode to. The zero value has the defaults.
type Limits struct {
	Ratio int64 // decoded bytes granted for each encoded one; 0: 200; negative: any number
	Free  int64 // decoded bytes that the ratio does not apply to; 0: 32 MiB; negative: none
}

func (l Limits) orDefaults() Limits {
	if l.Ratio == 0 {
		l.Ratio = 200
	}
	if l.Free == 0 {
		l.Free = 32 << 20
	}
	return l
}

const (
	// inputBuffer is how much input a decoder gets at a time.
	inputBuffer = 16 << 10
	// maxTrailing is how far a body is read past its coded data, to learn
	// whether it is complete and to free its connection. Anything beyond that
	// is not read.
	maxTrailing = 256 << 10
	// maxEmpty is how many members in a row may hold nothing. Legitimate empty
	// members come alone: the end mark of BGZF, or a flush at the end.
	maxEmpty = 1000
	// maxIdleReads is how often a decoder may return neither bytes nor an error.
	maxIdleReads = 100
)

var errReleased = errors.New("coding: read after release")

// A Reader decodes a body. It reads nothing before its first Read, and then
// no further ahead than a decoder's buffer.
//
// One goroutine may read at a time; Release may be called beside it.
type Reader struct {
	stages []stage // first the coding that was applied last
	single [1]stage
	body   input
	limits Limits
	err    error // what every further Read returns
	state  atomic.Int32
}

// States of a Reader. They decide who gives the decoders back: a decoder must
// not go to another body while a Read still uses it.
const (
	idle int32 = iota
	reading
	released
)

// NewReader returns a reader of body with the codings undone, which [Parse] has
// returned. It fails only for a coding that Parse does not return.
//
// An empty body is empty in every coding. A gzip or zstd body may have several
// members. Bytes after the coded data are ignored, as in browsers and urllib3,
// but they are read: a body that is cut short there is still an error.
func NewReader(body io.Reader, codings []string, limits Limits) (*Reader, error) {
	r := &Reader{body: input{r: body}, limits: limits.orDefaults()}
	r.stages = r.single[:0]
	if len(codings) > len(r.single) {
		r.stages = make([]stage, 0, len(codings)) // never grown: stages point at each other
	}
	from := &r.body
	for i := len(codings) - 1; i >= 0; i-- {
		pool := poolOf(codings[i])
		if pool == nil {
			return nil, ErrUnknownCoding
		}
		r.stages = append(r.stages, stage{coding: codings[i], pool: pool, reader: r, from: from})
		s := &r.stages[len(r.stages)-1]
		s.out.r = s
		from = &s.out
	}
	return r, nil
}

// Read decodes into p. After the end or an error every Read returns the same.
func (r *Reader) Read(p []byte) (int, error) {
	if !r.state.CompareAndSwap(idle, reading) {
		return 0, errReleased
	}
	n, err := r.read(p)
	if !r.state.CompareAndSwap(reading, idle) {
		r.recycle()
	}
	return n, err
}

func (r *Reader) read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	decoded := &r.body
	if len(r.stages) > 0 {
		decoded = &r.stages[len(r.stages)-1].out
	}
	n, err := decoded.Read(p)
	if err != nil {
		r.err = err
		r.recycle()
	}
	return n, err
}

// Release gives the decoders back for other bodies. It decodes nothing and does
// not close the body. A Read in progress ends normally, a later one fails.
// Release is not needed after a Read that returned an error, and may be called
// any number of times.
func (r *Reader) Release() {
	if r.state.Swap(released) == idle {
		r.recycle()
	}
}

func (r *Reader) recycle() {
	for i := range r.stages {
		r.stages[i].recycle()
	}
}

// An input is what a decoder reads: the body, or the output of the stage
// before. It remembers how that ended, since decoders report errors of their
// own instead.
type input struct {
	r   io.Reader
	n   int64 // bytes read
	err error
}

func (in *input) Read(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	n, err := in.r.Read(p)
	in.n += int64(n)
	in.err = err
	return n, err
}

// A stage undoes one coding.
type stage struct {
	coding string
	pool   *sync.Pool
	unit   *unit // nil before the first Read
	reader *Reader
	from   *input
	out    input // over the stage itself
	ended  bool  // the coded data is over, but not all that follows it is read
}

// A unit is what a pool keeps for one coding.
type unit struct {
	in  *bufio.Reader // what dec reads
	dec decoder
}

// A decoder undoes one coding of its input.
type decoder interface {
	// Read returns io.EOF at the end of the coded data, beside the last bytes
	// or after them, and io.ErrUnexpectedEOF if its input ends before that.
	Read(p []byte) (int, error)
	// reset makes the decoder ready for new input, and forgets the old.
	reset()
}

func newPool(newDecoder func(*bufio.Reader) decoder) *sync.Pool {
	return &sync.Pool{New: func() any {
		in := bufio.NewReaderSize(nil, inputBuffer)
		return &unit{in, newDecoder(in)}
	}}
}

var (
	gzips    = newPool(newGzip)
	deflates = newPool(newDeflate)
	brotlis  = newPool(newBrotli)
	zstds    = newPool(newZstd)
)

func poolOf(coding string) *sync.Pool {
	switch coding {
	case "gzip":
		return gzips
	case "deflate":
		return deflates
	case "br":
		return brotlis
	case "zstd":
		return zstds
	}
	return nil
}

// Read decodes into p. The end of the body is read by a separate Read, so that
// the last bytes need not wait for it.
func (s *stage) Read(p []byte) (int, error) {
	if s.unit == nil {
		s.unit = s.pool.Get().(*unit)
		s.unit.in.Reset(s.from)
		if _, err := s.unit.in.Peek(1); err != nil {
			return 0, err // io.EOF for an empty body
		}
	}
	for range maxIdleReads {
		if s.ended {
			return 0, s.finish()
		}
		n, err := s.unit.dec.Read(p)
		if err == io.EOF {
			s.ended = true
		} else if err != nil {
			return n, s.cause(err)
		}
		if n > 0 {
			return n, s.overLimit(n)
		}
	}
	return 0, io.ErrNoProgress
}

// overLimit checks how much this stage has decoded, including n new bytes.
// Checking the last stage is not enough: a bomb may grow in one stage and
// shrink in the next.
func (s *stage) overLimit(n int) error {
	decoded, encoded, limits := s.out.n+int64(n), s.reader.body.n, s.reader.limits
	if decoded <= limits.Free || limits.Ratio < 0 || decoded/limits.Ratio <= encoded {
		return nil
	}
	return fmt.Errorf("%s: %w: %d bytes from %d", s.coding, ErrTooLarge, decoded, encoded)
}

// finish reads the bytes after the coded data, and returns how the input ended.
func (s *stage) finish() error {
	if _, err := s.unit.in.Discard(maxTrailing); err != nil {
		return err
	}
	return io.EOF
}

// cause distinguishes a failure of the input from one of the coding.
func (s *stage) cause(err error) error {
	switch {
	case s.from.err != nil && s.from.err != io.EOF:
		return s.from.err
	case err == io.ErrNoProgress:
		return err
	case err == io.ErrUnexpectedEOF:
		return fmt.Errorf("%s: %w", s.coding, ErrTruncated)
	case errors.Is(err, ErrTooLarge):
		return fmt.Errorf("%s: %w", s.coding, err)
	}
	return fmt.Errorf("%s: %w: %w", s.coding, ErrCorrupt, err)
}

func (s *stage) recycle() {
	if s.unit == nil {
		return
	}
	s.unit.in.Reset(nil)
	s.unit.dec.reset()
	s.pool.Put(s.unit)
	s.unit = nil
}

package progress

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// log returns a Report that notes what it is told.
func log(told *[]string) Report {
	return func(done, total int64) { *told = append(*told, fmt.Sprintf("%d of %d", done, total)) }
}

func TestMeter(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(m *Meter)
		want []string
	}{
		{"the first bytes at once", func(m *Meter) { m.Add(1) }, []string{"1 of 9"}},
		{"no bytes", func(m *Meter) { m.Add(0); m.Add(-1) }, nil},
		{"too soon", func(m *Meter) { m.Add(1); time.Sleep(Every - 1); m.Add(1) }, []string{"1 of 9"}},
		{"in time", func(m *Meter) { m.Add(1); time.Sleep(Every); m.Add(1) }, []string{"1 of 9", "2 of 9"}},
		{"the end is never too soon", func(m *Meter) { m.Add(1); m.Add(8); m.End() }, []string{"1 of 9", "9 of 9"}},
		{"the end was told", func(m *Meter) { m.Add(9); m.End(); m.End() }, []string{"9 of 9"}},
		{"nothing came", func(m *Meter) { m.End() }, []string{"0 of 9"}},
		{"set", func(m *Meter) { m.Set(3, 5); m.End() }, []string{"3 of 5"}},
		{"set again", func(m *Meter) { m.Add(9); m.Set(0, 9); m.End() }, []string{"9 of 9", "0 of 9"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []string
				tt.do(New(log(&told), 9))
				require.Equal(t, tt.want, told)
			})
		})
	}
}

func TestWaiting(t *testing.T) {
	var told []string
	m := Waiting(log(&told), -1)
	m.End()
	require.Empty(t, told, "nothing has moved")
	m.Set(2, 4)
	m.End()
	require.Equal(t, []string{"2 of 4"}, told)
}

func TestNobodyWantsReports(t *testing.T) {
	for _, m := range []*Meter{New(nil, 1), Waiting(nil, 1)} {
		require.Nil(t, m)
		m.Add(1)
		m.Set(1, 2)
		m.End()
	}
}

func TestParts(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(a, b *Part)
		want string // at the end
	}{
		{"both", func(a, b *Part) { a.Set(1, 2); b.Set(3, 4) }, "4 of 6"},
		{"one again", func(a, b *Part) { a.Set(1, 2); a.Set(2, 2); b.Set(0, 4) }, "2 of 6"},
		{"one begins anew", func(a, b *Part) { a.Set(2, 2); b.Set(1, 4); a.Set(0, 2) }, "1 of 6"},
		{"one of unknown length", func(a, b *Part) { a.Set(1, -1); b.Set(3, 4) }, "4 of -1"},
		{"its length is known later", func(a, b *Part) { a.Set(1, -1); b.Set(3, 4); a.Set(1, 2) }, "4 of 6"},
		{"it has ended", func(a, b *Part) { a.Set(5, -1); b.Set(3, 4); a.Finish() }, "8 of 9"},
		{"broken off", func(a, b *Part) { a.Set(1, 2); b.Set(3, 4); a.Finish() }, "4 of 5"},
		{"longer than announced", func(a, b *Part) { a.Set(7, 2); b.Set(3, 4) }, "10 of 11"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				last := ""
				sum := Waiting(func(done, total int64) { last = fmt.Sprintf("%d of %d", done, total) }, 0)
				tt.do(sum.Part(), sum.Part())
				sum.End()
				require.Equal(t, tt.want, last)
			})
		})
	}
}

// endless is a body without an end, and counts its closes.
type endless struct{ closed int }

func (e *endless) Read(b []byte) (int, error) { return len(b), nil }
func (e *endless) Close() error               { e.closed++; return nil }

func TestBody(t *testing.T) {
	t.Run("at its end", func(t *testing.T) {
		var told []string
		b := &Body{io.NopCloser(strings.NewReader("abc")), New(log(&told), 3)}
		b.Read(make([]byte, 1))
		_, err := io.Copy(io.Discard, b)
		require.NoError(t, err)
		require.Equal(t, []string{"1 of 3", "3 of 3"}, told)
	})
	t.Run("closed before", func(t *testing.T) {
		var told []string
		src := new(endless)
		b := &Body{src, New(log(&told), 9)}
		b.Read(make([]byte, 2))
		b.Read(make([]byte, 2))
		require.NoError(t, b.Close())
		require.Equal(t, 1, src.closed)
		require.Equal(t, []string{"2 of 9", "4 of 9"}, told)
	})
	t.Run("one among others", func(t *testing.T) {
		var told []string
		r := &Reader{strings.NewReader("abc"), Waiting(log(&told), 9)}
		_, err := io.Copy(io.Discard, r)
		require.NoError(t, err)
		require.Equal(t, []string{"3 of 9"}, told, "the end of a part is not that of the sum")
	})
}

func TestUpload(t *testing.T) {
	t.Run("a close is not the end", func(t *testing.T) {
		var told []string
		src := new(endless)
		u := &Upload{Body: Body{src, New(log(&told), 9)}, Rescue: func(*error) {}}
		u.Read(make([]byte, 2))
		u.Read(make([]byte, 2))
		require.NoError(t, u.Close())
		require.Equal(t, 1, src.closed)
		require.Equal(t, []string{"2 of 9"}, told)
	})
	t.Run("a report that panics", func(t *testing.T) {
		oh := errors.New("oh")
		u := &Upload{Body: Body{new(endless), New(func(int64, int64) { panic(oh) }, 9)}, Rescue: func(err *error) {
			if p := recover(); p != nil {
				*err = p.(error)
			}
		}}
		_, err := u.Read(make([]byte, 2))
		require.Equal(t, oh, err)
	})
}

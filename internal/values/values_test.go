package values

import (
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests/internal/fault"
)

type named string

func TestAppend(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	one := 1
	for _, tt := range []struct {
		v    any
		want []string
	}{
		{nil, nil}, {"a", []string{"a"}}, {[]string{"a", "b"}, []string{"a", "b"}}, {[]string{}, nil},
		{7, []string{"7"}}, {int8(-7), []string{"-7"}}, {uint64(math.MaxUint64), []string{"18446744073709551615"}}, {1.5, []string{"1.5"}}, {float32(0.1), []string{"0.1"}},
		{true, []string{"true"}}, {[]byte("raw"), []string{"raw"}}, {named("n"), []string{"n"}}, {&one, []string{"1"}}, {(*int)(nil), nil},
		{[]any{1, nil, "b"}, []string{"1", "b"}}, {[2]bool{true, false}, []string{"true", "false"}},
		{net.IPv4(192, 0, 2, 1), []string{"192.0.2.1"}}, {(*time.Location)(nil), nil}, {[][]byte{[]byte("a")}, []string{"a"}},
		{at, []string{"2026-01-02T03:04:05.000000006+01:00"}},
	} {
		got, err := Append(nil, tt.v, time.RFC3339Nano)
		require.NoError(t, err, "%#v", tt.v)
		require.Equal(t, tt.want, got, "%#v", tt.v)
	}
	got, err := Append([]string{"kept"}, at, http.TimeFormat)
	require.NoError(t, err)
	require.Equal(t, []string{"kept", "Fri, 02 Jan 2026 02:04:05 GMT"}, got)
	for _, v := range []any{struct{}{}, map[string]int{}, math.NaN(), math.Inf(1), []any{[]int{1}}, make(chan int)} {
		_, err := Append(nil, v, time.RFC3339Nano)
		require.Error(t, err, "%T", v)
	}
}

func TestClone(t *testing.T) {
	given := [][]string{{"a"}, nil}
	kept := Clone(given).([][]string)
	given[0][0] = "b"
	require.Equal(t, [][]string{{"a"}, nil}, kept)
	require.Equal(t, 1, Clone(1))
	require.Nil(t, Clone(nil))
}

func TestAppendQuery(t *testing.T) {
	var b strings.Builder
	require.NoError(t, AppendQuery(&b, map[string]any{"b": []int{1, 2}, "a b": "c&d", "gone": nil, "skipped": 1}, func(key string) bool { return key == "skipped" }, "param"))
	require.Equal(t, "a+b=c%26d&b=1&b=2", b.String())
	err := AppendQuery(&b, map[string]any{"x": struct{}{}}, nil, "form field")
	require.ErrorIs(t, err, fault.InvalidOption)
	require.ErrorContains(t, err, `form field "x"`)
}

func TestIsNil(t *testing.T) {
	var p *int
	for _, v := range []any{nil, p, []int(nil), map[string]int(nil), (func())(nil), (chan int)(nil)} {
		require.True(t, IsNil(v), "%T", v)
	}
	for _, v := range []any{0, "", struct{}{}, new(int), []int{}} {
		require.False(t, IsNil(v), "%T", v)
	}
}

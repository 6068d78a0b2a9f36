//go:build unix && !aix && !(linux && !386 && !race && !msan && !asan)

package transport

// cheapestCalls returns the calls to make.
func cheapestCalls() *calls { return &ordinaryCalls }

//go:build unix && !aix && !(linux && !386 && !s390x && !race && !msan && !asan)

package transport

// cheapestCalls returns the calls to make.
func cheapestCalls() *calls { return &ordinaryCalls }

package requests

// closeUnless ends r unless *done by then. It is deferred where functions of
// the caller run while r holds its connection: their panic passes, as does
// [runtime.Goexit], and nobody else has r to close it.
func (r *Response) closeUnless(done *bool) {
	if r != nil && !*done {
		r.wire.Close()
	}
}

// Package message is HTTP/1.1 on the wire, from the side of a client: it writes
// a request and reads a response, as RFC 9112 has it. What a message means is
// for others (RFC 9110).
//
// It knows nothing of connections, pools, proxies and time. A [Request] is
// checked and becomes bytes, a [Reader] makes responses of what an [io.Reader]
// gives. Whoever owns the connection writes the bytes, sets deadlines, and
// closes it.
//
// One exchange goes like this:
//
//	err := req.Check()                     // before anything is sent
//	head := req.AppendHead(buf[:0])        // to write, with a small body behind it
//	err = req.WriteBody(conn, body)        // or the body by itself
//	res, err := reader.Head(&req)          // again while res.Interim()
//	n, err := reader.Read(p)               // the body, to io.EOF
//	if reader.Reusable() { … }             // the connection may serve another request
//
// # Strictness
//
// A response is taken only if net/http's ReadResponse takes it too, and is
// refused in some more cases: where the framing of a message is in doubt, two
// readers of it could disagree on where it ends (RFC 9112, section 11). All
// fields are kept as they were sent, those of the framing too, and none is
// added.
//
// # Errors
//
// What cannot be sent is [fault.InvalidHeader], [fault.InvalidOption] or
// [fault.InvalidURL] and names the argument. A response that is not HTTP is
// [fault.Protocol]. An error may name a field, but never has a value or a line
// of the peer's: a cookie or a token may be in it.
package message

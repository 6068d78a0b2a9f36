// Package message is HTTP/1.1 on the wire, as a client sees it: it writes requests
// and reads responses (RFC 9112). What messages mean (RFC 9110) is not its
// business.
//
// It knows nothing about connections, pools, proxies or time. A [Request] is
// checked and becomes bytes; a [Reader] turns what an [io.Reader] returns into
// responses. The owner of the connection writes the bytes, sets deadlines and
// closes it.
//
// One exchange goes like this:
//
//	err := req.Check()                     // before anything is sent
//	head := req.AppendHead(buf[:0])        // to be written, perhaps with a small body
//	err = req.WriteBody(conn, body)        // or the body on its own
//	res, err := reader.Head(&req)          // again while res.Interim()
//	n, err := reader.Read(p)               // the body, to io.EOF
//	if reader.Reusable() { … }             // the connection may serve another request
//
// # Strictness
//
// Every response that net/http's ReadResponse refuses is refused here, too, and
// so are some others: if the framing of a message is in doubt, two readers could
// disagree on where it ends (RFC 9112, section 11). All fields are kept as they
// were sent, including those of the framing, and none is added.
//
// # Errors
//
// A request that cannot be sent is [fault.InvalidHeader], [fault.InvalidOption]
// or [fault.InvalidURL], and the error names the argument. A response that is
// not HTTP is [fault.Protocol]. An error may name a field, but never quotes a
// value or a line from the peer, which may contain a cookie or a token.
package message

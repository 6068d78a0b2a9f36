// Package transport owns connections: it dials them, puts TLS over them, leads
// them through proxies, keeps them while they are idle, and carries HTTP on
// them within limits of time. It takes a message and gives a message.
//
// It knows neither sessions nor cookies, and reads no environment. It is written
// by hand because net/http's own transport cannot tell whether a request was
// sent, repeats some unasked, and has no limit for the silence of a server.
//
// A call comes down through the files:
//
//	engine.go       Engine and its Config: a pool for each Route
//	call.go         what goes in and comes out: Call, Source, Route, Response
//	attempt.go      Engine.Do: on which connection, and whether on another one again
//	pool.go         the connections of a Route
//	  host.go       those to one host, and which call gets them; waiter.go is a call that waits
//	  hostdial.go   those being made
//	  idle.go       those that are idle, and how long they may be
//	  pin.go        those kept for one user
//	dial.go         making a connection: address.go resolves and races, certificate.go has the settings of TLS
//	  proxy.go      through a proxy
//	http1.go        an exchange of HTTP/1.1, whose text package message reads and writes
//	  upload.go     a body that is sent beside it
//	  upgrade.go    what a 101 hands over; handover.go is that for the link below
//	http2.go        a connection of HTTP/2, which net/http speaks; frames.go sees what net/http does not tell
//	  stream.go     an exchange of HTTP/2
//	  feed.go       the body of its request
//	  interim.go    the responses before the final one
//	  outbox.go     what its streams have to say, written together
//	limits.go       the Read limit of both
//	failure.go      why an exchange has failed, and of which kind the error is
//	trace.go        the times of a call, and the hooks of httptrace
//	link.go         the connection below, plain or under TLS
//	  wire.go       looks whether it is silent before it writes
//	  fold_unix.go  by a peek, in one step with the write; fold_other.go where there is none
//	  watch.go      by a goroutine that reads, where nothing can be peeked at
//	  record.go     under TLS, one record at a time
//	  clock.go      deadlines for what has none
//	list.go         a linked list
package transport

// Package transport owns connections. It dials them, puts TLS over them, leads
// them through proxies, keeps them while they are idle, and sends HTTP messages
// over them within time limits.
//
// It knows neither sessions nor cookies, and reads no environment. It is written
// by hand because the transport of net/http does not say whether a request was
// sent, repeats some requests unasked, and has no limit for the silence of a
// server.
//
// A call passes through these files:
//
//	engine.go       Engine and its Config: a pool for each Route
//	call.go         its input and output: Call, Source, Route, Response
//	attempt.go      Engine.Do: which connection to use, and whether to try another one
//	pool.go         the connections of a Route
//	  host.go       those to one host, and which call gets them; waiter.go is a call that waits
//	  hostdial.go   those being made
//	  idle.go       those that are idle, and for how long
//	  pin.go        those kept for one user
//	dial.go         making a connection: address.go resolves and races, certificate.go has the settings of TLS
//	  proxy.go      through a proxy
//	http1.go        an exchange of HTTP/1.1; package message reads and writes its text
//	  upload.go     a request body that another goroutine sends, and the wait for the 100 that Expect asks for
//	  upgrade.go    handing over the connection after a 101; handover.go does it for the link below
//	http2.go        a connection of HTTP/2, by net/http; frames.go finds out what net/http does not tell
//	  stream.go     an exchange of HTTP/2
//	  feed.go       the body of its request
//	  interim.go    the responses before the final one
//	  outbox.go     joins what its streams write
//	limits.go       the Read limit, on the silence of the server, of both protocols
//	failure.go      why an exchange has failed, and the kind of its error
//	times.go        the times of a dial, and the hooks of httptrace; http1.go and stream.go take the first byte
//	link.go         the connection below, plain or under TLS
//	  wire.go       checks that it is silent before it writes
//	  fold_unix.go  with a peek, in one step with the write; fold_other.go where there is no peek
//	  rawcalls_linux.go  its system calls when they follow each other closely; rawcalls_other.go where they are the ordinary ones
//	  pulse.go      when they do, and what keeps them from holding up other goroutines
//	  watch.go      with a goroutine that reads, where there is no peek
//	  record.go     under TLS, one record at a time
//	  deadline.go   deadlines for connections that have none
//	list.go         a linked list
package transport

// Package transport owns connections: it dials them, puts TLS over them, leads
// them through proxies, keeps them while they are idle, and carries HTTP on
// them within limits of time. It takes a message and gives a message.
//
// A call comes down through the files:
//
//	engine.go       Engine: a pool for each Route
//	call.go         Call, Source, Route, Response
//	attempt.go      Engine.Do: on which connection, and whether on another one again
//	pool.go         the connections of a Route: host.go has those to one host and who gets them, waiter.go who waits,
//	                hostdial.go what is being made, idle.go what is idle, pin.go what is kept for one user; list.go
//	dial.go         making one: address.go, proxy.go, certificate.go; trace.go takes the times
//	http1.go        an exchange of HTTP/1.1, by package message: upload.go, upgrade.go
//	http2.go        a connection of HTTP/2, which is net/http's: frames.go sees what comes, outbox.go writes,
//	                stream.go is an exchange, feed.go its body, streamclock.go its limit
//	limits.go       the Read limit, and what becomes of errors
//	link.go         the connection below: one that looks before it writes (fold_unix.go, fold_other.go,
//	                wire.go), TLS (record.go), and what has no sockets or deadlines (watch.go, clock.go)
package transport

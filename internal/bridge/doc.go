// Package bridge is where the messages of this library meet net/http.
//
//	probe.go      whether a body that net/http hands over is there at all
//	given.go      what net/http is given: the Host, the body of a response
//	response.go   what net/http makes of the fields of a response
//	exchange.go   sending by a RoundTripper of somebody else's, within the Read
//	              limit, which watchdog.go keeps; upload.go is the body on its way
//	taken.go      a response of net/http as one of the engine's
//	clock.go      the times of an attempt, as httptrace tells them
//	unframed.go   a body that net/http takes and that is not to be trusted
//
// It knows no session and no prepared request.
package bridge

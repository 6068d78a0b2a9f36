// Package bridge connects the messages of this library with net/http.
//
//	request.go    what a request of net/http says of itself, and whether it can be sent
//	probe.go      finds out whether a body from net/http has any bytes
//	given.go      gives net/http the Host of a request, the body of a response
//	response.go   changes a response the way net/http would
//	exchange.go   sends through a RoundTripper of the caller's within the Read limit,
//	              which watchdog.go enforces; upload.go is the request body
//	taken.go      makes a response of net/http one of the engine's
//	stopwatch.go  measures the times of an attempt with httptrace
//	unframed.go   a body that net/http accepts but that cannot be trusted
//
// It knows neither sessions nor prepared requests.
package bridge

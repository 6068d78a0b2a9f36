// Package bridge is where the messages of package transport meet net/http: what
// net/http makes of the fields of a response.
package bridge

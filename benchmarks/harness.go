// Package bench measures the library against its peers.
//
// The comparison itself is made by a harness that has a file for each library;
// candidate.go is the one for this library. It is to be copied into the
// harness, and is written against the declarations that harness.go repeats, so
// that it is compiled and tested here too.
package bench

import (
	"crypto/tls"
	"errors"
)

// errNA is returned for a scenario that the library cannot do.
var errNA = errors.New("not applicable")

// Small is the JSON document of the small scenarios.
type Small struct {
	ID      int      `json:"id"`
	Name    string   `json:"name"`
	Tags    []string `json:"tags"`
	Comment string   `json:"comment"`
}

// UploadReply is what the server received of an upload.
type UploadReply struct {
	Field string `json:"field"`
	Name  string `json:"name"`
	Size  int64  `json:"size"`
}

// Config is what a scenario needs of a client. A zero field means the default of the
// library.
type Config struct {
	Pool  int
	TLS   *tls.Config
	HTTP2 bool
}

// Custom reports whether c asks for anything.
func (c Config) Custom() bool { return c.Pool > 0 || c.TLS != nil || c.HTTP2 }

// Client is one library in use. Every method checks the status and reads the body.
type Client interface {
	GetJSON(url string, out *Small) error
	GetParams(url string, params, headers [][2]string, user, pass string, out *Small) error
	PostJSON(url string, in, out *Small) error
	GetBytes(url string) ([]byte, error)
	Lines(url string, fn func(line []byte) error) error
	Upload(url, field, path string, out *UploadReply) error
	Download(url, path string) (int64, error)
	Close()
}

// NA returns errNA from every method; clients embed it.
type NA struct{}

func (NA) GetJSON(string, *Small) error                      { return errNA }
func (NA) PostJSON(string, *Small, *Small) error             { return errNA }
func (NA) GetBytes(string) ([]byte, error)                   { return nil, errNA }
func (NA) Lines(string, func([]byte) error) error            { return errNA }
func (NA) Upload(string, string, string, *UploadReply) error { return errNA }
func (NA) Download(string, string) (int64, error)            { return 0, errNA }
func (NA) Close()                                            {}
func (NA) GetParams(string, [][2]string, [][2]string, string, string, *Small) error {
	return errNA
}

// Peer makes clients of one library.
type Peer struct {
	Name string
	New  func(cfg Config) (Client, error)
	Rank int
}

var peers []Peer

// Register adds a library.
func Register(p Peer) { peers = append(peers, p) }

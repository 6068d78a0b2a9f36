//go:build !unix

package requests

import "net"

// canProbe says that there are no probes on this system, and therefore no http1.
const canProbe = false

type probe struct{}

func newProbe(net.Conn) *probe { return nil }

func (*probe) alive() bool { return false }

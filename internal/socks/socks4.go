package socks

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

const (
	version4      = 4
	replyVersion4 = 0 // of a SOCKS4 reply, not 4
	granted4      = 90
)

// Connect4 asks the SOCKS4 proxy at the other end of conn for a connection to
// target, which is an IPv4 address, the only kind in this protocol. The user
// may be empty; SOCKS4 has no password.
func Connect4(conn io.ReadWriter, target netip.AddrPort, user string) error {
	ip := target.Addr().Unmap()
	if !ip.Is4() {
		return fmt.Errorf("%w: SOCKS4 has IPv4 addresses only", ErrAddress)
	}
	if ip != netip.IPv4Unspecified() && thisNetwork24.Contains(ip) {
		// The proxy would take it for SOCKS4a and wait for a name.
		return fmt.Errorf("%w: address of 0.0.0.0/24", ErrAddress)
	}
	return connect4(conn, ip, target.Port(), user, "")
}

// Connect4a is [Connect4] for a host that the proxy resolves. An IPv4 address
// in text form is sent as an address.
func Connect4a(conn io.ReadWriter, host string, port uint16, user string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return Connect4(conn, netip.AddrPortFrom(ip, port), user)
	}
	if err := checkName(host); err != nil {
		return err
	}
	return connect4(conn, netip.AddrFrom4([4]byte{0, 0, 0, 1}), port, user, host)
}

// thisNetwork24 holds the addresses 0.0.0.x, by which SOCKS4a announces a name.
var thisNetwork24 = netip.PrefixFrom(netip.IPv4Unspecified(), 24)

func connect4(conn io.ReadWriter, ip netip.Addr, port uint16, user, host string) error {
	if len(user) > maxField || strings.Contains(user, "\x00") {
		return fmt.Errorf("%w: user longer than %d bytes or with a zero byte", ErrCredentials, maxField)
	}
	message := binary.BigEndian.AppendUint16([]byte{version4, commandConnect}, port)
	message = append(message, ip.AsSlice()...)
	message = append(append(message, user...), 0)
	if host != "" {
		message = append(append(message, host...), 0)
	}
	var reply [8]byte // version, code, and a port and an address without meaning here
	if err := exchange(conn, message, reply[:]); err != nil {
		return err
	}
	if reply[0] != replyVersion4 {
		return fmt.Errorf("%w: version %d of the reply; want %d", ErrProtocol, reply[0], replyVersion4)
	}
	if reply[1] != granted4 {
		return &ReplyError{Version: version4, Code: reply[1]}
	}
	return nil
}

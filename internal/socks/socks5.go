package socks

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"net/url"
)

const (
	version5 = 5
	granted5 = 0

	methodNone     = 0x00
	methodPassword = 0x02
	methodRefused  = 0xff

	versionPassword = 1 // of the negotiation of RFC 1929
	acceptedUser    = 0

	addressIPv4 = 1
	addressName = 3
	addressIPv6 = 4
)

// Connect5 asks the SOCKS5 proxy at the other end of conn for a connection to
// host, which is an IP address in text form, without brackets, or a name for the
// proxy to resolve.
//
// A nil user offers no authentication. With one, the proxy chooses between no
// authentication and user and password. The request for the connection is sent
// only after the proxy has accepted them. The password may be empty, the name
// of the user may not.
func Connect5(conn io.ReadWriter, host string, port uint16, user *url.Userinfo) error {
	request, err := request5(host, port)
	if err != nil {
		return err
	}
	login, err := login5(user)
	if err != nil {
		return err
	}
	if err := authenticate5(conn, login); err != nil {
		return err
	}
	return connect5(conn, request)
}

// request5 builds the request of RFC 1928, section 4.
func request5(host string, port uint16) ([]byte, error) {
	message := []byte{version5, commandConnect, 0}
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	switch {
	case err != nil:
		if err := checkName(host); err != nil {
			return nil, err
		}
		message = append(message, addressName, byte(len(host)))
		message = append(message, host...)
	case ip.Zone() != "": // means an interface of this machine, not of the proxy
		return nil, fmt.Errorf("%w: IPv6 zone", ErrAddress)
	case ip.Is4():
		message = append(append(message, addressIPv4), ip.AsSlice()...)
	default:
		message = append(append(message, addressIPv6), ip.AsSlice()...)
	}
	return binary.BigEndian.AppendUint16(message, port), nil
}

// login5 builds the request of RFC 1929, section 2, nil for no user.
func login5(user *url.Userinfo) ([]byte, error) {
	if user == nil {
		return nil, nil
	}
	name := user.Username()
	password, _ := user.Password()
	if name == "" || len(name) > maxField || len(password) > maxField {
		return nil, fmt.Errorf("%w: user of 1 to %d bytes and password of %[2]d at most", ErrCredentials, maxField)
	}
	message := append([]byte{versionPassword, byte(len(name))}, name...)
	message = append(message, byte(len(password)))
	return append(message, password...), nil
}

// authenticate5 negotiates a method (RFC 1928, section 3) and logs in if the
// proxy wants that.
func authenticate5(conn io.ReadWriter, login []byte) error {
	offer := []byte{version5, 1, methodNone}
	if login != nil {
		offer = []byte{version5, 2, methodNone, methodPassword}
	}
	var answer [2]byte
	if err := exchange(conn, offer, answer[:]); err != nil {
		return err
	}
	if answer[0] != version5 {
		return fmt.Errorf("%w: version %d; want %d", ErrProtocol, answer[0], version5)
	}
	switch method := answer[1]; {
	case method == methodNone:
		return nil
	case method == methodRefused:
		return ErrNoMethod
	case method != methodPassword || login == nil:
		return fmt.Errorf("%w: authentication method %d, which was not offered", ErrProtocol, method)
	}
	if err := exchange(conn, login, answer[:]); err != nil {
		return err
	}
	if answer[0] != versionPassword {
		return fmt.Errorf("%w: version %d of the login; want %d", ErrProtocol, answer[0], versionPassword)
	}
	if answer[1] != acceptedUser {
		return ErrAuth
	}
	return nil
}

// connect5 sends the request and reads the reply (RFC 1928, section 6) with the
// address that the proxy connects from, which is of no use to a client.
func connect5(conn io.ReadWriter, request []byte) error {
	var reply [2]byte
	if err := exchange(conn, request, reply[:]); err != nil {
		return err
	}
	if reply[0] != version5 {
		return fmt.Errorf("%w: version %d of the reply; want %d", ErrProtocol, reply[0], version5)
	}
	if reply[1] != granted5 { // proxies that refuse may leave out the rest
		return &ReplyError{Version: version5, Code: reply[1]}
	}
	var bound [maxField + 2]byte // address and port
	if err := read(conn, bound[:2]); err != nil {
		return err
	}
	length := 0
	switch kind := bound[1]; kind {
	case addressIPv4:
		length = 4
	case addressIPv6:
		length = 16
	case addressName:
		if err := read(conn, bound[:1]); err != nil {
			return err
		}
		length = int(bound[0])
	default:
		return fmt.Errorf("%w: address type %d of the reply", ErrProtocol, kind)
	}
	return read(conn, bound[:length+2])
}

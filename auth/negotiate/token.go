package negotiate

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/go-requests/requests"
)

// A proof is what only a server with the key of the service can return: the time
// that the client encrypted for it (RFC 4120, section 3.2.4).
type proof struct {
	key   types.EncryptionKey
	time  time.Time
	micro int
}

// newToken makes the SPNEGO token for a service. gokrb5 can make one only without
// mutual authentication, so the AP-REQ inside is assembled here.
func newToken(realm string, user types.PrincipalName, ticket messages.Ticket, key types.EncryptionKey) ([]byte, *proof, error) {
	authenticator, err := types.NewAuthenticator(realm, user)
	if err != nil {
		return nil, nil, err
	}
	authenticator.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: checksum()}
	request, err := messages.NewAPReq(ticket, key, authenticator)
	if err != nil {
		return nil, nil, err
	}
	types.SetFlag(&request.APOptions, flags.APOptionMutualRequired)
	inner, err := request.Marshal()
	if err != nil {
		return nil, nil, err
	}
	mechanism, err := asn1.Marshal(gssapi.OIDKRB5.OID())
	if err != nil {
		return nil, nil, err
	}
	inner = append(append(mechanism, 1, 0), inner...) // RFC 4121, section 4.1: the token ID of an AP-REQ
	token := spnego.SPNEGOToken{
		Init: true,
		NegTokenInit: spnego.NegTokenInit{
			MechTypes:      []asn1.ObjectIdentifier{gssapi.OIDKRB5.OID()},
			MechTokenBytes: asn1tools.AddASNAppTag(inner, 0),
		},
	}
	b, err := token.Marshal()
	return b, &proof{key: key, time: authenticator.CTime, micro: authenticator.Cusec}, err
}

// checksum returns the field of RFC 4121, section 4.1.1: the flags of the context,
// and no channel bindings.
func checksum() []byte {
	b := make([]byte, 24)
	binary.LittleEndian.PutUint32(b, 16) // the length of the bindings, which are all zeros
	binary.LittleEndian.PutUint32(b[20:], gssapi.ContextFlagMutual|gssapi.ContextFlagInteg)
	return b
}

// check returns an error unless token, from the server, contains the time that only
// the real server could decrypt.
func (p *proof) check(token []byte) (err error) {
	defer func() { // gokrb5 panics on some input
		if recover() != nil {
			err = unproven("its token cannot be read")
		}
	}()
	var reply spnego.NegTokenResp
	if err := reply.Unmarshal(token); err != nil {
		return unproven("its token is none of SPNEGO")
	}
	if reply.State() != spnego.NegStateAcceptCompleted {
		return unproven("it has not accepted the token")
	}
	var inner spnego.KRB5Token
	if err := inner.Unmarshal(reply.ResponseToken); err != nil || !inner.IsAPRep() {
		return unproven("its token has no AP-REP")
	}
	plain, err := crypto.DecryptEncPart(inner.APRep.EncPart, p.key, keyusage.AP_REP_ENCPART)
	if err != nil {
		return unproven("it does not have the key of the service")
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		return unproven("its AP-REP cannot be read")
	}
	if !same(part.CTime, p.time) || part.Cusec != p.micro {
		return unproven("it answers another request")
	}
	return nil
}

// same compares two Kerberos times, which have whole seconds.
func same(a, b time.Time) bool {
	return subtle.ConstantTimeEq(int32(a.Unix()&0x7fffffff), int32(b.Unix()&0x7fffffff)) == 1
}

// failed explains why there is no ticket, and what to do about it.
func failed(what string, err error) error {
	return fmt.Errorf("%w: negotiate: %s: %w", requests.ErrAuthentication, what, &cause{err})
}

package requests

import (
	"context"
	"errors"
	"io"

	"github.com/go-requests/requests/internal/digest"
	"github.com/go-requests/requests/internal/uri"
)

// DigestAuth answers the Digest challenges of a server (RFC 7616): the strongest of
// those that it offers. It remembers a challenge, so that later requests with the
// same Auth carry their answer from the start, on all goroutines. So keep the Auth,
// in a session or a variable, and do not make one for each call.
//
// The first request to a server is challenged and sent again. If its body cannot be
// sent twice, the error is [ErrBodyNotReplayable] before anything is sent, unless an
// earlier request has met a challenge.
func DigestAuth(username, password string) Auth {
	return Auth{method: newDigestAuth(username, password)}
}

// digestAuth is the state that the copies of one Auth share.
type digestAuth struct{ spaces digest.Spaces }

func newDigestAuth(username, password string) *digestAuth {
	return &digestAuth{digest.Spaces{Credentials: digest.Credentials{Username: username, Password: password}}}
}

func (d *digestAuth) String() string { return "Digest" }

// Authenticate implements [Authenticator] with what is known of the origin.
func (d *digestAuth) Authenticate(_ context.Context, p *PreparedRequest) error {
	delete(p.Header, "Authorization")
	p.answer = nil
	a, ok, err := d.preempt(p)
	switch {
	case err != nil:
		return err
	case ok:
		p.setSecret("Authorization", a.Value)
		p.answer = &a
	case !p.Replayable():
		return failText(ErrBodyNotReplayable, "a Digest challenge comes first: let a request with a replayable body meet it")
	}
	return nil
}

// Challenge implements the second half of [Authenticator].
func (d *digestAuth) Challenge(_ context.Context, r *Response) (*PreparedRequest, error) {
	again := len(r.History) > 0 && r.History[len(r.History)-1].StatusCode == r.StatusCode
	q := r.Request.Clone()
	a, ok, err := d.answer(q, r.Header.Values("Www-Authenticate"), again)
	if !ok {
		return nil, err
	}
	q.setSecret("Authorization", a.Value)
	q.answer = &a
	return q, nil
}

// preempt answers the challenge that the origin of p is expected to send. It
// returns false if none is known.
func (d *digestAuth) preempt(p *PreparedRequest) (digest.Answer, bool, error) {
	a, ok, err := d.spaces.Preempt(uri.Origin(p.URL), digestRequest(p))
	return a, ok, digestError(err)
}

// answer answers one of challenges. It returns false if it can answer none. It
// does not repeat an answer that was refused, unless only the nonce was stale.
func (d *digestAuth) answer(p *PreparedRequest, challenges []string, again bool) (digest.Answer, bool, error) {
	offer, ok := digest.Select(digest.Parse(challenges))
	if !ok || again && !offer.Stale {
		return digest.Answer{}, false, nil
	}
	a, err := d.spaces.Answer(uri.Origin(p.URL), offer, digestRequest(p))
	return a, err == nil, digestError(err)
}

// Verify implements the third part of [Authenticator]: a server that gives a
// proof has to give the right one (RFC 7616, section 3.5).
func (d *digestAuth) Verify(_ context.Context, r *Response) error {
	info := r.Header["Authentication-Info"]
	if r.Request.answer == nil || len(info) == 0 || r.Request.answer.Verify(digest.ParseInfo(info)) {
		return nil
	}
	return failText(ErrAuthentication, "the server does not prove that it knows the password")
}

// renew takes the next nonce from the server's Authentication-Info.
func (d *digestAuth) renew(r *Response) {
	if info := r.Header["Authentication-Info"]; len(info) > 0 && r.Request.answer != nil {
		d.spaces.Renew(*r.Request.answer, digest.ParseInfo(info))
	}
}

// digestRequest is the part of p that an answer covers.
func digestRequest(p *PreparedRequest) digest.Request {
	req := digest.Request{Method: p.Method, URI: p.URL.RequestURI()}
	if p.body.present {
		req.Body = p.copyBody
	}
	return req
}

// copyBody writes the body to w, if it can still be sent afterwards.
func (p *PreparedRequest) copyBody(w io.Writer) error {
	if !p.Replayable() {
		return ErrBodyNotReplayable
	}
	body, err := p.body.open()
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

func digestError(err error) error {
	if errors.Is(err, digest.ErrControl) {
		return fail(ErrInvalidOption, err)
	}
	return err
}

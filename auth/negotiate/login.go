package negotiate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"sync"
	"unicode"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/go-requests/requests"
)

// A Login is a user, or a service, that Kerberos knows. It is safe for concurrent
// use. Close ends it.
type Login struct {
	kerberos *client.Client
	name     string

	turn   chan struct{} // held by the goroutine that talks to the KDC: gokrb5 does not support several
	once   sync.Once
	closed chan struct{}
}

// FromCache logs in with the tickets that kinit has stored in a file cache; ""
// stands for the one that KRB5CCNAME names, or the usual place. They are read once:
// after they have expired, it takes a new kinit and a new Login. configuration is
// the path of a krb5.conf, "" for the one that KRB5_CONFIG names, or
// /etc/krb5.conf.
func FromCache(cache, configuration string) (*Login, error) {
	conf, err := load(configuration)
	if err != nil {
		return nil, err
	}
	if cache == "" {
		cache = cacheName()
	}
	kind, path, found := strings.Cut(cache, ":")
	if !found {
		kind, path = "FILE", cache
	}
	if kind != "FILE" {
		return nil, fmt.Errorf("%w: negotiate: tickets can only be read from a FILE cache, not from one of the type %q", requests.ErrInvalidOption, kind)
	}
	tickets, err := credentials.LoadCCache(path)
	if err != nil {
		return nil, failed("the cache of tickets cannot be read: run kinit", err)
	}
	kerberos, err := client.NewFromCCache(tickets, conf)
	if err != nil {
		return nil, failed("the cache has no ticket to get others with: run kinit", err)
	}
	return newLogin(kerberos), nil
}

func cacheName() string {
	if name := os.Getenv("KRB5CCNAME"); name != "" {
		return name
	}
	id := "0"
	if u, err := user.Current(); err == nil {
		id = u.Uid
	}
	return "/tmp/krb5cc_" + id
}

// FromKeytab logs in with the keys in a keytab file. principal has the form
// name@REALM.
func FromKeytab(path, principal, configuration string) (*Login, error) {
	conf, err := load(configuration)
	if err != nil {
		return nil, err
	}
	name, realm, err := parse(principal, conf)
	if err != nil {
		return nil, err
	}
	keys, err := keytab.Load(path)
	if err != nil {
		return nil, failed("the keytab cannot be read", err)
	}
	return newLogin(client.NewWithKeytab(name, realm, keys, conf, client.DisablePAFXFAST(true))), nil
}

// FromPassword logs in with a password. principal has the form name@REALM.
func FromPassword(principal, password, configuration string) (*Login, error) {
	conf, err := load(configuration)
	if err != nil {
		return nil, err
	}
	name, realm, err := parse(principal, conf)
	if err != nil {
		return nil, err
	}
	if password == "" {
		return nil, fmt.Errorf("%w: negotiate: the password is empty", requests.ErrInvalidOption)
	}
	return newLogin(client.NewWithPassword(name, realm, password, conf, client.DisablePAFXFAST(true))), nil
}

func newLogin(kerberos *client.Client) *Login {
	return &Login{kerberos: kerberos, name: kerberos.Credentials.UserName(), turn: make(chan struct{}, 1), closed: make(chan struct{})}
}

func load(path string) (*config.Config, error) {
	if path == "" {
		path = os.Getenv("KRB5_CONFIG")
	}
	if path == "" {
		path = "/etc/krb5.conf"
	}
	conf, err := config.Load(path)
	if _, unsupported := errors.AsType[config.UnsupportedDirective](err); err != nil && !unsupported {
		return nil, failed("the configuration of Kerberos cannot be read", err)
	}
	return conf, nil
}

func parse(principal string, conf *config.Config) (name, realm string, err error) {
	name, realm, found := strings.Cut(principal, "@")
	if !found {
		realm = conf.LibDefaults.DefaultRealm
	}
	if name == "" || realm == "" {
		return "", "", fmt.Errorf("%w: negotiate: the principal has to be of the form name@REALM", requests.ErrInvalidOption)
	}
	return name, realm, nil
}

// Close discards the tickets and keys, once nobody waits for the KDC any more.
// Later requests fail with [requests.ErrClosed].
func (l *Login) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.forget()
	})
	return nil
}

// release gives up the turn, and only then checks for a Close that is waiting for
// it. In the other order it would miss a Close in between.
func (l *Login) release() {
	<-l.turn
	select {
	case <-l.closed:
		l.forget()
	default:
	}
}

// forget discards the tickets and keys, or leaves that to whoever has the turn.
func (l *Login) forget() {
	select {
	case l.turn <- struct{}{}:
		l.kerberos.Destroy()
		<-l.turn
	default:
	}
}

// String returns the name of the user.
func (l *Login) String() string { return "Kerberos login " + l.name }

// Format keeps every verb from printing keys.
func (l *Login) Format(s fmt.State, _ rune) { io.WriteString(s, l.String()) }

// token makes a token for a service. gokrb5 knows no context: if ctx ends, the
// request to the KDC is left to its own timeouts.
func (l *Login) token(ctx context.Context, service string) ([]byte, *proof, error) {
	type result struct {
		token []byte
		proof *proof
		err   error
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	made := make(chan result, 1)
	go func() {
		defer l.release()
		select {
		case <-l.closed:
			made <- result{err: fmt.Errorf("%w: the Login", requests.ErrClosed)}
			return
		default:
		}
		token, proof, err := l.make(service)
		made <- result{token, proof, err}
	}()
	select {
	case r := <-made:
		return r.token, r.proof, r.err
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

func (l *Login) make(service string) (token []byte, p *proof, err error) {
	defer func() { // gokrb5 panics on some unexpected answers
		if v := recover(); v != nil {
			err = failed("gokrb5 has failed", fmt.Errorf("%v", v))
		}
	}()
	if err := l.kerberos.AffirmLogin(); err != nil {
		return nil, nil, failed("no ticket for "+l.name+": check principal, password or keytab, clock and KDC, or run kinit", err)
	}
	ticket, key, err := l.kerberos.GetServiceTicket(service)
	if err != nil {
		return nil, nil, failed("no ticket for the service "+service+": check the name, realm, clock and KDC", err)
	}
	name := types.PrincipalName(l.kerberos.Credentials.CName())
	token, p, err = newToken(l.kerberos.Credentials.Domain(), name, ticket, key)
	if err != nil {
		return nil, nil, failed("the ticket cannot be used", err)
	}
	return token, p, nil
}

// A cause is an error of gokrb5, shortened and with only printable characters.
type cause struct{ err error }

func (c *cause) Unwrap() error { return c.err }

func (c *cause) Error() string {
	text := strings.ToValidUTF8(c.err.Error(), "?")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

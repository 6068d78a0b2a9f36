package negotiate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/krberror"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/go-requests/requests"
)

// A Login is a user, or a service, that Kerberos knows. It is safe for concurrent
// use. Close ends it.
type Login struct {
	kerberos *client.Client
	conf     *config.Config
	name     string

	turn   chan struct{} // held by the goroutine that talks to the KDC: gokrb5 does not support several
	asked  bool          // a login has succeeded; only the holder of turn uses it
	once   sync.Once
	closed chan struct{}
}

// FromCache logs in with the tickets that kinit has stored in a file cache; ""
// stands for the one that KRB5CCNAME names, or the usual place. They are read once:
// after they have expired, it takes a new kinit and a new Login. configuration is
// the path of a krb5.conf, "" for the one that KRB5_CONFIG names, or
// /etc/krb5.conf.
//
// An invalid argument is [requests.ErrInvalidOption], and a file that cannot be used
// is [requests.ErrAuthentication], here and in [FromKeytab] and [FromPassword]. The
// KDC is not asked before the first request.
func FromCache(cache, configuration string) (*Login, error) {
	conf, err := load(configuration)
	if err != nil {
		return nil, err
	}
	path, err := cachePath(cache)
	if err != nil {
		return nil, err
	}
	kerberos, err := guarded(func() (*client.Client, error) {
		tickets, err := credentials.LoadCCache(path)
		if err != nil {
			return nil, failed("the cache of tickets cannot be read: run kinit", err)
		}
		kerberos, err := client.NewFromCCache(tickets, conf)
		if err != nil {
			return nil, failed("the cache has no ticket to get others with: run kinit", err)
		}
		return kerberos, nil
	})
	if err != nil {
		return nil, err
	}
	return newLogin(kerberos, conf), nil
}

// cachePath returns the file of a cache, whose name may begin with its type.
func cachePath(cache string) (string, error) {
	from := "cache"
	if cache == "" {
		if cache = os.Getenv("KRB5CCNAME"); cache != "" {
			from = "KRB5CCNAME"
		} else {
			id := "0"
			if u, err := user.Current(); err == nil {
				id = u.Uid
			}
			cache = "/tmp/krb5cc_" + id
		}
	}
	kind, path, found := strings.Cut(cache, ":")
	if !found {
		kind, path = "FILE", cache
	}
	switch {
	case hasControl(cache):
		return "", invalid(from + " has a control character")
	case kind != "FILE":
		return "", invalid(fmt.Sprintf("%s: tickets can only be read from a FILE cache, not from one of the type %q", from, kind))
	case path == "":
		return "", invalid(from + " names no file")
	}
	return path, nil
}

// FromKeytab logs in with the keys in the keytab file path. principal has the form
// name@REALM, and the configuration must have a KDC for the realm.
func FromKeytab(path, principal, configuration string) (*Login, error) {
	switch {
	case path == "":
		return nil, invalid("path is empty")
	case hasControl(path):
		return nil, invalid("path has a control character")
	}
	conf, name, realm, err := identity(principal, configuration)
	if err != nil {
		return nil, err
	}
	keys, err := guarded(func() (*keytab.Keytab, error) {
		keys, err := keytab.Load(path)
		if err != nil {
			return nil, failed("the keytab cannot be read", err)
		}
		return keys, nil
	})
	if err != nil {
		return nil, err
	}
	return newLogin(client.NewWithKeytab(name, realm, keys, conf, client.DisablePAFXFAST(true)), conf), nil
}

// FromPassword logs in with a password. principal is as for [FromKeytab].
func FromPassword(principal, password, configuration string) (*Login, error) {
	switch {
	case password == "":
		return nil, invalid("password is empty")
	case hasControl(password):
		return nil, invalid("password has a control character, such as the end of its line in a file")
	}
	conf, name, realm, err := identity(principal, configuration)
	if err != nil {
		return nil, err
	}
	return newLogin(client.NewWithPassword(name, realm, password, conf, client.DisablePAFXFAST(true)), conf), nil
}

func newLogin(kerberos *client.Client, conf *config.Config) *Login {
	return &Login{kerberos: kerberos, conf: conf, name: kerberos.Credentials.UserName(), turn: make(chan struct{}, 1), closed: make(chan struct{})}
}

// identity reads the configuration and checks principal against it.
func identity(principal, configuration string) (conf *config.Config, name, realm string, err error) {
	if name, realm, err = parse(principal); err != nil {
		return nil, "", "", err
	}
	if conf, err = load(configuration); err != nil {
		return nil, "", "", err
	}
	if !knowsKDC(conf, realm) {
		return nil, "", "", invalid("principal: the configuration has no KDC for its realm, in whose name the case of letters counts")
	}
	return conf, name, realm, nil
}

func load(path string) (*config.Config, error) {
	from := "configuration"
	if path == "" {
		from, path = "KRB5_CONFIG", os.Getenv("KRB5_CONFIG")
	}
	if path == "" {
		from, path = "/etc/krb5.conf", "/etc/krb5.conf"
	}
	if hasControl(path) {
		return nil, invalid(from + " has a control character")
	}
	return guarded(func() (*config.Config, error) {
		conf, err := config.Load(path)
		if _, unsupported := errors.AsType[config.UnsupportedDirective](err); err != nil && !unsupported {
			return nil, failed("the configuration of Kerberos cannot be read ("+from+")", err)
		}
		return conf, nil
	})
}

// parse splits a principal. It does not fill in the default realm: if that is the
// wrong one, only the KDC finds out, and late.
func parse(principal string) (name, realm string, err error) {
	name, realm, _ = strings.Cut(principal, "@")
	switch {
	case hasControl(principal):
		return "", "", invalid("principal has a control character")
	case slices.Contains(strings.Split(name, "/"), ""), realm == "", strings.ContainsAny(realm, "@/ "), strings.Contains(principal, `\`):
		return "", "", invalid("principal has to be of the form name@REALM")
	}
	return name, realm, nil
}

// knowsKDC reports whether there is a KDC for the realm.
func knowsKDC(conf *config.Config, realm string) bool {
	return conf.LibDefaults.DNSLookupKDC || slices.ContainsFunc(conf.Realms, func(r config.Realm) bool { return r.Realm == realm && len(r.KDC) > 0 })
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

func invalid(text string) error {
	return fmt.Errorf("%w: negotiate: %s", requests.ErrInvalidOption, text)
}

// guarded calls f, which may panic: gokrb5 does so on some unexpected files and
// answers.
func guarded[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = failed("gokrb5 has failed", fmt.Errorf("%v", p))
		}
	}()
	return f()
}

// Close discards the tickets and keys, once nobody waits for the KDC any more.
// Later requests fail with [requests.ErrClosed].
func (l *Login) Close() error {
	if l == nil || l.kerberos == nil { // made by hand
		return nil
	}
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
	type result struct {
		token []byte
		proof *proof
	}
	r, err := guarded(func() (result, error) {
		if err := l.affirm(); err != nil {
			return result{}, l.noTicket("no ticket for "+l.name+": check principal, password or keytab, clock and KDC, or run kinit", "", err)
		}
		ticket, key, err := l.kerberos.GetServiceTicket(service)
		if err != nil {
			return result{}, l.noTicket("no ticket for the service "+service+": check the name, realm, clock and KDC", service, err)
		}
		name := types.PrincipalName(l.kerberos.Credentials.CName())
		token, proof, err := newToken(l.kerberos.Credentials.Domain(), name, ticket, key)
		if err != nil {
			return result{}, failed("the ticket cannot be used", err)
		}
		return result{token, proof}, nil
	})
	return r.token, r.proof, err
}

// affirm logs in unless there is a valid login. The AffirmLogin of gokrb5 turns its
// error into mere text, so the error comes from Login.
func (l *Login) affirm() error {
	if l.asked && l.kerberos.AffirmLogin() == nil {
		return nil
	}
	err := l.kerberos.Login()
	l.asked = err == nil
	return err
}

// noTicket says why there is no ticket for service; "" stands for the login itself. If
// the KDC could not be reached, the error is ErrConnection too. gokrb5 keeps only the
// text of network errors, and it counts a realm without a KDC as one.
func (l *Login) noTicket(what, service string, err error) error {
	e, ok := errors.AsType[krberror.Krberror](err)
	if !ok || e.RootCause != krberror.NetworkingError {
		return failed(what, err)
	}
	_, host, _ := strings.Cut(service, "/")
	if realm := l.conf.ResolveRealm(host); service != "" && realm != "" && !knowsKDC(l.conf, realm) {
		return failed(what, err)
	}
	return failed(what, fmt.Errorf("%w: %w", requests.ErrConnection, err))
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

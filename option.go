package requests

import (
	"fmt"
	"reflect"
	"strings"
)

// An Option is one setting of a call or a session. Given to [NewSession] or
// [Session.With], it is a default; given to a call, it counts for that call. How
// it meets the default, and another option of its type before it, depends on the
// type:
//
//	Params, PathParams, Headers, Cookies   add up by name; the later value of a name wins,
//	                                       and nil removes a parameter or a field
//	Form, Files                            add up into one body; only a call has them
//	Timeout, Proxies, TLS                  the later value wins, field by field, key by key
//	OnRequest and the other hooks          add up within a session and within a call;
//	                                       a call's OnRequest replaces those of its session
//	all others                             the later one wins
//
// Some options are for one kind of call: [Concurrency] and [SaveTo] for
// [Session.Many]; [Checksum], [Overwrite] and [Parallel] for downloads; [Method]
// for [Session.Events]. A body and a RawQuery are for calls and not for sessions.
// Options that shape the request are not for [Session.Send], as its request is
// prepared.
//
// A nil Option is left out. A zero [Auth], [Body] or [TLS] and a nil map change
// nothing. A nil hook other than [OnProgress], a nil [*CookieJar] and an Auth made
// of nil are [ErrInvalidOption].
//
// A session copies the maps and slices that it is given. Only types of this
// package are Options.
type Option interface{ option() }

// settings are what a call goes by: the defaults of its session with its own
// options over them. A session gets its defaults in the same way.
type settings struct {
	// merged has what a later option replaces or completes. Its Headers and
	// Params are the session's alone, and so are its Hooks until all options
	// are there.
	merged Session

	params    []Params
	pathNames []PathParams // of the options, which the URL must have a place for
	query     RawQuery
	headers   []Headers
	cookies   []Cookies
	content   Body // the one body, if form and files are empty
	form      []Form
	files     []File
	hooks     Hooks
	authGiven bool
	prepared  bool // the request is, and options that shape it come too late
	oneHop    bool // for an http.Client, which wants the last response whatever it is
}

// merge fills set with the settings of s and applies opts over them.
func (set *settings) merge(s *Session, opts []Option) error {
	set.of(s)
	return set.finish(opts)
}

// of begins with the defaults of s.
func (set *settings) of(s *Session) {
	set.merged = *s
	if s.Headers == nil {
		set.merged.Headers = defaults
	}
	if s.Auth.proxy { // the field takes it, too
		set.merged.proxyAuth, set.merged.Auth = s.Auth, Auth{}
	}
}

// finish applies the last options of a call and checks what has become of all.
func (set *settings) finish(opts []Option) error {
	if err := set.applyAll(opts); err != nil {
		return err
	}
	set.merged.Hooks.join(&set.hooks, true)
	if callNames(set.headers, "Authorization") && !set.authGiven {
		set.merged.Auth = Auth{} // the Authorization field of the call overrides the session's Auth
	}
	if set.merged.err != nil {
		return set.merged.err
	}
	return set.check()
}

// callNames reports whether one of the layers sets the field.
func callNames(layers []Headers, field string) bool {
	for _, l := range layers {
		for name, v := range l {
			if v != nil && strings.EqualFold(name, field) {
				return true
			}
		}
	}
	return false
}

// applyAll applies opts in their order.
func (set *settings) applyAll(opts []Option) error {
	for _, o := range opts {
		if err := set.apply(o); err != nil {
			return err
		}
	}
	return nil
}

// apply sets what opt says: here if it says how to send, in add if it is a hook, in
// shape if it is about the request. These are switches rather than a method of each
// option so that settings need not leave the stack.
func (set *settings) apply(opt Option) error {
	m := &set.merged
	switch o := opt.(type) {
	case nil: // an option that was not wanted this time
	case *CookieJar:
		if o == nil {
			return failText(ErrInvalidOption, "the *CookieJar is nil; to keep no cookies is KeepCookies(false)")
		}
		m.Cookies, m.NoCookies = o, false
	case KeepCookies:
		m.NoCookies = !bool(o)
	case Timeout:
		m.Timeout = o.over(m.Timeout)
	case Proxies:
		m.Proxies = o.over(m.Proxies)
	case TLS:
		m.TLS = o.over(m.TLS)
	case Retry:
		m.Retry = &o
	case AllowRedirects:
		m.NoRedirects = !bool(o)
	case MaxRedirects:
		if m.MaxRedirects = int(o); o == 0 {
			m.MaxRedirects = -1 // the field has 0 for the default
		}
	case Stream:
		m.Stream = bool(o)
	case TrustEnv:
		m.IgnoreEnv = !bool(o)
	case RaiseForStatus:
		m.RaiseForStatus = bool(o)
	case JSONDecoder:
		m.JSONDecoder = o
	case MaxBody:
		m.MaxBody = int64(o)
	case Trace:
		m.Trace = bool(o)
	case Logger:
		m.Logger = o.To
	case Dump:
		m.Dump = o
	default:
		if !set.hooks.add(opt) {
			return set.shape(opt)
		}
	}
	return nil
}

// shape sets what opt says about the request itself, for which it is too late if
// the request is prepared.
func (set *settings) shape(opt Option) (err error) {
	m := &set.merged
	switch o := opt.(type) {
	case Params:
		set.params = append(set.params, o)
	case PathParams:
		if o != nil {
			m.PathParams = o.over(m.PathParams)
			set.pathNames = append(set.pathNames, o)
		}
	case RawQuery:
		set.query = o
	case BaseURL:
		m.BaseURL = string(o)
	case Headers:
		set.headers = append(set.headers, o)
	case Cookies:
		set.cookies = append(set.cookies, o)
	case IdempotencyKey:
		m.IdempotencyKey = bool(o)
	case Auth:
		switch {
		case o.method == nil: // leaves the choice
		case o.proxy:
			m.proxyAuth = o
		default:
			m.Auth, set.authGiven = o, true
		}
	case Body:
		err = set.setContent(o)
	case Form:
		if o != nil { // an empty one is a body, and nil is none
			set.form = append(set.form, o)
		}
	case Files:
		set.files = o.appendTo(set.files)
	default:
		return misplaced(opt)
	}
	if set.prepared {
		return failText(ErrInvalidOption, "the request is prepared: change its fields")
	}
	return err
}

// absent reports whether opt is nil or, as the pointer to an option has its methods,
// a pointer to none.
func absent(opt any) bool {
	v := reflect.ValueOf(opt)
	return opt == nil || v.Kind() == reflect.Pointer && v.IsNil()
}

// misplaced is the error for an opt that no call and no session takes. It says where
// opt belongs.
func misplaced(opt Option) error {
	if reflect.TypeOf(opt).Kind() == reflect.Pointer {
		return failText(ErrInvalidOption, fmt.Sprintf("%T is a pointer to an option, not an option", opt))
	}
	of := "another function"
	if o, ok := opt.(interface{ of() string }); ok {
		of = o.of()
	}
	return failText(ErrInvalidOption, fmt.Sprintf("%T is an option of %s", opt, of))
}

// ofSession refuses options that only a call can take.
func (set *settings) ofSession() error {
	if set.query != "" || set.content.load != nil || len(set.form)+len(set.files) > 0 {
		return failText(ErrInvalidOption, "a body or a RawQuery belongs to a call, not to a session")
	}
	return nil
}

// check refuses settings that cannot be, whether an option or a field of the
// session has them. What depends on the request is checked where it is prepared.
func (set *settings) check() error {
	if err := set.merged.Hooks.check(); err != nil {
		return err
	}
	opts := set.sendOptions()
	return opts.check()
}

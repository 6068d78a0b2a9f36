// Package requests is an HTTP client with the interface of Python's Requests.
//
//	r, err := requests.Get(ctx, "https://api.github.com/search/repositories",
//		requests.Params{"q": "language:go", "sort": "stars"},
//		requests.Headers{"Accept": "application/vnd.github+json"})
//	if err != nil {
//		return err
//	}
//	fmt.Println(r.StatusCode, r.Header.Get("Content-Type"))
//	fmt.Println(r.Text())
//
// When a call returns, the body has been read in full: there is nothing to
// close, [Response.Text] cannot fail, and a truncated body has already been
// returned as an error. A status of 400 or above is no error by itself; see [RaiseForStatus].
// [As] checks the status and decodes the JSON in one step:
//
//	user, err := requests.As[User](requests.Get(ctx, url, requests.BearerAuth(token)))
//
// # Options
//
// What a call needs beside its URL is a value of a type of its own: [Params],
// [PathParams], [Headers], [Cookies], [Timeout], [Retry], [Proxies], [TLS], an [Auth], a [Body]
// made by [JSON], [Text], [Bytes], [Reader] or [Writer], a [Form], [Files], and the others
// that are an [Option].
// Given to [NewSession] a value is a default; given to a call it overrides the
// default for that call. Order matters only between options of the
// same type.
//
//	requests.Post(ctx, url, requests.JSON(order))
//	requests.Post(ctx, url, requests.Form{"key": "value", "tag": []string{"a", "b"}})
//	requests.Post(ctx, url, requests.Form{"kind": "avatar"}, requests.Files{{Field: "image", Path: "foo.png"}})
//	requests.Put(ctx, url, requests.Reader(file)) // streamed, as Files are
//
// A call fails with [ErrInvalidOption] before anything is sent if an option
// cannot be used, such as a second body or a value that cannot be encoded.
//
// # Sessions
//
// The package functions share connections and nothing else. A [Session] also
// keeps defaults and cookies, and says by which [Adapter] a URL is reached:
//
//	s := requests.NewSession(
//		requests.BaseURL("https://api.example.com/v1/"),
//		requests.Headers{"X-Client": "billing/1.4"},
//		requests.BearerAuth(token),
//		requests.Timeout{Total: 20 * time.Second},
//		requests.RaiseForStatus(true))
//	defer s.Close()
//	orders, err := requests.As[[]Order](s.Get(ctx, "orders", requests.Params{"open": true}))
//
// Make one session for each service and keep it: its connections are used again.
// [Session.With] derives a session with other defaults that shares connections,
// cookies and mounts; the first one is not changed. Nil as the value of a
// header or a parameter takes the session's away for one call.
//
// [Session.Mount] puts an adapter in charge of the URLs with a prefix: an
// [HTTPAdapter] with settings of its own, [RoundTripper] adapts any [http.RoundTripper], [Handler] lets an
// [http.Handler] answer without a network, for tests. [Session.Client] goes the
// other way: it hands the session to code that wants an [http.Client].
//
// # Concurrency
//
// A session is configured first, by its options, its fields and Mount, and
// then used by any number of goroutines. A [Response] and a [PreparedRequest]
// are for one goroutine at a time.
//
// # Streaming
//
// With Stream(true) a call returns when the headers are there. The body is
// read from Body or by an iterator, and the response must be closed:
//
//	r, err := s.Get(ctx, "events", requests.Stream(true))
//	if err != nil {
//		return err
//	}
//	defer r.Close()
//	for line, err := range r.IterLines() {
//		if err != nil {
//			return err
//		}
//		fmt.Println(line)
//	}
//
// Every way of reading reports a body that was cut short, cannot be decoded or
// exceeds [MaxBody], and reports it again when asked again. A loop with one
// variable does not see what comes last; [Response.Err] has it. Content codings
// are undone (gzip, deflate, br and zstd, also stacked), within bounds: a small
// body that decodes into a huge one is [ErrBodyTooLarge].
//
// [IterJSON] decodes JSON lines, [Response.Events] server-sent events, and
// [Session.Events] connects again when a feed breaks off. [Session.Pages] follows
// the next links of a list. [Response.SaveFile] makes a file that is complete or
// not there, and [Session.Download] goes on where a transfer has broken off.
// [OnProgress] is told how far a body has come.
//
// # Hooks
//
// [OnRequest], [OnResponse], [OnRedirect], [OnRetry] and [OnInformational] are
// options like any other: functions that are called on the way of a call, with
// its context, and whose error ends it. What a hook may change, its documentation
// says. [Trace]
// has the times of a call taken for [Response.Timings], [HTTPAdapter.Stats]
// counts connections, and [PreparedRequest.Curl] writes a request as a curl
// command.
//
// # Timeouts
//
// No call waits for ever. Unless a [Timeout] says otherwise, connecting may
// take 10 seconds and the server may be silent for 30 seconds at a time, before
// the headers and between two pieces of the body. There is no limit on the
// whole, as a download may take its time; Total sets one. The deadline of the
// context holds beside these. A consumer that is slow to read a streamed body
// is not a timeout: the clock runs only while a read waits.
//
// # Proxies
//
// HTTP, HTTPS and SOCKS proxies are given by [Proxies], or by the variables
// http_proxy, https_proxy, all_proxy and no_proxy, which count where the program
// says nothing. So do REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and the netrc file;
// TrustEnv(false) shuts all of these out. A proxy that cannot be used is an
// error: nothing is sent directly instead.
//
// # Retries
//
// Nothing is tried again unless a [Retry] says so, given to a call, a session or
// an HTTPAdapter. Then only requests that may be repeated are, which are those of
// the idempotent methods and those with an Idempotency-Key, and only as long as
// nothing of a response has been handed out. What Retry-After says is obeyed up
// to five minutes.
//
// # Errors
//
// A call returns an [*Error], which says at what step it failed and with what
// URL. Its cause is one of the kinds below; [errors.Is] follows the tree
// upwards, and also finds what lies beneath, such as an
// [x509.UnknownAuthorityError] or the cause with which the context was cancelled.
//
//	ErrRequest               each error of this package, and so all of these
//	ErrInvalidURL            a URL that cannot be requested
//	├── ErrMissingScheme     example.com, localhost:8080
//	└── ErrInvalidScheme     no adapter is mounted for it
//	ErrInvalidHeader         a name or a value that may not be sent
//	ErrInvalidOption         two bodies, a value that cannot be encoded
//	ErrInvalidProxy          the URL of a proxy that cannot be used
//	ErrConnection            no connection, or it broke
//	├── ErrDNS               the name was not resolved
//	├── ErrAddress           the adapter's Allow has refused it
//	├── ErrConnectTimeout    Timeout.Connect ran out; an ErrTimeout too
//	├── ErrProxy             the proxy failed, or refused: then a ProxyError too
//	├── ErrTLS               the handshake or the certificate
//	└── ErrConnectionLost    it ended before the headers were complete
//	ErrAdapter               what an Adapter or RoundTripper of your own gave
//	ErrTimeout               time ran out, by a limit or the context's deadline
//	├── ErrConnectTimeout    Timeout.Connect; an ErrConnection too
//	├── ErrReadTimeout       Timeout.Read: the server was silent
//	└── ErrTotalTimeout      Timeout.Total
//	ErrProtocol              what came is not HTTP
//	ErrIncompleteBody        the body was cut short
//	ErrContentDecoding       the body is not what its Content-Encoding says
//	ErrBodyTooLarge          above MaxBody, or a decompression bomb
//	ErrChecksum              the file is not the one that a Checksum names
//	ErrInvalidJSON           not one JSON value, or not of the wanted type
//	ErrTooManyRedirects      more than MaxRedirects; also a RedirectError
//	ErrBodyNotReplayable     the body had to be sent again and cannot be
//	ErrRetriesExhausted      the last attempt failed as well; also a RetryError
//	ErrStreamConsumed        the streamed body was read before
//	ErrAuthentication        credentials cannot be had, or are not taken
//	ErrCookieConflict        several cookies of the name
//	ErrClosed                the session, the adapter or the response is closed
//
// A cancelled call matches [context.Canceled] and none of these but ErrRequest. An
// [*HTTPError] comes from RaiseForStatus alone, has the response, and is
// ErrRequest and no other of these. What a hook returns as an error is returned as
// it is.
//
//	switch {
//	case errors.Is(err, requests.ErrConnectTimeout): // an ErrTimeout and an ErrConnection too
//	case errors.Is(err, context.Canceled):
//	}
//	if e, ok := errors.AsType[*requests.HTTPError](err); ok {
//		fmt.Println(e.Response.Text())
//	}
//
// No error shows a password, a token or a cookie that the library was given as
// such, and what a server wrote is shortened and made printable.
//
// # Redirects and credentials
//
// A request carries the credentials of its call; else those of its session;
// else those in its URL; else those that netrc has for its host, unless
// TrustEnv(false) is given. An Authorization field among the [Headers] of the
// call counts as its credentials. [NoAuth] means none of these.
//
// Redirects are followed up to 30 times, by HEAD only if asked; History has the
// way that led to a response. 301 and 302 turn a POST into a GET, 303 turns all
// but HEAD into a GET, and otherwise method and body stay as they are: a body
// that cannot be sent twice is [ErrBodyNotReplayable] and never an empty one.
//
// Credentials are bound to an origin, which is a scheme, a host and a port. A
// redirect to another origin loses the Auth of the call or session, the fields
// Authorization, Proxy-Authorization and Cookie, the [Cookies] of the call, and
// fields that look like secrets by their name, as X-Api-Key does. They are
// not taken up again if the chain comes back. The one step on which they stay
// is that from http to https on the same host and the default ports. Cookies of
// the jar go where the rules for cookies send them, and netrc may have
// credentials for the new host. The URL in a Location brings none.
//
// # Specifications
//
// HTTP is RFC 9110 with RFC 9112 (HTTP/1.1) and RFC 9113 (HTTP/2, chosen by
// ALPN), as net/http's Transport speaks them. Header fields go out in the order
// that Transport gives them. URLs are those of RFC 3986, with what may not
// stand in them escaped, and with hosts in the ASCII form of UTS 46. Parameters
// and forms are encoded as application/x-www-form-urlencoded of the URL
// Standard, but for "~", which stays, and "*", which does not. Redirects follow
// the Fetch Standard, origins RFC 6454, cookies RFC 6265bis, Basic
// authentication RFC 7617 in UTF-8, Bearer RFC 6750, Digest RFC 7616, multipart
// bodies RFC 7578 with names escaped as the HTML Standard has it, JSON RFC 8259,
// links RFC 8288, file names RFC 6266 and events the HTML Standard. Content
// codings are RFC 1950 to 1952 (deflate with and without its wrapper, gzip),
// RFC 7932 (br) and RFC 8878 (zstd). SOCKS5 is RFC 1928 with RFC 1929.
//
// # Differences from Requests
//
// For the same call the server sees what Python's Requests sends, but for the
// order of the fields and what is listed here. The left of each line is
// Requests.
//
//   - No timeout: 10 seconds to connect, 30 seconds of silence.
//   - A session is for one thread: for many goroutines, once it is configured.
//   - A call without a session opens a connection: these share a pool. As in
//     Requests they keep no cookies.
//   - HTTP/1.1: HTTP/2 too.
//   - Credentials go when the host changes: when the origin does, and all of
//     them, and for the rest of the chain.
//   - 301 with PUT or PATCH loses the body, 302 turns every method into GET:
//     only POST becomes a GET, as in browsers.
//   - A Cookie field given by hand goes at the first redirect: it stays within
//     its origin.
//   - A generator, and a file in a second call, is sent again and empty: what
//     can seek is sent from where it stood first, the rest is
//     ErrBodyNotReplayable.
//   - A multipart body is built in memory: it is streamed, with its length.
//   - netrc and the auth of the session replace an Authorization field that the
//     call sets, proxies of the environment those of the session, and a CA bundle
//     of the environment verify=False: what the program says wins, and the call
//     before the session.
//   - HTTPProxyAuth gives the server the password for the proxy where no proxy
//     takes it off: ProxyAuth is for the proxy alone. A Proxy-Authorization by hand
//     goes to the server where there is no proxy, and through a tunnel: to the
//     proxy alone, and without one that of a call is refused.
//   - Once challenged, HTTPDigestAuth answers every URL of its thread from the
//     start: every URL of the space that the challenge was for, on all goroutines.
//   - A colon in the user name of Basic goes out: it is refused (RFC 7617).
//   - Retry-After is obeyed for up to six hours, and junk in it is an error: for up
//     to MaxRetryAfter, and junk is ignored.
//   - The last response is lost when retries run out: RetryError has it.
//   - Retry tries names again that do not exist, and no body that was cut short:
//     the other way round.
//   - Statuses of 600 and above are OK: they count as errors of the server
//     (RFC 9110, section 15).
//   - Cookies go by the rules of Netscape: by RFC 6265bis, with public suffixes.
//     A Secure cookie that came over http is not kept, and not among those of the
//     response; a cookie without "=" is a value and no name.
//   - A cookie without a domain goes everywhere: to hosts that the program
//     names, never to one that only a redirect names.
//   - Text without a charset is ISO-8859-1: it is what a byte order mark or a
//     declaration in HTML or XML says, else UTF-8 if it is valid as that, else
//     what it looks like.
//   - A byte order mark is part of the text, and ISO-8859-1 is Latin-1: the mark
//     is not, and it is windows-1252, as in browsers.
//   - Of two charsets in a Content-Type the last counts: the first, and none that
//     has a space before its "=".
//   - iter_content(n) of a body that ends with its connection waits for n bytes:
//     chunks come as they arrive, of at most n bytes, wherever the length is not
//     known.
//   - Leaving a loop over iter_content leaves the response open: it is closed.
//   - gzip and deflate: br and zstd as well, stacked, and guarded against bombs.
//   - A truncated gzip body passes, and a second read after an error is empty:
//     both are errors, each time.
//   - iter_lines makes two line ends of a CRLF that two chunks share: it is one.
//   - http://localhost as a mount also matches http://localhost.example.com: a
//     prefix ends where a part of the URL does.
//   - params as a list replace the session's: they are always merged.
//   - Keys of queries and forms, and cookies, go out in the order given: sorted.
//     Several Params, Form or RawQuery give any order.
//   - json has spaces, escapes what is not ASCII, and keeps the order of keys: it
//     is compact, in UTF-8, with sorted keys.
//   - json beside data or files is ignored: it is an error.
//   - A Content-Length given by hand is ignored, and a form field may have no
//     name: both are refused.
//   - Connection: keep-alive is sent: it is not, as HTTP/1.1 means it.
//   - Control characters in a URL are escaped, and sent in a field: they are
//     refused.
//   - Of several "@" before the host the last ends the userinfo: they are refused,
//     since parsers disagree. The URL Standard takes the last, RFC 3986 allows
//     one; write %40.
//   - http://printer.2/ and http://127.1/ are left to the resolver: a host that ends
//     in a number must be an IPv4 address in full, as in the URL Standard, but for
//     its short forms.
//   - no_proxy among the proxies exempts from those of the environment alone: from
//     all of them. A key that is a slip, such as "HTTP", is ignored: it is
//     ErrInvalidProxy.
//   - "*.example.com" and "192.0.2.1:8080" in no_proxy match nothing: what lies
//     below, and that port.
//   - params are lost where the scheme is not http: they are added.
//   - Of two rel of a link the last counts, and "next prefetch" is one: the first,
//     and these are two (RFC 8288).
//   - An empty file or form is chunked: it has Content-Length: 0.
//   - True is sent as True: as true.
//   - Basic credentials are Latin-1: UTF-8.
//   - One bad "%" escapes every "%" of its part again: only that one.
//   - localhost:8080 has the scheme localhost: it is ErrMissingScheme.
//   - user:password@ stays in the URL and in errors: it leaves the URL when the
//     request is prepared, and is shown nowhere.
package requests

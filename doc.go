// Package requests is an HTTP client with the interface of Python's Requests.
//
//	orders, err := requests.As[[]Order](requests.Get(ctx, "https://api.example.com/orders",
//		requests.Params{"status": "open", "limit": 2},
//		requests.BasicAuth("ann", "secret")))
//
// The call sends the request, follows redirects, reads and decodes the body.
// [As] checks the status and decodes the JSON. Without it the call gives a
// [Response]:
//
//	r, err := requests.Get(ctx, "https://api.example.com/orders")
//	if err != nil {
//		return err
//	}
//	fmt.Println(r.StatusCode, r.Header.Get("Content-Type"))
//	fmt.Println(r.Text())
//
// When a call returns, the body has been read in full: there is nothing to
// close, [Response.Text] cannot fail, and a truncated body has already been
// returned as an error. A status of 400 or above is not an error by itself: ask
// [Response.RaiseForStatus], or give the option [RaiseForStatus].
//
// # Options
//
// Everything else a call takes is an [Option], each its own type, in any order.
// Order matters only between options of the same type.
//
//	requests.Post(ctx, url, requests.JSON(order))
//	requests.Post(ctx, url, requests.Form{"key": "value", "tag": []string{"a", "b"}})
//	requests.Post(ctx, url, requests.Form{"kind": "avatar"}, requests.Files{{Field: "image", Path: "foo.png"}})
//	requests.Put(ctx, url, requests.Reader(file)) // streamed, as Files are
//
// Given to [NewSession], an option is the default of all calls of the session.
// What one call gives meets the default, and what stands before it in the same
// call, in one of four ways:
//
//	Params, PathParams, Headers, Cookies   add up by name; the later value of a name wins,
//	                                       and nil removes a parameter or a field
//	Form, Files                            add up into one body; only a call has them
//	Timeout, Proxies, TLS                  the later value wins, field by field, key by key
//	OnRequest and the other hooks          add up within a session and within a call;
//	                                       a call's OnRequest replaces those of its session
//	all others                             the later one wins
//
// An option that cannot be used, such as a second body or a value that cannot be
// encoded, is [ErrInvalidOption] before anything is sent.
//
// # Sessions
//
// The package functions share connections and nothing else. A [Session] also
// keeps defaults and cookies:
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
// Make one session for each service and keep it, so that its connections are
// reused. [Session.With] derives a session that shares connections, cookies and
// mounts, and leaves the first one as it was:
//
//	tenant := s.With(requests.Headers{"X-Tenant": id})
//	r, err := tenant.Get(ctx, "orders", requests.Headers{"X-Client": nil}) // without that field, this once
//
// Configure a session first: by options, fields and Mount. From then on any
// number of goroutines may use it. A [Response] and a [PreparedRequest] are for
// one goroutine at a time. [Session.Many] sends many requests at once:
//
//	for r := range s.Many(ctx, requests.URLs(urls...), requests.Concurrency{Limit: 8}) {
//		fmt.Println(r.Index, r.Response, r.Err)
//	}
//
// # Adapters
//
// An [Adapter] that is mounted on a prefix sends the requests whose URL begins
// with it. [HTTPAdapter] is the one that uses the network. [RoundTripper] makes an
// adapter of any [http.RoundTripper], and [Handler] lets an [http.Handler] answer
// without a network:
//
//	s.Mount("https://api.example.com/", &requests.HTTPAdapter{Retry: retry, PoolMaxSize: 100})
//	s.Mount("https://", requests.RoundTripper(traced))
//	s.Mount("https://api.test/", requests.Handler(mux))
//
// # With other libraries
//
// Give an SDK the session as an [http.Client]. It then has the session's proxies,
// TLS, retries and credentials:
//
//	s := requests.NewSession(
//		requests.BaseURL("https://api.example.com/"), // where the credentials may go
//		requests.BearerAuth(token),
//		requests.Retry{Total: 3})
//	client := s.Client() // for the field or the option of the SDK that takes a client
//
// What the SDK sends goes out as it is, and what it gets is what [http.Transport]
// would give it, so that signatures and checksums hold. Redirects, cookies and the
// timeout are the client's. [Session.Client] lists what the session adds, and to
// which hosts. A dialer of WebSocket takes the same client. A reverse proxy takes
// its Transport alone, which keeps no cookies:
//
//	proxy := &httputil.ReverseProxy{Transport: s.Client().Transport, Rewrite: rewrite}
//
// Middleware that goes around a RoundTripper goes around each attempt of an
// adapter. What a call asks for holds below it, and retries, redirects and cookies
// stay above it:
//
//	s.Mount("https://", &requests.HTTPAdapter{
//		Wrap: func(rt http.RoundTripper) http.RoundTripper { return otelhttp.NewTransport(rt) },
//	})
//
// What sends by itself, as a recorder or HTTP/3, takes the place of the
// connections; Retry works over it as well:
//
//	s.Mount("https://", requests.RoundTripper(&http3.Transport{}))
//
// An [HTTPAdapter] is an [http.RoundTripper] for code that wants no session:
//
//	client := &http.Client{Transport: &requests.HTTPAdapter{Retry: requests.Retry{Total: 3}}}
//
// A program that fetches URLs for others keeps them from its own network with
// HTTPAdapter{Allow: [PublicOnly]}, mounted for both http and https.
//
// # Streaming
//
// With Stream(true) a call returns as soon as the headers are there. Read the
// body from Body or by an iterator, and close the response:
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
// variable does not see that error: ask [Response.Err] after the loop.
//
// Content codings are undone: gzip, deflate, br and zstd, also stacked. A small
// body that decodes into a huge one is [ErrBodyTooLarge].
//
// [IterJSON] decodes JSON Lines, and [Response.Events] server-sent events.
// [Session.Events] reconnects when a feed breaks off, and [Session.Pages] follows
// the next links of a list. [Response.SaveFile] makes a file that is complete or
// not there, and [Session.Download] resumes a transfer that has broken off.
//
//	for ev, err := range s.Events(ctx, "https://api.example.com/prices") { … }
//	for page, err := range s.Pages(ctx, "https://api.example.com/orders") { … }
//	n, err := s.Download(ctx, "https://example.com/dump.tar.gz", "dump.tar.gz")
//
// # Hooks
//
// [OnRequest], [OnResponse], [OnRedirect], [OnRetry], [OnInformational] and
// [OnProgress] are options that are functions. Each is called at its place in a
// call, and all but OnProgress get the context of the call and may end it with
// an error:
//
//	s := requests.NewSession(requests.OnRequest(func(ctx context.Context, p *requests.PreparedRequest) error {
//		p.Header.Set("X-Request-Id", idFrom(ctx))
//		return nil
//	}))
//
// A call that brings an OnRequest runs it in place of the session's, and so for
// each kind. A hook that every call needs whatever it brings belongs into an
// adapter.
//
// To see what happens, [Trace] takes the times for [Response.Timings],
// [HTTPAdapter.Stats] counts connections, [PreparedRequest.Curl] writes a request
// as a curl command, [Dump] shows what goes over the wire, and [Logger] is told of
// each call. None of them shows a secret.
//
// # Timeouts
//
// No call waits for ever. Unless a [Timeout] says otherwise, connecting may take
// 10 seconds, and the server may be silent for 30 seconds at a time: before the
// headers, and between two pieces of the body. Nothing limits the whole call, as
// a download may take its time, unless Total does.
//
//	requests.Get(ctx, url, requests.Timeout{Connect: 3 * time.Second, Read: 27 * time.Second, Total: time.Minute})
//
// The deadline of the context holds as well. A program that is slow to read a
// streamed body does not run into a timeout: the clock runs only while a read
// waits.
//
// # Proxies
//
// HTTP, HTTPS and SOCKS proxies are given by [Proxies]:
//
//	requests.NewSession(requests.Proxies{"all": "socks5h://127.0.0.1:1080", "no_proxy": "localhost"})
//
// Where the program says nothing, the variables http_proxy, https_proxy,
// all_proxy and no_proxy count, and so do REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and
// the netrc file. TrustEnv(false) ignores all of these. A proxy that cannot be
// used is an error: the request is never sent directly instead.
//
// # Retries
//
// Nothing is retried unless a [Retry] says so, given to a call, a session or an
// HTTPAdapter:
//
//	requests.Get(ctx, url, requests.Retry{Total: 4, StatusCodes: []int{502, 503, 504}, Backoff: 200 * time.Millisecond})
//
// Only requests that may be repeated are retried, which are those of idempotent
// methods and those with an Idempotency-Key; a POST that is answered with 503 is a
// response like any other. StatusCodes needs a Total or Status above zero beside
// it. The waits are 0, 2, 4, 8… times Backoff; Retry-After and the fields of rate
// limits are obeyed up to five minutes. When all retries have failed, the call gets
// a [*RetryError] that has every attempt and the last response; under
// [RaiseForStatus] it is an [*HTTPError], too. RetryBudget of an [HTTPAdapter] bounds
// the retries of all calls together.
//
// # Errors
//
// A call returns an [*Error], which says at what step it failed and with what
// URL. Its cause is one of the kinds below. [errors.Is] follows the tree upwards,
// and also finds what lies beneath, such as an [x509.UnknownAuthorityError] or the
// cause with which the context was cancelled.
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
// A cancelled call matches [context.Canceled] and none of these but ErrRequest.
// An [*HTTPError] comes from RaiseForStatus alone, has the response, and matches
// ErrRequest alone. What a hook returns as an error is returned as it is.
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
// such. What a server wrote is shortened and made printable.
//
// # Redirects and credentials
//
// A request carries the credentials of its call; else those of its session;
// else those in its URL; else those that netrc has for its host. An
// Authorization field among the [Headers] of the call counts as its credentials.
// [NoAuth] sends none of these, and TrustEnv(false) leaves netrc out.
//
// Up to 30 redirects are followed, those of a HEAD only if asked, and
// [Response].History has the way. 301 and 302 turn a POST into a GET, and 303
// turns all but HEAD into a GET. Otherwise method and body stay as they are: a
// body that cannot be sent twice is [ErrBodyNotReplayable], never an empty one.
//
//	r, err := requests.Get(ctx, url, requests.AllowRedirects(false)) // the redirect itself
//	next, err := r.Next()                                            // the request that would follow
//
// Credentials are bound to an origin: a scheme, a host and a port. A redirect to
// another origin loses the Auth of the call or session, the fields Authorization,
// Proxy-Authorization and Cookie, the [Cookies] of the call, and fields whose
// names look like secrets, such as X-Api-Key. They do not come back if the chain
// does. They stay on one kind of step: from http to https on the same host and
// the default ports. Cookies of the jar go where the rules for cookies send them,
// and netrc may have credentials for the new host. The URL in a Location brings
// none.
//
// # Specifications
//
//	messages         RFC 9110, RFC 9112 (HTTP/1.1), RFC 9113 (HTTP/2, chosen by ALPN)
//	URLs             RFC 3986; hosts in the ASCII form of UTS 46
//	queries, forms   the URL Standard, but "~" stays and "*" is escaped
//	templates        RFC 6570, levels 1 and 2
//	redirects        the Fetch Standard; origins RFC 6454
//	cookies          RFC 6265bis
//	authentication   Basic RFC 7617 in UTF-8, Bearer RFC 6750, Digest RFC 7616
//	bodies           multipart RFC 7578, names escaped as in the HTML Standard; JSON RFC 8259
//	codings          gzip and deflate RFC 1950 to 1952, br RFC 7932, zstd RFC 8878
//	fields           links RFC 8288, file names RFC 6266
//	events           the HTML Standard
//	SOCKS5           RFC 1928, RFC 1929
//
// # Differences from Requests
//
// For the same call a server sees what Python's Requests would send it, but for
// the order of the fields and what [differences.md] lists, each with its reason.
// Those you meet first: there are timeouts by default; credentials stay within
// their origin; what the program says wins over the environment; text without a
// charset is not ISO-8859-1; data is never lost without an error.
//
// [differences.md]: https://github.com/go-requests/requests/blob/main/docs/differences.md
package requests

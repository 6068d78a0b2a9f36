package requests

import (
	"context"
	"net/http"
	"slices"
)

// The package functions are for scripts: each call stands alone. They share
// one pool of connections, and keep no cookies from one call to the next.

// shared is the session behind the package functions. It is never changed, and
// has no jar: a call that meets a Set-Cookie on its way makes one for itself.
var shared = &Session{isolated: true}

// Do sends a request of any method. See [Get].
func Do(ctx context.Context, method, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, method, url, opts...)
}

// Get sends a GET request and returns the response with its body read. A status of
// 400 or above is not an error, unless [RaiseForStatus] is given. Errors are
// [*Error] values, whose kinds the package documentation lists.
func Get(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodGet, url, opts...)
}

// Head sends a HEAD request. It follows redirects only if AllowRedirects(true) is
// given.
func Head(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Head(ctx, url, opts...)
}

// Options sends an OPTIONS request.
func Options(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodOptions, url, opts...)
}

// Post sends a POST request, with the body that a [JSON], [Form], [Files],
// [Bytes], [Text], [Reader] or [Writer] among the options gives it.
func Post(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodPost, url, opts...)
}

// Put sends a PUT request. See [Post].
func Put(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodPut, url, opts...)
}

// Patch sends a PATCH request. See [Post].
func Patch(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodPatch, url, opts...)
}

// Delete sends a DELETE request.
func Delete(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return shared.Do(ctx, http.MethodDelete, url, opts...)
}

// CloseIdleConnections closes the connections that the package functions share and
// that no request uses now: before a program goes to sleep, or a test looks for
// goroutines that are left.
func CloseIdleConnections() { shared.CloseIdleConnections() }

// Get sends a GET request.
func (s *Session) Get(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodGet, url, opts...)
}

// Head sends a HEAD request. It follows redirects only if AllowRedirects(true) is
// given.
func (s *Session) Head(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodHead, url, slices.Concat([]Option{AllowRedirects(false)}, opts)...)
}

// Options sends an OPTIONS request.
func (s *Session) Options(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodOptions, url, opts...)
}

// Post sends a POST request.
func (s *Session) Post(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodPost, url, opts...)
}

// Put sends a PUT request.
func (s *Session) Put(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodPut, url, opts...)
}

// Patch sends a PATCH request.
func (s *Session) Patch(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodPatch, url, opts...)
}

// Delete sends a DELETE request.
func (s *Session) Delete(ctx context.Context, url string, opts ...Option) (*Response, error) {
	return s.Do(ctx, http.MethodDelete, url, opts...)
}

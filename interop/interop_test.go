// Package interop tests the library with other libraries for net/http. It is a module
// of its own, so that nobody else depends on them.
package interop

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-requests/requests"
	"github.com/jarcoal/httpmock"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"gopkg.in/dnaeon/go-vcr.v4/pkg/recorder"
)

// session returns a session that sends through rt.
func session(t *testing.T, rt http.RoundTripper) *requests.Session {
	s := requests.NewSession()
	s.Mount("http://", requests.RoundTripper(rt))
	t.Cleanup(func() { s.Close() })
	return s
}

func TestOtelHTTP(t *testing.T) {
	var traceparent []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		traceparent = append(traceparent, r.Header.Get("Traceparent"))
		if r.URL.Path == "/from" {
			http.Redirect(w, r, "/to", http.StatusFound)
			return
		}
		io.WriteString(w, "ok")
	}))
	defer srv.Close()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	base := http.DefaultTransport.(*http.Transport).Clone()
	defer base.CloseIdleConnections()
	s := session(t, otelhttp.NewTransport(base, otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(propagation.TraceContext{})))

	ctx, parent := provider.Tracer("test").Start(context.Background(), "parent")
	r, err := s.Get(ctx, srv.URL+"/from")
	parent.End()
	if err != nil || r.Text() != "ok" {
		t.Fatal(r, err)
	}
	ended := spans.Ended()
	if len(ended) != 3 {
		t.Fatalf("%d spans; want the parent and one for each request", len(ended))
	}
	id := parent.SpanContext().TraceID()
	for i, span := range ended[:2] {
		if span.SpanKind() != trace.SpanKindClient || span.Parent().TraceID() != id {
			t.Errorf("span %d is %v of the trace %v; want a client's of %v", i, span.SpanKind(), span.Parent().TraceID(), id)
		}
		if traceparent[i] == "" {
			t.Errorf("request %d carried no Traceparent", i)
		}
	}
}

func TestVCR(t *testing.T) {
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"got": "`+string(body)+`"}`)
	}))
	defer srv.Close()
	cassette := filepath.Join(t.TempDir(), "cassette")
	for _, mode := range []recorder.Mode{recorder.ModeRecordOnly, recorder.ModeReplayOnly} {
		base := http.DefaultTransport.(*http.Transport).Clone()
		rec, err := recorder.New(cassette, recorder.WithMode(mode), recorder.WithRealTransport(base))
		if err != nil {
			t.Fatal(err)
		}
		type answer struct{ Got string }
		got, err := requests.As[answer](session(t, rec).Post(t.Context(), srv.URL+"/x", requests.Text("hello")))
		if err != nil || got.Got != "hello" {
			t.Errorf("got %+v, %v; want hello", got, err)
		}
		if err := rec.Stop(); err != nil {
			t.Fatal(err)
		}
		base.CloseIdleConnections()
	}
	if calls != 1 {
		t.Errorf("the server saw %d requests; want the recorded one", calls)
	}
}

func TestHTTPMock(t *testing.T) {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", "http://api.test/users/7", httpmock.NewJsonResponderOrPanic(200, map[string]string{"name": "ann"}))
	mock.RegisterResponder("GET", "http://api.test/sick", httpmock.NewStringResponder(503, "busy").Then(httpmock.NewStringResponder(200, "ok")))
	broken := errors.New("broken")
	mock.RegisterResponder("GET", "http://api.test/broken", httpmock.NewErrorResponder(broken))
	s := session(t, mock)

	type user struct{ Name string }
	if u, err := requests.As[user](s.Get(t.Context(), "http://api.test/users/7")); err != nil || u.Name != "ann" {
		t.Errorf("got %+v, %v; want ann", u, err)
	}
	r, err := s.Get(t.Context(), "http://api.test/sick", requests.Retry{Total: 1, StatusCodes: []int{503}})
	if err != nil || r.Text() != "ok" {
		t.Errorf("got %v, %v; want ok after a retry", r, err)
	}
	if _, err := s.Get(t.Context(), "http://api.test/broken"); !errors.Is(err, broken) {
		t.Errorf("error %v; want that of the mock", err)
	}
	if _, err := s.Get(t.Context(), "http://api.test/unknown"); err == nil {
		t.Error("a request without a responder was answered")
	}
}

// slow answers long after the Read limit has run out.
type slow struct{}

func (slow) RoundTrip(hr *http.Request) (*http.Response, error) {
	select {
	case <-time.After(10 * time.Second):
		return httpmock.NewStringResponse(200, "late"), nil
	case <-hr.Context().Done():
		return nil, hr.Context().Err()
	}
}

func TestTimeoutOfARoundTripper(t *testing.T) {
	_, err := session(t, slow{}).Get(t.Context(), "http://h.test/", requests.Timeout{Read: 20 * time.Millisecond})
	if !errors.Is(err, requests.ErrReadTimeout) {
		t.Errorf("error %v; want ErrReadTimeout", err)
	}
}

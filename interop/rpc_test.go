package interop

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/go-requests/requests"
)

type text = wrapperspb.StringValue

// echo is a service with one procedure of each kind.
func echo() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/echo/unary", connect.NewUnaryHandler("/echo/unary", func(_ context.Context, r *connect.Request[text]) (*connect.Response[text], error) {
		if r.Msg.Value == "" {
			return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("no text"))
		}
		res := connect.NewResponse(wrapperspb.String(r.Msg.Value))
		res.Trailer().Set("Length", r.Header().Get("X-Test"))
		return res, nil
	}))
	mux.Handle("/echo/client", connect.NewClientStreamHandler("/echo/client", func(_ context.Context, s *connect.ClientStream[text]) (*connect.Response[text], error) {
		var all []string
		for s.Receive() {
			all = append(all, s.Msg().Value)
		}
		return connect.NewResponse(wrapperspb.String(strings.Join(all, " "))), s.Err()
	}))
	mux.Handle("/echo/server", connect.NewServerStreamHandler("/echo/server", func(_ context.Context, r *connect.Request[text], s *connect.ServerStream[text]) error {
		for word := range strings.FieldsSeq(r.Msg.Value) {
			if err := s.Send(wrapperspb.String(word)); err != nil {
				return err
			}
		}
		return nil
	}))
	mux.Handle("/echo/bidi", connect.NewBidiStreamHandler("/echo/bidi", func(_ context.Context, s *connect.BidiStream[text, text]) error {
		for {
			m, err := s.Receive()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := s.Send(wrapperspb.String("got " + m.Value)); err != nil {
				return err
			}
		}
	}))
	return mux
}

// TestConnect calls each kind of procedure with each of the three protocols of
// connect-go, over HTTP/2 with TLS and without.
func TestConnect(t *testing.T) {
	for _, carrier := range []string{"https", "h2c"} {
		t.Run(carrier, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(echo())
			srv.EnableHTTP2 = true
			srv.Config.Protocols = new(http.Protocols)
			srv.Config.Protocols.SetHTTP1(true)
			srv.Config.Protocols.SetHTTP2(true)
			srv.Config.Protocols.SetUnencryptedHTTP2(true)
			s := requests.NewSession()
			defer s.Close()
			if carrier == "h2c" {
				srv.Start()
				s.Mount("http://", &requests.HTTPAdapter{UnencryptedHTTP2: true})
			} else {
				srv.StartTLS()
				s.TLS = requests.TLS{Config: trusting(srv)}
			}
			defer srv.Close()
			for name, protocol := range map[string]connect.ClientOption{
				"connect": connect.WithProtoJSON(), "gRPC": connect.WithGRPC(), "gRPC-Web": connect.WithGRPCWeb(),
			} {
				t.Run(name, func(t *testing.T) { callEach(t, s.Client(), srv.URL, protocol) })
			}
		})
	}
}

func callEach(t *testing.T, c *http.Client, url string, protocol connect.ClientOption) {
	ctx := context.Background()
	unary := connect.NewClient[text, text](c, url+"/echo/unary", protocol)
	req := connect.NewRequest(wrapperspb.String("hello"))
	req.Header().Set("X-Test", "5")
	res, err := unary.CallUnary(ctx, req)
	require.NoError(t, err)
	require.Equal(t, "hello", res.Msg.Value)
	require.Equal(t, "5", res.Trailer().Get("Length"))
	_, err = unary.CallUnary(ctx, connect.NewRequest(wrapperspb.String("")))
	require.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err), "%v", err)

	up := connect.NewClient[text, text](c, url+"/echo/client", protocol).CallClientStream(ctx)
	for _, word := range []string{"one", "two", "three"} {
		require.NoError(t, up.Send(wrapperspb.String(word)))
	}
	res, err = up.CloseAndReceive()
	require.NoError(t, err)
	require.Equal(t, "one two three", res.Msg.Value)

	down, err := connect.NewClient[text, text](c, url+"/echo/server", protocol).CallServerStream(ctx, connect.NewRequest(wrapperspb.String("a b c")))
	require.NoError(t, err)
	var words []string
	for down.Receive() {
		words = append(words, down.Msg().Value)
	}
	require.NoError(t, down.Err())
	require.NoError(t, down.Close())
	require.Equal(t, []string{"a", "b", "c"}, words)

	// Each message is sent after the answer to the one before has arrived.
	both := connect.NewClient[text, text](c, url+"/echo/bidi", protocol).CallBidiStream(ctx)
	for _, word := range []string{"one", "two", "three"} {
		require.NoError(t, both.Send(wrapperspb.String(word)))
		m, err := both.Receive()
		require.NoError(t, err)
		require.Equal(t, "got "+word, m.Value)
	}
	require.NoError(t, both.CloseRequest())
	_, err = both.Receive()
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, both.CloseResponse())
}

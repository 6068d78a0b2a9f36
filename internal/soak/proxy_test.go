package soak

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"testing"
)

var quiet = log.New(io.Discard, "", 0)

// listenProxy serves CONNECT and plain http in absolute form. Its own answers
// are marked.
func (w *ways) listenProxy(t *testing.T) string {
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true} // net/http's own mix-ups are not under test
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {}, Transport: transport, ErrorLog: quiet,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("X-Proxy", "failed")
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	var tunnels sync.WaitGroup
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		server, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.Header().Set("X-Proxy", "failed")
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		client, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			server.Close()
			return
		}
		io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		tunnels.Go(func() { join(server, client, rw) })
	}))
	srv.Config.ErrorLog = quiet
	srv.Start()
	w.close = append(w.close, func() {
		srv.Close()
		tunnels.Wait()
		transport.CloseIdleConnections()
	})
	return srv.Listener.Addr().String()
}

// join carries bytes both ways until both sides have ended.
func join(server, client net.Conn, buffered io.Reader) {
	defer server.Close()
	defer client.Close()
	var both sync.WaitGroup
	both.Go(func() { io.Copy(server, buffered); server.(*net.TCPConn).CloseWrite() })
	both.Go(func() { io.Copy(client, server); client.(*net.TCPConn).CloseWrite() })
	both.Wait()
}

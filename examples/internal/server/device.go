package server

import (
	"net/http"
	"sync"
)

// A deviceFlow is the part of an authorization server that logs in devices (RFC
// 8628). Its user enters the code before the device asks for the second time.
type deviceFlow struct {
	mu    sync.Mutex
	asked map[string]int // by device code
}

// register serves the flow at the paths of GitHub.
func (d *deviceFlow) register(mux *http.ServeMux) {
	mux.HandleFunc("POST /login/device/code", d.begin)
	mux.HandleFunc("POST /login/oauth/access_token", d.token)
	mux.HandleFunc("GET /user", user)
}

func (d *deviceFlow) begin(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked == nil {
		d.asked = make(map[string]int)
	}
	code := "device-" + r.FormValue("client_id")
	d.asked[code] = 0
	answer(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": "WDJB-MJHT", "verification_uri": "https://github.com/login/device", "expires_in": 900, "interval": 1,
	})
}

func (d *deviceFlow) token(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	code := r.FormValue("device_code")
	asked, known := d.asked[code]
	switch d.asked[code]++; {
	case !known || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:device_code":
		refuse(w, "invalid_grant")
	case r.FormValue("client_id") == "stranger":
		refuse(w, "access_denied")
	case asked == 0:
		refuse(w, "authorization_pending")
	default:
		delete(d.asked, code)
		answer(w, http.StatusOK, map[string]any{"access_token": "gho_16C7e42F292c6912E7", "token_type": "bearer", "scope": "read:user"})
	}
}

// refuse says why there is no token (RFC 6749, section 5.2).
func refuse(w http.ResponseWriter, code string) {
	answer(w, http.StatusBadRequest, map[string]string{"error": code})
}

func user(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer gho_16C7e42F292c6912E7" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer(w, http.StatusOK, map[string]string{"login": "octocat"})
}

package main

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

// opaque are the tokens of a login service that gives out no JWTs. They mean nothing
// by themselves: whoever gets one asks here (RFC 7662), and they can be withdrawn
// (RFC 7009).
type opaque struct {
	client, secret string
	mu             sync.Mutex
	tokens         map[string]grant
}

type grant struct{ subject, scope string }

// serveOpaque answers until the process ends.
func serveOpaque(addr, issuer, client, secret string) error {
	o := &opaque{client: client, secret: secret, tokens: map[string]grant{
		"ann-example-token": {"ann", "pets.read"},
		"bob-example-token": {"bob", "pets.read pets.write"},
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /introspect", o.known(func(token string, w http.ResponseWriter) {
		answer := map[string]any{"active": false}
		if g, ok := o.tokens[token]; ok {
			answer = map[string]any{
				"active": true, "iss": issuer, "aud": "pets", "sub": g.subject, "scope": g.scope, "exp": time.Now().Add(time.Hour).Unix(),
			}
		}
		w.Header().Set("Content-Type", "application/json")
		// A client that goes away is its own affair.
		_ = json.NewEncoder(w).Encode(answer)
	}))
	mux.HandleFunc("POST /revoke", o.known(func(token string, _ http.ResponseWriter) { delete(o.tokens, token) }))
	server := &http.Server{Addr: addr, Handler: mux, ReadTimeout: 10 * time.Second}
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// known answers only clients with the secret: not everybody may try out tokens.
func (o *opaque) known(answer func(token string, w http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		client, secret, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(client+":"+secret), []byte(o.client+":"+o.secret)) != 1 {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "unknown client", http.StatusUnauthorized)
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		answer(r.PostFormValue("token"), w)
	}
}

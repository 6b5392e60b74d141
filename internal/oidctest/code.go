package oidctest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// Client is an application that signs users in by the authorization code flow. All that it
// sends is checked: it has to use a proof key, and codes are good once.
type Client struct {
	ID, Secret string
	// Redirect is the only URL that users are sent back to.
	Redirect string
	// Claims are those of the user, who signs in at once; "error" refuses with that error.
	Claims map[string]any
	// Access are the claims of the access tokens; nil for tokens that say nothing.
	Access map[string]any
}

// grant is what a code was given out for.
type grant struct{ challenge, nonce string }

// Register lets a client sign in users. It replaces the one before.
func (i *Issuer) Register(c Client) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.client, i.grants = &c, map[string]grant{}
}

// serveCode answers requests of the code flow, and reports whether it was one.
func (i *Issuer) serveCode(w http.ResponseWriter, r *http.Request) bool {
	i.mu.Lock()
	client := i.client
	i.mu.Unlock()
	at := strings.TrimPrefix(r.URL.Path, i.path)
	if client == nil || at != "/authorize" && at != "/token" {
		return false
	}
	if at == "/authorize" {
		i.authorize(w, r, client)
	} else {
		i.exchange(w, r, client)
	}
	return true
}

func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request, client *Client) {
	asked := r.URL.Query()
	switch {
	case r.Method != http.MethodGet, asked.Get("client_id") != client.ID, asked.Get("redirect_uri") != client.Redirect:
		// Nobody is sent to whom we do not know.
		http.Error(w, "no such client, or not its redirect_uri: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	case asked.Get("response_type") != "code", asked.Get("code_challenge_method") != "S256", asked.Get("code_challenge") == "",
		!strings.Contains(" "+asked.Get("scope")+" ", " openid "):
		http.Error(w, "no request of the code flow with a proof key: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {asked.Get("state")}}
	if problem, refused := client.Claims["error"].(string); refused {
		answer.Set("error", problem)
	} else {
		code := rand.Text()
		answer.Set("code", code)
		i.mu.Lock()
		i.grants[code] = grant{asked.Get("code_challenge"), asked.Get("nonce")}
		i.mu.Unlock()
	}
	http.Redirect(w, r, client.Redirect+"?"+answer.Encode(), http.StatusFound)
}

func (i *Issuer) exchange(w http.ResponseWriter, r *http.Request, client *Client) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	refuse := func(status int, why string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
	}
	if id != client.ID || subtle.ConstantTimeCompare([]byte(secret), []byte(client.Secret)) != 1 {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	code := r.PostFormValue("code")
	i.mu.Lock()
	given, known := i.grants[code]
	delete(i.grants, code)
	i.requests["token"]++
	i.mu.Unlock()
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != client.Redirect ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != given.challenge {
		refuse(http.StatusBadRequest, "invalid_grant")
		return
	}
	claims := map[string]any{"aud": client.ID}
	if given.nonce != "" {
		claims["nonce"] = given.nonce
	}
	maps.Copy(claims, client.Claims)
	access := rand.Text()
	if client.Access != nil {
		access = i.Token(client.Access)
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that goes away is its own affair.
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": i.Token(claims),
	})
}

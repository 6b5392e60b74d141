package dashboard

import (
	"net/http"

	"gatehouse/internal/pageheaders"
)

// policy lets a page have what comes from here, in files, and nothing else.
const policy = "script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"

// guarded puts the headers on all answers that have browsers take care, and refuses what
// pages of other origins send. Pages are read: whoever wants to be sent something else adds
// it to the patterns of the mux by its method.
func guarded(next http.Handler) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pageheaders.Protect(w.Header(), policy)
		next.ServeHTTP(w, r)
	}))
}

package portal

import (
	"net/http"

	"gatehouse/internal/pageheaders"
)

// secure puts the headers on an answer that have browsers take care. Pages may have what
// comes from here, in files, and call what connect names.
func secure(h http.Header, connect string) {
	policy := "script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'"
	if connect != "" {
		policy += " " + connect
	}
	pageheaders.Protect(h, policy)
}

// guarded refuses what pages of other origins send, and what is larger than any form.
func (s *Server) guarded(c *site, next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	// The gateway may put the address of this listener for the host that was asked for. An
	// origin of a definition is a valid one, so there is no error.
	_ = origins.AddTrustedOrigin(c.origin)
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, c, &refusal{http.StatusForbidden, "This form was sent from another site. Open the page here, and send it again."})
	}))
	checked := origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header(), "")
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		checked.ServeHTTP(w, r)
	})
}

package websocket

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"regexp"

	"gatehouse/internal/wire"
)

// identifierBytes make 15 characters and an equals sign, as Amazon's identifiers have.
const identifierBytes = 11

// newIdentifier makes the id of a connection, a message or a request. Nobody can guess
// it.
func newIdentifier() string {
	var b [identifierBytes]byte
	rand.Read(b[:]) // it never fails
	return base64.URLEncoding.EncodeToString(b[:])
}

// connectionID is the id of the connection that a request asks for. It is the one that an
// authorizer was told, unless there is such a connection.
func (s *Server) connectionID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" {
		if id = wire.ConnectionID(id); s.connections.find(id) == nil {
			return id
		}
	}
	return newIdentifier()
}

var identifierForm = regexp.MustCompile(`^[A-Za-z0-9_-]{15}=$`)

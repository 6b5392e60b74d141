package websocket

import (
	"encoding/json"
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// What only Envoy can tell of a request, by headers that it takes away from clients.
const (
	APIHeader        = wire.InternalHeaderPrefix + "api"
	StageHeader      = wire.InternalHeaderPrefix + "stage"
	RouteHeader      = wire.InternalHeaderPrefix + "route"
	AuthorizerHeader = wire.InternalHeaderPrefix + "authorizer"
)

// ServeHTTP serves what Envoy leads here: clients that connect, and @connections.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	st := s.stage(stageKey{r.Header.Get(APIHeader), r.Header.Get(StageHeader)})
	if st == nil {
		// An Envoy may have its routes from before, or from after, what is served here.
		refuse(w, http.StatusForbidden, messageForbidden, "", requestID(r))
		return
	}
	if r.Header.Get(RouteHeader) == gateway.ConnectionsRoute {
		s.manage(w, r, st)
		return
	}
	s.connect(w, r, st)
}

// requestID is Envoy's.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" {
		return id
	}
	return newIdentifier()
}

// clientAddress is the client's, as Envoy understands it.
func clientAddress(r *http.Request) string {
	return r.Header.Get(wire.ClientAddressHeader)
}

// authorizerContext is the context that an authorizer gave, as events show it.
func authorizerContext(text string) []byte {
	if !json.Valid([]byte(text)) || !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return nil
	}
	return []byte(text)
}

// hiddenHeader reports whether integrations are not shown a header.
func hiddenHeader(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "connection", "upgrade", "content-length", "transfer-encoding", "te", "trailer", "x-request-id", "expect":
		return true
	}
	return strings.HasPrefix(name, wire.InternalHeaderPrefix) || strings.HasPrefix(name, "x-envoy-")
}

// decode reads a part of a query. What is not percent-encoded as it should be is left as
// it stands.
func decode(text string) string {
	text = strings.ReplaceAll(text, "+", " ")
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if high, low := unhex(text[i+1]), unhex(text[i+2]); high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

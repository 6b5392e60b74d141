package websocket

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// ServeHTTP serves what Envoy leads here: clients that connect, and @connections.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Several are not what our Envoys send.
	identities := r.Header.Values(wire.RouteHeader)
	var id wire.RouteIdentity
	if len(identities) == 1 {
		id, _ = wire.ParseRouteIdentity(identities[0]) // of one that cannot be read, no stage is known
	}
	st := s.stage(stageKey{id.API, id.Stage})
	switch {
	case st == nil:
		// An Envoy may have its routes from before, or from after, what is served here.
		refuse(w, http.StatusForbidden, messageForbidden, "", requestID(r))
	case id.Route == gateway.ConnectionsRoute:
		s.manage(w, r, st)
	case id.Route == gateway.ConnectRoute:
		s.connect(w, r, st)
	default:
		refuse(w, http.StatusForbidden, messageForbidden, "", requestID(r))
	}
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
	// When the request began, and its protocol, stand before it.
	fields := strings.Fields(r.Header.Get(wire.ClientHeader))
	if len(fields) != 3 {
		return ""
	}
	return fields[2]
}

// authorizerContext is the context that an authorizer gave, as events show it: texts, but
// for the gateway's own part.
func authorizerContext(text string) []byte {
	var members map[string]any
	if json.Unmarshal([]byte(text), &members) != nil || len(members) == 0 {
		return nil
	}
	for name, value := range members {
		switch v := value.(type) {
		case string:
			if n, err := strconv.ParseInt(v, 10, 64); err == nil && name == "integrationLatency" {
				members[name] = n
			}
		case nil:
		default:
			if name != "integrationLatency" {
				members[name] = fmt.Sprint(v)
			}
		}
	}
	out, err := lambdaevent.Marshal(members)
	if err != nil {
		return nil // it was JSON before
	}
	return out
}

// callerIdentity is what a signature tells of a caller, nil for nothing.
func callerIdentity(text string) map[string]string {
	var members map[string]any
	if text == "" || text == "-" || json.Unmarshal([]byte(text), &members) != nil {
		return nil
	}
	out := map[string]string{}
	for name, value := range members {
		if v, ok := value.(string); ok {
			out[name] = v
		}
	}
	return out
}

// hiddenHeader reports whether integrations are not shown a header.
func hiddenHeader(name string) bool { return lambdaevent.Hidden(strings.ToLower(name)) }

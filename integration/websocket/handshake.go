package websocket

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// field is one name with one of its values: of a header, or of a query.
type field struct{ name, value string }

// handshake is what a client asks for that connects.
type handshake struct {
	// headers are all fields, sorted by their names, which are spelled as functions see
	// them.
	headers []field
	query   []field
	// rawQuery is the query as it was sent.
	rawQuery string
}

func handshakeOf(r *http.Request) *handshake {
	h := &handshake{rawQuery: r.URL.RawQuery}
	h.headers = append(h.headers, field{"Host", r.Host})
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := r.Header[name]
		switch lower := strings.ToLower(name); lower {
		case "x-forwarded-port":
			continue
		case "x-forwarded-for":
			values = []string{forwardedFor(values, clientAddress(r))}
			name = lambdaevent.Spelled(lower)
		default:
			name = lambdaevent.Spelled(lower)
		}
		for _, value := range values {
			h.headers = append(h.headers, field{name, value})
		}
	}
	h.headers = append(h.headers, field{"X-Forwarded-Port", port(r)})
	slices.SortStableFunc(h.headers, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for _, f := range lambdaevent.Query(r.URL.RawQuery, false) {
		h.query = append(h.query, field{f.Name, f.Value})
	}
	return h
}

// forwardedFor has the client last. For one on its own machine Envoy writes the machine's
// address.
func forwardedFor(values []string, client string) string {
	list := strings.Join(values, ", ")
	if address, err := netip.ParseAddr(client); err != nil || !address.IsLoopback() {
		return list
	}
	return list[:strings.LastIndexByte(list, ' ')+1] + client
}

// port is the one that the client has asked, by what it says.
func port(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		return port
	}
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		return "443"
	}
	return "80"
}

// shownHeaders are those that integrations get to see: not those of the gateway's own,
// and not those that are about the connection between two of us.
func (h *handshake) shownHeaders() []field {
	return slices.DeleteFunc(slices.Clone(h.headers), func(f field) bool { return hiddenHeader(f.name) })
}

// value is the last value of a header or parameter.
func last(fields []field, name string, same func(a, b string) bool) string {
	for _, f := range slices.Backward(fields) {
		if same(f.name, name) {
			return f.value
		}
	}
	return ""
}

func (h *handshake) header(name string) string { return last(h.headers, name, strings.EqualFold) }

func (h *handshake) parameter(name string) string {
	return last(h.query, name, func(a, b string) bool { return a == b })
}

// protocols are the subprotocols that the client offers.
func (h *handshake) protocols() []string {
	var list []string
	for _, f := range h.headers {
		if strings.EqualFold(f.name, "Sec-WebSocket-Protocol") {
			for p := range strings.SplitSeq(f.value, ",") {
				list = append(list, strings.TrimSpace(p))
			}
		}
	}
	return list
}

// aboutClient is what is known of a client that connects.
func (s *Server) aboutClient(r *http.Request, key stageKey, id string, now time.Time) *about {
	a := &about{
		id: strings.Clone(id), stage: key, connected: now,
		// What is kept for hours must not keep the request's memory.
		domain: kept(lambdaevent.Domain(r.Host), maxDomain), userAgent: kept(r.UserAgent(), maxUserAgent),
		sourceIP: strings.Clone(clientAddress(r)),
	}
	a.authorizer = authorizerContext(r.Header.Get(wire.AuthorizerHeader))
	a.caller = callerIdentity(r.Header.Get(wire.IdentityHeader))
	if tag := r.Header.Get(wire.KeyHeader); tag != "" {
		// The plans of the key stand before it.
		_, key, _ := strings.Cut(tag, ":")
		a.apiKeyID, a.apiKey = strings.Clone(key), gateway.Secret(strings.Clone(r.Header.Get("X-Api-Key")))
	}
	return a
}

// kept is a copy of what is not longer than it may be.
func kept(text string, most int) string {
	return strings.ToValidUTF8(strings.Clone(text[:min(len(text), most)]), "")
}

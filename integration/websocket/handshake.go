package websocket

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// field is one name with one of its values: of a header, or of a query.
type field struct{ name, value string }

// handshake is what a client asks for that connects.
type handshake struct {
	// headers are all fields, sorted by their names.
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
		for _, value := range r.Header[name] {
			h.headers = append(h.headers, field{name, value})
		}
	}
	for item := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if item == "" {
			continue
		}
		name, value, _ := strings.Cut(item, "=")
		h.query = append(h.query, field{decode(name), decode(value)})
	}
	return h
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
		domain: strings.Clone(withoutPort(r.Host)), userAgent: strings.Clone(r.UserAgent()),
		sourceIP: strings.Clone(clientAddress(r)),
	}
	if text := r.Header.Get(AuthorizerHeader); text != "" {
		a.authorizer = authorizerContext(text)
	}
	return a
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

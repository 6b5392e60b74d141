package telemetry

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/wire"
	"gatehouse/telemetry/socket"
)

var _ socket.Observer = (*Server)(nil)

// Happened implements socket.Observer: what happens on connections of WebSocket APIs is told
// by who serves them, since to Envoy a connection is one request.
func (s *Server) Happened(e *socket.Event) {
	compiled, st, rt := s.serving.Load().find(wire.LoggedRoute{API: e.API, Stage: e.Stage, Route: e.Route})
	if st == nil {
		return
	}
	s.metrics.sockets.count(st, rt, e)
	if s.history != nil || st.executions != nil || st.log != nil {
		s.tellEvent(&request{entry: &untold, socket: e, stage: st, route: rt, compiled: compiled})
	}
}

// tellEvent tells of an event more than that there was one.
func (s *Server) tellEvent(r *request) {
	b := s.batches.Get().(*batch)
	var account []executionlog.Entry
	if log, detail := r.execution(); log != nil {
		account = r.eventAccount(detail)
		b.addExecution(log, false, r.socket.RequestID, account)
	}
	s.recordEvent(&b.told, r, account)
	if r.stage.log != nil {
		b.add(r.stage.log, r)
	}
	b.flush()
	s.batches.Put(b)
}

// Sent implements socket.Observer.
func (s *Server) Sent(api, stage, route string) {
	_, st, rt := s.serving.Load().find(wire.LoggedRoute{API: api, Stage: stage, Route: route})
	if st == nil {
		return
	}
	s.metrics.sockets.of(st, rt).sent.Inc()
	if s.history != nil {
		s.history.Sent(api, stage, route)
	}
}

// refusedConnection reports whether an Envoy tells about a client that it did not let
// connect. What it leads on is told by who serves it, however that ends: most clients go without
// a word, so that Envoy tells of how it was broken off. What backends ask of connections is no
// event of theirs.
func (r *request) refusedConnection() bool {
	switch {
	case r.logged.Route != gateway.ConnectRoute, r.answered(), r.status == http.StatusSwitchingProtocols:
		return false
	}
	// Who has left while $connect was asked has been led on, too.
	return r.status != 0 || r.upstream == ""
}

// servedConnection reports whether a request of an Envoy is to a WebSocket API, and who
// serves connections tells of it.
func (r *request) servedConnection() bool {
	return r.socket == nil && r.stage.api.Protocol == gateway.WebSocket && !r.refusedConnection()
}

// ofConnection gives the value that a variable has in the log of a WebSocket API; nil for
// one that never has any.
func ofConnection(name string) value {
	told, envoys := connectionValues[name], valueOf(name)
	switch name {
	case "eventType":
		envoys = func(*request) string { return string(socket.Connect) }
	case "connectionId":
		envoys = refusedConnectionID
	case "error.messageString":
		envoys = (*request).errorMessage
	}
	if told == nil {
		if member, ok := strings.CutPrefix(name, "authorizer."); ok && values[name] == nil {
			told = func(e *socket.Event) string { return authorizerMember(e, member) }
		} else if member, ok := strings.CutPrefix(name, "identity."); ok {
			told = func(e *socket.Event) string { return e.Caller[member] }
		}
	}
	if told == nil && envoys == nil {
		return nil
	}
	return func(r *request) string {
		switch {
		case r.socket == nil && envoys != nil:
			return envoys(r)
		case r.socket == nil || told == nil:
			return ""
		}
		return told(r.socket)
	}
}

// refusedConnectionID is the id that a client would have had which was not let connect: an
// authorizer was told it; nobody is connected by it.
func refusedConnectionID(r *request) string {
	if id := requestID(r); id != "" {
		return wire.ConnectionID(id)
	}
	return ""
}

// connectionValues are the variables of events. Those that are missing, and are of an
// authorizer or of a caller, are told by their name.
var connectionValues = map[string]func(*socket.Event) string{
	"apiId":             func(e *socket.Event) string { return e.API },
	"stage":             func(e *socket.Event) string { return e.Stage },
	"routeKey":          func(e *socket.Event) string { return e.Route },
	"domainName":        func(e *socket.Event) string { return e.Domain },
	"requestId":         func(e *socket.Event) string { return e.RequestID },
	"extendedRequestId": func(e *socket.Event) string { return e.RequestID },
	"eventType":         func(e *socket.Event) string { return string(e.Type) },
	"connectionId":      func(e *socket.Event) string { return e.ConnectionID },
	"messageId":         func(e *socket.Event) string { return e.MessageID },
	"connectedAt":       func(e *socket.Event) string { return strconv.FormatInt(e.Connected.UnixMilli(), 10) },
	"requestTime":       func(e *socket.Event) string { return e.At.UTC().Format(requestTimeForm) },
	"requestTimeEpoch":  func(e *socket.Event) string { return strconv.FormatInt(e.At.UnixMilli(), 10) },
	"status":            func(e *socket.Event) string { return strconv.Itoa(e.Status) },

	"integrationLatency":            connectionLatency,
	"integration.latency":           connectionLatency,
	"integrationStatus":             func(e *socket.Event) string { return positive(uint64(e.IntegrationStatus)) },
	"integration.status":            func(e *socket.Event) string { return positive(uint64(e.IntegrationStatus)) },
	"integration.integrationStatus": func(e *socket.Event) string { return positive(uint64(e.IntegrationStatus)) },
	"integration.error":             func(e *socket.Event) string { return e.IntegrationError },
	"integration.requestId":         func(e *socket.Event) string { return e.IntegrationRequestID },
	"awsEndpointRequestId":          func(e *socket.Event) string { return e.IntegrationRequestID },

	"error.message":       func(e *socket.Event) string { return e.Error },
	"error.messageString": func(e *socket.Event) string { return e.Error },
	"error.responseType":  func(e *socket.Event) string { return string(e.Response) },

	"error.validationErrorString": func(e *socket.Event) string { return e.Invalid },

	"identity.sourceIp":  func(e *socket.Event) string { return e.SourceIP },
	"identity.userAgent": func(e *socket.Event) string { return e.UserAgent },
	"identity.apiKeyId":  func(e *socket.Event) string { return e.KeyName },
	"identity.apiKey": func(e *socket.Event) string {
		if e.KeyName == "" {
			return ""
		}
		return gateway.Secret("").String()
	},

	// Checks are made of who connects, and not again of messages.
	"authenticate.status":           checked(func(e *socket.Event) bool { return len(e.Caller) > 0 }),
	"authorize.status":              checked(func(e *socket.Event) bool { return len(e.Caller) > 0 }),
	"authorizer.status":             checked(func(e *socket.Event) bool { return len(e.Authorizer) > 0 }),
	"authorizer.integrationStatus":  checked(func(e *socket.Event) bool { return len(e.Authorizer) > 0 }),
	"authorizer.principalId":        func(e *socket.Event) string { return authorizerMember(e, "principalId") },
	"authorizer.latency":            ofConnect(func(e *socket.Event) string { return authorizerMember(e, "integrationLatency") }),
	"authorizer.integrationLatency": ofConnect(func(e *socket.Event) string { return authorizerMember(e, "integrationLatency") }),
}

func ofConnect(of func(*socket.Event) string) func(*socket.Event) string {
	return func(e *socket.Event) string {
		if e.Type != socket.Connect {
			return ""
		}
		return of(e)
	}
}

func checked(passed func(*socket.Event) bool) func(*socket.Event) string {
	return ofConnect(func(e *socket.Event) string {
		if !passed(e) {
			return ""
		}
		return "200"
	})
}

func connectionLatency(e *socket.Event) string {
	if !e.Integrated {
		return ""
	}
	return milliseconds(e.IntegrationLatency)
}

// authorizerMember is a member of what an authorizer gave.
func authorizerMember(e *socket.Event, name string) string {
	if len(e.Authorizer) == 0 {
		return ""
	}
	var members map[string]any
	in := json.NewDecoder(bytes.NewReader(e.Authorizer))
	in.UseNumber()
	if in.Decode(&members) != nil {
		return ""
	}
	switch v := members[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

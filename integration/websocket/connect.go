package websocket

import (
	"bytes"
	"context"
	"crypto/sha1" // the protocol asks for it, not for its strength
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
	"gatehouse/telemetry/socket"
)

// connect answers a client that wants to connect: first the integration of $connect is
// asked.
func (s *Server) connect(w http.ResponseWriter, r *http.Request, st *stage) {
	request := requestID(r)
	told := s.observe(socket.Connect, st.key, gateway.ConnectRoute, request, time.Now())
	if told != nil {
		told.Domain, told.SourceIP, told.UserAgent = lambdaevent.Domain(r.Host), clientAddress(r), r.UserAgent()
		st.trace(told)
		st.connecting(told.Trace, r)
	}
	defer s.tell(told)
	if status, message := badHandshake(r); status != 0 {
		if status == http.StatusUpgradeRequired {
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Connection", "Upgrade")
		}
		s.metrics.connect("refused")
		refused(told, status, "", message)
		refuse(w, status, message, "", request)
		return
	}
	if len(r.Header.Get(wire.AuthorizerHeader)) > maxAuthorizer {
		s.metrics.connect("failed")
		s.warn("an authorizer of a WebSocket API gave too much context", "api", st.key.api, "stage", st.key.stage, "limit", maxAuthorizer)
		refused(told, http.StatusInternalServerError, gateway.AuthorizerConfigurationError, messageInternal)
		refuse(w, http.StatusInternalServerError, messageInternal, "", request)
		return
	}
	if !s.admit() {
		s.metrics.connect("full")
		s.warn("no more connections of WebSocket APIs are taken", "limit", s.limits.Connections, "api", st.key.api)
		refused(told, http.StatusTooManyRequests, gateway.Throttled, messageThrottled)
		refuse(w, http.StatusTooManyRequests, messageThrottled, "", request)
		return
	}
	about := s.aboutClient(r, st.key, s.connectionID(r), time.Now())
	if told != nil && told.Trace != nil {
		about.secrets = told.Trace.Secrets()
	}
	ofClient(told, about)
	answer, refusal := s.askConnect(r, st, about, request, told)
	if refusal != nil {
		s.leave()
		s.metrics.connect(refusal.result)
		if refusal.answer != nil {
			status := refuseWith(w, refusal.answer, about.id, request)
			if told != nil {
				told.Status = status
				told.Trace.Reply(w.Header(), refusal.answer.body)
			}
			return
		}
		failedCall(told, &failure{status: refusal.status, message: refusal.message})
		refuse(w, refusal.status, refusal.message, about.id, request)
		return
	}
	// Before the client knows that it is connected: whoever it tells may send to it.
	s.claim(about.id)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.release(about.id)
		s.leave()
		s.metrics.connect("failed")
		s.log.Error("a client cannot be connected", "error", err)
		refused(told, http.StatusInternalServerError, "", messageInternal)
		refuse(w, http.StatusInternalServerError, messageInternal, about.id, request)
		return
	}
	c := newConnection(conn, about, st.idle, st.duration, &s.limits)
	c.early = make([]byte, rw.Reader.Buffered())
	_, _ = io.ReadFull(rw.Reader, c.early) // they are there
	c.accept(accepted(r, answer), s.connections.add)
	s.metrics.connect("accepted")
	if s.isClosed() || s.stage(st.key) == nil {
		c.shut(endShutdown)
	}
	// Not here: the request, and the stack that was needed to serve it, are not to be
	// kept for as long as the connection lasts.
	go s.serve(c)
}

// refusal is why a client may not connect.
type connectRefusal struct {
	status  int
	message string
	// answer is the integration's own, if it was that.
	answer *answer
	result string
}

// askConnect calls the integration of $connect, if there is one.
func (s *Server) askConnect(r *http.Request, st *stage, about *about, request string, told *socket.Event) (*answer, *connectRefusal) {
	rt := st.routes[gateway.ConnectRoute]
	if rt == nil || rt.target == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), rt.timeout)
	defer cancel()
	e := &event{
		kind: eventConnect, routeKey: gateway.ConnectRoute, stage: st, about: about,
		requestID: request, now: about.connected, handshake: handshakeOf(r), told: told,
	}
	a, err := s.call(ctx, rt, e)
	if err == nil {
		a, err = s.mapped(ctx, rt, e, a)
	}
	switch {
	case err != nil:
		return nil, &connectRefusal{status: err.status, message: err.message, result: "failed"}
	case (rt.proxy || a.overrides.Response.Status != 0) && !a.ok():
		return nil, &connectRefusal{answer: a, result: "refused"}
	}
	return a, nil
}

// mapped is an answer as the templates of the route's responses make it. By
// $context.responseOverride they decide, too, whether a client may connect.
func (s *Server) mapped(ctx context.Context, rt *route, e *event, a *answer) (*answer, *failure) {
	if rt.responses == nil {
		return a, nil
	}
	out, err := rt.responses.render(ctx, e, a)
	if err != nil {
		s.warn("the answer to a client that connects cannot be mapped", "api", e.stage.key.api, "stage", e.stage.key.stage, "request", e.requestID, "error", err)
		return nil, &failure{http.StatusInternalServerError, messageInternal, err}
	}
	made := &answer{status: a.status, header: http.Header{}, body: []byte(out.Text), overrides: out.Overrides}
	if status := out.Overrides.Response.Status; status != 0 {
		made.status = status
	}
	for _, h := range out.Overrides.Response.Header {
		made.header.Add(h.Name, h.Value)
	}
	return made, nil
}

// call calls the integration of a route, when it is its turn.
func (s *Server) call(ctx context.Context, rt *route, e *event) (*answer, *failure) {
	end, err := s.calls.begin(ctx, e.stage.key)
	if err != nil {
		called(e.told, 0, nil, err)
		return nil, failed(ctx, http.StatusInternalServerError, err)
	}
	defer end()
	begin := time.Now()
	a, err := rt.target.invoke(ctx, e)
	took := time.Since(begin)
	s.metrics.called(e.kind, took, err)
	called(e.told, took, a, err)
	if err == nil {
		return a, nil
	}
	f, ok := err.(*failure)
	if !ok {
		f = &failure{http.StatusInternalServerError, messageInternal, err}
	}
	s.warn("an integration of a WebSocket API failed", "api", e.stage.key.api, "stage", e.stage.key.stage, "route", rt.key,
		"request", e.requestID, "connection", e.about.id, "error", f)
	return nil, f
}

// badHandshake finds what is wrong with a handshake; 0 for nothing.
func badHandshake(r *http.Request) (status int, message string) {
	switch {
	case !hasToken(r.Header, "Upgrade", "websocket") || !hasToken(r.Header, "Connection", "upgrade"):
		return http.StatusUpgradeRequired, messageUpgrade
	case r.Method != http.MethodGet:
		return http.StatusBadRequest, "Bad Request"
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return http.StatusUpgradeRequired, messageUpgrade
	case len(r.Header.Get("Sec-WebSocket-Key")) != 24:
		return http.StatusBadRequest, "Bad Request"
	}
	return 0, ""
}

func hasToken(h http.Header, name, token string) bool {
	return slices.ContainsFunc(h.Values(name), func(value string) bool {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
		return false
	})
}

// accepted is the answer to a handshake.
// See RFC 6455, section 4.2.2.
func accepted(r *http.Request, a *answer) []byte {
	const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + magic))
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	if a != nil {
		// One that the client has not offered would have it end the connection.
		if protocol := a.header.Get("Sec-WebSocket-Protocol"); protocol != "" && slices.Contains(handshakeOf(r).protocols(), protocol) {
			fmt.Fprintf(&b, "Sec-WebSocket-Protocol: %s\r\n", protocol)
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// accept enters the connection, and tells the client that it is connected; who would send
// to it waits for that.
func (c *connection) accept(answer []byte, enter func(*connection)) {
	c.writing.Lock()
	defer c.writing.Unlock()
	// What the server has set for requests does not hold any more.
	_ = c.conn.SetDeadline(time.Time{})
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.limits.WriteTimeout))
	enter(c)
	if _, err := c.conn.Write(answer); err != nil {
		c.close(endLost)
	}
}

// refuse answers a request that comes to nothing.
func refuse(w http.ResponseWriter, status int, message, connection, request string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", request)
	w.WriteHeader(status)
	_, _ = w.Write(errorText(message, connection, request)) // the client may be gone
}

// refuseWith answers as the integration of $connect has, and gives the status.
func refuseWith(w http.ResponseWriter, a *answer, connection, request string) int {
	if a.status < 300 || len(a.body) == 0 {
		status := a.status
		if status < 300 {
			status = http.StatusInternalServerError
		}
		refuse(w, status, http.StatusText(status), connection, request)
		return status
	}
	kind := a.header.Get("Content-Type")
	if kind == "" {
		kind = contentType(a.body)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Amzn-Requestid", request)
	for _, name := range []string{"Www-Authenticate", "Location", "Retry-After"} {
		for _, value := range a.header.Values(name) {
			w.Header().Add(name, value)
		}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
	return a.status
}

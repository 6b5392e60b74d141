package websocket

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"gatehouse/gateway"
	"gatehouse/telemetry/socket"
)

// serve reads a connection until its end, and sees to what follows that.
func (s *Server) serve(c *connection) {
	defer s.leave()
	end := s.read(c)
	if c.close(end) {
		c.farewell()
	}
	// The first who ended it says why.
	last := c.ending()
	if !end.byClient && !last.silent {
		c.drain()
	}
	_ = c.conn.Close() // there is nothing to be lost
	s.connections.remove(c.about.id)
	s.release(c.about.id)
	s.metrics.ended(last)
	s.meterEnd(c.about)
	s.disconnected(c, last)
}

// read works off messages until the connection ends.
func (s *Server) read(c *connection) *ending {
	for {
		text, err := c.message(s.budget)
		if err != nil {
			var end *ending
			if errors.As(err, &end) {
				return end
			}
			return endLost
		}
		if c.ending() != nil {
			// Only the client's answer to that is of interest.
			s.budget.release(len(text))
			continue
		}
		if c.slots == nil {
			c.slots = make(chan struct{}, messagesInFlight)
		}
		c.slots <- struct{}{}
		// While there was no room for it, the client could not be heard.
		c.touch()
		s.ending.Add(1)
		go func() {
			defer s.ending.Done()
			defer func() { <-c.slots }()
			defer s.budget.release(len(text))
			s.message(c, text)
		}()
	}
}

// message works off a message.
func (s *Server) message(c *connection, text []byte) {
	request := newIdentifier()
	st := s.stage(c.about.stage)
	if st == nil {
		return // The connection is about to be ended.
	}
	rt, key := st.choose(text), ""
	if rt != nil {
		key = rt.key
	}
	told := s.observe(socket.Message, c.about.stage, key, request, time.Now())
	st.trace(told)
	ofClient(told, c.about)
	if told != nil {
		told.Trace.Message(text)
	}
	defer s.tell(told)
	fail := func(result, message string) {
		s.metrics.message(result)
		s.reply(c, key, errorText(message, c.about.id, request))
	}
	message := newIdentifier()
	if told != nil {
		told.MessageID = message
	}
	switch {
	case rt == nil:
		refused(told, http.StatusForbidden, gateway.AccessDenied, messageForbidden)
		fail("no-route", messageForbidden)
		return
	case !s.throttles.allow(st, rt):
		refused(told, http.StatusTooManyRequests, gateway.Throttled, messageThrottled)
		fail("throttled", messageThrottled)
		return
	}
	s.meterMessage(c.about, len(text))
	ctx, cancel := context.WithTimeout(s.running, rt.timeout)
	defer cancel()
	if problem := rt.models.check(ctx, s.values, text); problem != nil {
		refusedMessage(told, problem)
		fail("invalid", problem.message)
		return
	}
	if rt.target == nil {
		s.metrics.message("done")
		return
	}
	e := &event{
		kind: eventMessage, routeKey: rt.key, stage: st, about: c.about,
		requestID: request, messageID: message, body: text, now: time.Now(), told: told,
	}
	a, failure := s.call(ctx, rt, e)
	if failure != nil {
		failedCall(told, failure)
		fail("failed", failure.message)
		return
	}
	if !rt.twoWay {
		s.metrics.message("done")
		return
	}
	out, err := rt.responses.render(ctx, e, a)
	reply := []byte(out.Text)
	if err != nil || len(reply) > maxMessage || !utf8.Valid(reply) {
		s.warn("the answer to a message cannot be sent", "api", st.key.api, "stage", st.key.stage, "route", rt.key, "request", request,
			"bytes", len(reply), "error", err)
		refused(told, http.StatusInternalServerError, gateway.APIConfigurationError, messageInternal)
		fail("failed", messageInternal)
		return
	}
	s.metrics.message("done")
	if len(reply) > 0 {
		e.trace().Reply(nil, reply)
		s.reply(c, key, reply)
	}
}

// reply sends what a client waits for. If it does not read, it does not get it.
func (s *Server) reply(c *connection, route string, text []byte) {
	if err := c.send(text); err != nil {
		s.log.Debug("a client was not sent its answer", "connection", c.about.id, "error", err)
		return
	}
	s.meterMessage(c.about, len(text))
	s.tellSent(c.about, route)
}

// choose finds the route of a message; nil if there is none.
func (st *stage) choose(text []byte) *route {
	if isJSON(text) {
		key := st.selection.Select(func(part gateway.SelectionPart) string { return gateway.JSONText(text, part.Path) })
		// What happens by itself is not for a client to ask for.
		if rt := st.routes[key]; rt != nil && key != gateway.ConnectRoute && key != gateway.DisconnectRoute {
			return rt
		}
	}
	return st.routes[gateway.DefaultRoute]
}

// disconnected calls the integration of $disconnect. Nobody hears what it answers.
func (s *Server) disconnected(c *connection, last *ending) {
	st := s.stage(c.about.stage)
	if st == nil {
		return
	}
	request := newIdentifier()
	told := s.observe(socket.Disconnect, c.about.stage, gateway.DisconnectRoute, request, time.Now())
	st.trace(told)
	ofClient(told, c.about)
	ended(told, last)
	defer s.tell(told)
	rt := st.routes[gateway.DisconnectRoute]
	if rt == nil || rt.target == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.running, rt.timeout)
	defer cancel()
	_, failure := s.call(ctx, rt, &event{ // call tells of failures
		kind: eventDisconnect, routeKey: gateway.DisconnectRoute, stage: st, about: c.about,
		requestID: request, now: time.Now(), ending: last, told: told,
	})
	if failure != nil {
		failedCall(told, failure)
	}
}

package explain

import (
	"cmp"
	"fmt"

	"gatehouse/gateway"
	"gatehouse/telemetry/socket"
)

// event tells what became of an event of a WebSocket API's connection, from what was told by
// who serves it. Clients that an Envoy does not let connect are requests that it tells about.
func (h *happened) event(s *gateway.Snapshot) *Explanation {
	r := h.r
	h.add("event", Noted, gateway.Position{}, fmt.Sprintf("%s of the connection %s from %s at %s", r.Event, orUnknown(r.ConnectionID), orUnknown(r.Caller), r.At.UTC().Format("2006-01-02 15:04:05.000")))
	h.revised(s)
	h.find(s)
	if h.stage == nil {
		h.add("stage", Noted, gateway.Position{}, fmt.Sprintf("stage %s of the API %s, which is not in the definitions any more", r.Stage, r.API))
	} else {
		h.add("stage", Passed, h.stage.Source, fmt.Sprintf("stage %s of the %s API %s", r.Stage, h.api.Protocol, h.api.Name))
	}
	switch {
	case h.of != nil:
		h.add("route", Passed, h.of.Source, "the route "+h.of.Key())
	case r.Resource == "":
		h.add("route", Failed, gateway.Position{}, "no route has the key that the message selects, and there is none for all others ($default)")
	case r.Event == string(socket.Message):
		h.add("route", Noted, gateway.Position{}, "the route "+r.Resource+", which is not in the definitions any more")
	default:
		h.add("route", Noted, gateway.Position{}, lacksRoute(r.Resource))
	}
	if r.Ended != "" {
		h.add("end", Noted, gateway.Position{}, "the connection has ended with "+r.Ended)
	}
	h.limited()
	h.called()
	if r.Fault != "" && r.ErrorMessage != "" {
		h.add("answer", Failed, gateway.Position{}, fmt.Sprintf("the client was told %q (%s)", r.ErrorMessage, r.Fault))
	}
	h.timed()
	h.Answer = Answer{Status: r.Status, Certain: true, ResponseType: gateway.ResponseType(r.ResponseType), From: FromIntegration}
	if r.ResponseType != "" || !r.Integrated {
		h.Answer.From, h.Answer.Body = FromGateway, r.ErrorMessage
	}
	return h.Explanation
}

// lacksRoute is said of routes that a WebSocket API serves without, such as $connect.
func lacksRoute(key string) string { return "the API has no route " + key + ", which it need not have" }

// called tells what the integration of an event did.
func (h *happened) called() {
	if !h.r.Integrated {
		return
	}
	at := gateway.Position{}
	if h.of != nil && h.of.Integration != nil {
		at = cmp.Or(h.of.Integration.URISource, h.of.Integration.Source)
	}
	switch {
	case h.r.IntegrationStatus == 0:
		h.add("integration", Failed, at, "it gave no answer: "+orUnknown(h.r.UpstreamFailure))
	case h.r.IntegrationStatus >= 400:
		h.add("integration", Failed, at, fmt.Sprintf("it answered with %d after %s", h.r.IntegrationStatus, shown(h.r.IntegrationLatency)))
	default:
		h.add("integration", Passed, at, fmt.Sprintf("it answered with %d after %s", h.r.IntegrationStatus, shown(h.r.IntegrationLatency)))
	}
}

package explain

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// Happened tells what became of a request that was made, from what Envoy told about it. The
// snapshot is the one in force; requests that were served by another are explained by it all
// the same, which is said.
func Happened(s *gateway.Snapshot, r history.Request) *Explanation {
	h := &happened{Explanation: &Explanation{API: r.API, Stage: r.Stage, Canary: r.Canary, Execution: r.Execution}, r: &r}
	if r.Event != "" && r.Node == "" {
		return h.event(s)
	}
	what := "a request that Envoy could not read"
	if r.Method != "" {
		what = fmt.Sprintf("%s %s%s", r.Method, r.Host, r.Path)
	}
	h.add("request", Noted, gateway.Position{}, fmt.Sprintf("%s from %s at %s, told by the Envoy %s", what, orUnknown(r.Caller), r.At.UTC().Format("2006-01-02 15:04:05.000"), orUnknown(r.Node)))
	h.revised(s)
	h.find(s)
	h.placed()
	h.checked()
	h.limited()
	h.integrated()
	h.timed()
	h.Answer = Answer{Status: r.Status, Certain: true, ResponseType: gateway.ResponseType(r.ResponseType), From: FromIntegration}
	if r.ResponseType != "" || r.Upstream == "" {
		h.Answer.From, h.Answer.Body = FromGateway, r.ErrorMessage
	}
	return h.Explanation
}

// happened is an explanation in the making. What is not in the definitions any more is nil.
type happened struct {
	*Explanation
	r     *history.Request
	api   *gateway.API
	stage *gateway.Stage
	of    *gateway.Route
}

func orUnknown(text string) string {
	if text == "" {
		return "(unknown)"
	}
	return text
}

func (h *happened) key() string {
	if h.r.RouteMethod == "" {
		return h.r.Resource
	}
	return h.r.RouteMethod + " " + h.r.Resource
}

// revised tells where another revision is in force than when it happened.
func (h *happened) revised(s *gateway.Snapshot) {
	if s != nil && h.r.Revision != "" && h.r.Revision != s.Revision() {
		h.add("revision", Noted, gateway.Position{}, fmt.Sprintf("it was understood by the revision %s; lines are those of %s, which is in force", h.r.Revision, s.Revision()))
	}
}

func (h *happened) find(s *gateway.Snapshot) {
	if s == nil {
		return
	}
	if h.api = s.API(h.r.API); h.api == nil {
		return
	}
	h.APIName = h.api.Name
	if h.stage = h.api.Stage(h.r.Stage); h.stage == nil {
		return
	}
	d := h.stage.Deployment
	if h.r.Canary && h.stage.Canary != nil && h.stage.Canary.Deployment != nil {
		d = h.stage.Canary.Deployment
	}
	for i := range d.Routes {
		if r := &d.Routes[i]; r.Method == h.r.RouteMethod && r.Path == h.r.Resource || r.Key() == h.key() {
			h.of, h.Route = r, r.Key()
		}
	}
}

// placed tells which stage and route it came to.
func (h *happened) placed() {
	switch {
	case h.r.API == "" && (h.r.Method == "" || h.r.Status == 400):
		h.add("path", Failed, gateway.Position{}, "Envoy does not take it: "+orUnknown(happenedWords(h.r.Details, "")))
		return
	case h.r.API == "":
		h.add("host", Failed, gateway.Position{}, "no API serves "+h.r.Host+", or nothing is mapped to that path of the domain")
		return
	case h.stage == nil:
		h.add("stage", Noted, gateway.Position{}, fmt.Sprintf("stage %s of the API %s, which is not in the definitions any more", h.r.Stage, h.r.API))
	default:
		text := fmt.Sprintf("stage %s of the %s API %s", h.r.Stage, h.api.Protocol, h.api.Name)
		if h.r.Canary {
			text += ", its canary"
		}
		h.add("stage", Passed, h.stage.Source, text)
	}
	switch {
	case h.of != nil:
		h.add("route", Passed, h.of.Source, "the route "+h.of.Key())
	case h.api != nil && h.api.Protocol == gateway.WebSocket && strings.HasPrefix(h.below(), "/"+gateway.ConnectionsRoute+"/"):
		h.add("route", Passed, h.stage.Source, "the stage's own endpoint: "+gateway.ConnectionsRoute)
		if h.r.ResponseType == string(gateway.MissingAuthenticationToken) {
			h.add("signature", Failed, h.stage.Source, InWords("signature-not-signed"))
		}
	case h.r.Resource != "":
		h.add("route", Noted, gateway.Position{}, fmt.Sprintf("the route %s, which is not in the definitions any more", h.key()))
	case h.stage != nil && h.r.Method == "OPTIONS" && h.r.Upstream == "" && h.r.Status < 300:
		h.add("CORS", Passed, corsSource(h.stage.Deployment), "the gateway answered a preflight request by itself")
	case h.stage != nil:
		h.add("route", Failed, h.stage.Deployment.Source, fmt.Sprintf("no route of the stage took %s %s%s", h.r.Method, h.r.Path, nearestRoutes(h.stage.Deployment, h.r.Method, h.below())))
	}
}

// below is the path as routes have it, as far as that can be told.
func (h *happened) below() string {
	path := h.r.Path
	for _, prefix := range []string{"/_aws/execute-api/" + h.r.API, "/" + h.r.Stage} {
		path = strings.TrimPrefix(path, prefix)
	}
	if path == "" {
		return "/"
	}
	return path
}

// checked tells what became of the checks of who called.
func (h *happened) checked() {
	var asked gateway.Authorization
	if h.of != nil && h.of.Authorization != nil {
		asked = *h.of.Authorization
	}
	authorizer := "authorizer"
	if asked.Type == gateway.AuthorizationJWT || asked.Type == gateway.AuthorizationUserPool {
		authorizer = "token"
	}
	told := false
	for _, check := range []struct {
		name, good string
		history.Check
	}{
		{"signature", "the request was signed as it should be", h.r.Signature},
		{"permission", "the caller's policies let it in", h.r.Permission},
		{authorizer, map[string]string{"authorizer": "the authorizer let it in", "token": "the token's signature and times were good"}[authorizer], h.r.Authorizer},
	} {
		switch {
		case check.Status == "":
			continue
		case check.Failure != "":
			h.add(check.name, Failed, asked.Source, fmt.Sprintf("%s (%s)", InWords(check.Failure), check.Failure))
			told = true
		default:
			h.add(check.name, Passed, asked.Source, check.good)
		}
	}
	for _, c := range refusedClaims {
		if strings.Contains(h.r.Details, c.detail) {
			h.add(c.name, Failed, asked.Source, c.words)
			told = true
		}
	}
	t := gateway.ResponseType(h.r.ResponseType)
	key := gateway.Position{}
	if h.of != nil {
		key = h.of.APIKeySource
	}
	switch {
	case t == gateway.InvalidAPIKey && h.r.KeyName == "":
		h.add("API key", Failed, key, "there was no API key, or none that a usage plan of the stage lets in")
	case t == gateway.InvalidAPIKey:
		h.add("API key", Failed, key, fmt.Sprintf("the key %s is in no usage plan that has the stage", h.r.KeyName))
	case h.r.KeyName != "":
		h.add("API key", Passed, key, "the key "+h.r.KeyName)
	}
	at := gateway.Position{}
	if h.of != nil {
		at = h.of.Source
	}
	switch t {
	case gateway.AccessDenied, gateway.Unauthorized:
		if told {
			break
		}
		if h.stage != nil && h.stage.Deployment.Policy != "" && t == gateway.AccessDenied {
			h.add("resource policy", Failed, h.stage.Deployment.PolicySource, "the API's resource policy did not let the caller in: "+h.r.ErrorMessage)
		} else {
			h.add(authorizer, Failed, asked.Source, "the caller was not let in: "+h.r.ErrorMessage)
		}
	case gateway.BadRequestParameters:
		h.add("parameters", Failed, at, "the request is not as the method asks for: "+h.r.ErrorMessage)
	case gateway.BadRequestBody, gateway.UnsupportedMediaType:
		h.add("body", Failed, at, "the request is not as the method asks for: "+h.r.ErrorMessage)
	case gateway.RequestTooLarge:
		h.add("body", Failed, gateway.Position{}, "it is larger than the route takes")
	}
}

// limited tells which limit refused it.
func (h *happened) limited() {
	switch t := gateway.ResponseType(h.r.ResponseType); {
	case t == gateway.QuotaExceeded:
		h.add("quota", Failed, gateway.Position{}, fmt.Sprintf("the quota of the key %s is used up for the period", orUnknown(h.r.KeyName)))
	case t == gateway.Throttled, h.r.Throttled:
		which := "a throttle"
		if words, ok := detailWords[h.r.Details]; ok {
			which = words
		}
		at := gateway.Position{}
		if h.stage != nil && h.of != nil {
			if own := h.stage.RouteThrottle(h.of.Key()); own != nil {
				at = own.Source
			} else if h.stage.Throttle != nil {
				at = h.stage.Throttle.Source
			}
		}
		h.add("throttle", Failed, at, which+" let no more through")
	}
}

// integrated tells what Envoy sent on, and what came of that.
func (h *happened) integrated() {
	at := gateway.Position{}
	if h.r.Upstream == "" {
		if h.r.Details == dotsMapped && h.of != nil && h.of.Integration != nil {
			h.add("integration", Failed, h.of.Integration.Source, detailWords[dotsMapped])
		}
		if h.of != nil && h.of.Integration != nil && h.of.Integration.Type == gateway.IntegrationMock && h.r.ResponseType == "" {
			h.add("integration", Passed, h.of.Integration.Source, fmt.Sprintf("MOCK: the gateway answered by itself, with %d", h.r.Status))
		}
		return
	}
	if h.of != nil && h.of.Integration != nil {
		if at = h.of.Integration.URISource; at.IsZero() {
			at = h.of.Integration.Source
		}
	}
	to := h.r.Upstream
	if h.r.UpstreamAddress != "" && !strings.Contains(to, h.r.UpstreamAddress) {
		to += " at " + h.r.UpstreamAddress
	}
	switch {
	case h.r.UpstreamFailure != "":
		h.add("integration", Failed, at, fmt.Sprintf("there was no connection to %s: %s", to, h.r.UpstreamFailure))
	case h.r.Integrated && h.r.ResponseType == "":
		h.add("integration", Passed, at, fmt.Sprintf("%s answered with %d after %s", to, h.r.Status, shown(h.r.IntegrationLatency)))
	case h.r.Integrated:
		h.add("integration", Failed, at, fmt.Sprintf("%s answered, and the gateway in its place: %s", to, h.r.ErrorMessage))
	default:
		h.add("integration", Failed, at, fmt.Sprintf("%s gave no answer", to))
	}
	if h.r.Cache != "" {
		h.add("cache", Noted, gateway.Position{}, "in the stage's cache: "+h.r.Cache)
	}
}

func (h *happened) timed() {
	text := "in all " + shown(h.r.Latency)
	if h.r.Integrated {
		text += fmt.Sprintf(", of which the integration took %s and the gateway %s", shown(h.r.IntegrationLatency), shown(max(0, h.r.Latency-h.r.IntegrationLatency)))
	}
	h.add("time", Noted, gateway.Position{}, text)
	if words := happenedWords(h.r.Details, h.r.Flags); words != "" {
		h.add("Envoy", Noted, gateway.Position{}, words)
	}
}

// shown has so many digits that parts add up to what they are parts of, where people look.
func shown(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case ms < 9.995:
		return fmt.Sprintf("%.2f ms", ms)
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

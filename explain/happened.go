package explain

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/telemetry/history"
	"gatehouse/telemetry/socket"
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
	unasked := h.api != nil && h.api.Protocol == gateway.WebSocket && h.r.Status == http.StatusUpgradeRequired
	if unasked {
		h.add("upgrade", Failed, gateway.Position{}, noUpgrade)
	} else {
		h.integrated()
	}
	h.timed()
	h.Answer = Answer{Status: r.Status, Certain: true, ResponseType: gateway.ResponseType(r.ResponseType), From: FromIntegration}
	if r.ResponseType != "" || r.Upstream == "" || unasked {
		h.Answer.From, h.Answer.Body = FromGateway, r.ErrorMessage
	}
	return h.Explanation
}

// happened is an explanation in the making. What is not in the definitions any more is nil.
type happened struct {
	*Explanation
	r *history.Request
	// snapshot may be nil.
	snapshot *gateway.Snapshot
	api      *gateway.API
	stage    *gateway.Stage
	of       *gateway.Route
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
	h.snapshot = s
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
	case h.stage != nil && h.api.Protocol == gateway.WebSocket && h.below() == "/":
		h.add("route", Noted, gateway.Position{}, lacksRoute(gateway.ConnectRoute))
	case h.stage != nil:
		h.add("route", Failed, h.stage.Deployment.Source, fmt.Sprintf("no route of the stage took %s %s%s", h.r.Method, h.below(), nearestRoutes(h.stage.Deployment, h.r.Method, h.below())))
	}
}

// below is the path as routes have it, as far as that can be told: below the longest path that
// the host maps to the stage.
func (h *happened) below() string {
	path := strings.TrimPrefix(h.r.Path, "/_aws/execute-api/"+h.r.API)
	base := ""
	if h.r.Stage != gateway.DefaultStage {
		base = "/" + h.r.Stage
	}
	if len(path) == len(h.r.Path) {
		if mapped, ok := h.mapped(); ok {
			base = mapped
		}
	}
	if rest, ok := strings.CutPrefix(path, base); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	return cmp.Or(path, "/")
}

// mapped is the path by which the domain of the host leads to the stage; false where none does,
// as of APIs' own hosts.
func (h *happened) mapped() (base string, ok bool) {
	if h.snapshot == nil || strings.HasPrefix(h.r.Host, strings.ToLower(h.r.API)+".execute-api.") {
		return "", false
	}
	nearest := 0
	for i := range h.snapshot.Domains {
		d := &h.snapshot.Domains[i]
		suffix := strings.TrimPrefix(d.Name, "*")
		if len(suffix) < nearest || !named(d.Name, h.r.Host) {
			continue
		}
		for j := range d.Mappings {
			m := &d.Mappings[j]
			at := strings.TrimSuffix("/"+m.Path, "/")
			if m.API == h.r.API && m.Stage == h.r.Stage && (h.r.Path == at || strings.HasPrefix(h.r.Path, at+"/")) &&
				(!ok || len(suffix) > nearest || len(at) > len(base)) {
				base, nearest, ok = at, len(suffix), true
			}
		}
	}
	return base, ok
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
		text, ok := refusedKeys[h.r.Details]
		if !ok {
			text = "there was no API key, or none that a usage plan of the stage lets in"
		}
		h.add("API key", Failed, key, text)
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
		at, text := gateway.Position{}, fmt.Sprintf("the quota of the key %s is used up for the period", orUnknown(h.r.KeyName))
		for _, p := range h.plans() {
			if p.Quota != nil {
				at = p.Quota.Source
				text = fmt.Sprintf("the key %s has used up what the usage plan %s lets it call: %d times a %s", h.r.KeyName, p.Name, p.Quota.Limit, strings.ToLower(string(p.Quota.Period)))
			}
		}
		h.add("quota", Failed, at, text)
	case t == gateway.Throttled, h.r.Throttled:
		which := "a throttle"
		if words, ok := detailWords[h.r.Details]; ok {
			which = words
		}
		// Envoy does not tell which of its throttles it was.
		switch all := h.throttles(); len(all) {
		case 0:
			h.add("throttle", Failed, gateway.Position{}, which+" let no more through")
		case 1:
			h.add("throttle", Failed, all[0].Source, fmt.Sprintf("%s let no more through: %s", which, all[0].text))
		default:
			h.add("throttle", Failed, gateway.Position{}, which+" let no more through, one of:")
			for _, t := range all {
				h.add("throttle", Noted, t.Source, t.text)
			}
		}
	}
}

// limiting is a throttle that may have refused a request.
type limiting struct {
	*gateway.Throttle
	text string
}

// throttles are those that may have refused it.
func (h *happened) throttles() (all []limiting) {
	if h.stage == nil {
		return nil
	}
	add := func(whose string, t *gateway.Throttle) {
		// A limit that Envoys share is refused by another name, but for where one stands in for it.
		if t == nil || h.r.Details == "local_rate_limited" && t.Shared {
			return
		}
		all = append(all, limiting{t, fmt.Sprintf("%s: %g requests a second, %d at once", whose, t.Rate, t.Burst)})
	}
	route := ""
	if h.of != nil {
		route = h.of.Key()
	}
	// Messages of WebSocket APIs are no calls of plans.
	if h.r.Event != string(socket.Message) {
		for _, p := range h.plans() {
			add("the key, by the usage plan "+p.Name+", for the route", p.Stage(h.r.API, h.r.Stage).RouteThrottle(route))
			add("the key, by the usage plan "+p.Name, p.Throttle)
		}
	}
	add("the route", h.stage.RouteThrottle(route))
	add("the stage", h.stage.Throttle)
	add("all APIs together", h.snapshot.Account.Throttle)
	return all
}

// plans are the usage plans by which the key of the request came to the stage.
func (h *happened) plans() (all []*gateway.UsagePlan) {
	if h.snapshot == nil || h.r.KeyName == "" {
		return nil
	}
	for i := range h.snapshot.UsagePlans {
		if p := &h.snapshot.UsagePlans[i]; p.Stage(h.r.API, h.r.Stage) != nil && slices.Contains(h.snapshot.PlanKeys(p), h.r.KeyName) {
			all = append(all, p)
		}
	}
	return all
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

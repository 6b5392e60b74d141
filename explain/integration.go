package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// noUpgrade is said of clients that come to a WebSocket API by plain HTTP.
const noUpgrade = "a WebSocket API is connected to with the header Upgrade: websocket, or by ws:// or wss://"

// upgraded reports whether a client asks for the WebSocket that it has come to; if not, that
// ends it.
func (ex *offline) upgraded() bool {
	if !ex.asked.upgrades() {
		ex.add("upgrade", Failed, gateway.Position{}, noUpgrade)
		ex.answer(http.StatusUpgradeRequired, "", `{"message":"Upgrade Required","requestId":"$context.requestId"}`)
		return false
	}
	return true
}

// integrate tells where a request goes that is let in.
func (ex *offline) integrate() {
	in := ex.of.Integration
	if ex.api.Protocol == gateway.WebSocket && !ex.upgraded() {
		return
	}
	if in == nil && ex.api.Protocol == gateway.WebSocket {
		ex.add("integration", Passed, ex.of.Source, "the route has none: who comes here is let in")
		ex.Answer = Answer{Certain: ex.settled(), From: FromIntegration}
		return
	}
	if in == nil {
		ex.add("integration", Failed, ex.of.Source, "the route has none")
		ex.answer(500, "", "")
		return
	}
	if d := ex.route.GetDirectResponse(); d != nil && ex.refusing() {
		t, text := gateway.UnsupportedMediaType, ex.unsupportedMedia()
		if text == "" {
			t, text = gateway.APIConfigurationError, "no integration response is for what the MOCK integration makes"
		}
		ex.refuse("integration", in.Source, t, "", text)
		return
	} else if d != nil {
		what := "the gateway answers by itself"
		if in.Type == gateway.IntegrationMock {
			what = "MOCK: " + what
		}
		ex.add("integration", Passed, in.Source, fmt.Sprintf("%s, with %d", what, d.GetStatus()))
		ex.answer(int(d.GetStatus()), "", replyBody(ex.route))
		return
	}
	if text := ex.unsupportedMedia(); text != "" {
		ex.refuse("integration", in.Source, gateway.UnsupportedMediaType, "", text)
		return
	}
	uri, missing := gateway.ResolveStageVariables(in.URI, ex.variables)
	dots := ""
	uri = gateway.ReplacePlaceholders(uri, func(s string) string { return s }, func(name string) string {
		value, known := ex.inPath(name)
		switch {
		case !known:
			return "{" + name + "}"
		case value == "." || value == "..":
			dots = name
		}
		return value
	})
	if dots != "" {
		ex.add("integration", Failed, in.Source, fmt.Sprintf("{%s} of its URI would be dots, which lead elsewhere", dots))
		ex.answer(400, "", `{"message":"Bad Request"}`)
		return
	}
	text := string(in.Type)
	if in.Subtype != "" {
		text += " " + in.Subtype
	}
	if uri != "" {
		text += " " + gateway.RedactUserinfo(uri)
	}
	if in.HTTPMethod != "" && in.HTTPMethod != gateway.AnyMethod && in.HTTPMethod != ex.asked.method {
		text += ", as " + in.HTTPMethod
	}
	if len(missing) > 0 {
		text += ", without a value for the stage variable " + strings.Join(missing, ", ")
	}
	if in.ConnectionType == gateway.ConnectionVPCLink {
		id, _ := gateway.ResolveStageVariables(in.ConnectionID, ex.variables)
		text += ", by the VPC link " + id
	}
	at := in.URISource
	if at.IsZero() {
		at = in.Source
	}
	if endpoint, err := gateway.ParseEndpointURI(withoutPlaceholders(in.URI, ex.variables)); err == nil {
		if _, backend, err := ex.snapshot.Upstream(in, endpoint, ex.stage, ex.variables); err == nil && backend != nil {
			text += ", which is the backend " + backend.Name
		}
	}
	if ex.stage.NeedsService(ex.of) {
		text += ", called by the integration service"
	}
	if timeout := ex.route.GetRoute().GetTimeout(); timeout != nil {
		text += map[bool]string{true: ", with no timeout", false: fmt.Sprintf(", within %s", timeout.AsDuration().Round(time.Millisecond))}[timeout.AsDuration() == 0]
	}
	ex.add("integration", Passed, at, text)
	if cached := ex.stage.RouteCache(ex.of); cached != nil {
		ex.add("cache", Noted, cached.Source, fmt.Sprintf("answers are kept for %d s, so that the integration may not be asked", cached.TTLSeconds))
	}
	if text := mapped(in); text != "" {
		ex.add("mapping", Noted, in.Source, text)
	}
	if _, template, _ := ex.requestTemplate(); !gateway.PassesThrough(template) && len(ex.body) > 0 && !json.Valid(ex.body) {
		ex.add("body", Open, in.Source, "it is no JSON; 400 where the template looks into it")
	}
	ex.Answer = Answer{Certain: ex.settled(), From: FromIntegration}
}

// inPath is what a variable of the integration's URI stands for, as in the client's path; false
// where it is from elsewhere, which may be a secret, unless it is dots.
func (ex *offline) inPath(name string) (string, bool) {
	for _, m := range ex.of.Integration.RequestParameters {
		if strings.TrimPrefix(m.Target, "integration.request.path.") != name {
			continue
		}
		if source, ok := strings.CutPrefix(m.Source, "method.request.path."); ok {
			name = source
			break
		}
		values := ex.valuesOf(m.Source)
		if len(values) == 0 || strings.Contains(m.Source, ".multivalue") {
			return "", false
		}
		last := values[len(values)-1]
		return last, last == "." || last == ".."
	}
	value, known := ex.parameters[name]
	return value, known
}

// refusing reports whether the route's own reply is a gateway response.
func (ex *offline) refusing() bool {
	return slices.ContainsFunc(ex.route.GetResponseHeadersToAdd(), func(h *corev3.HeaderValueOption) bool {
		return strings.EqualFold(h.GetHeader().GetKey(), wire.ErrorTypeHeader)
	})
}

// unsupportedMedia tells why an integration does not take bodies of the request's type; empty
// where it does.
func (ex *offline) unsupportedMedia() string {
	in := ex.of.Integration
	if in.Type == gateway.IntegrationHTTPProxy || in.Type == gateway.IntegrationAWSProxy ||
		in.PassthroughBehavior != "NEVER" && (in.PassthroughBehavior != "WHEN_NO_TEMPLATES" || len(in.RequestTemplates) == 0) {
		return ""
	}
	contentType, _, found := ex.requestTemplate()
	if found {
		return ""
	}
	return fmt.Sprintf("the integration has no template for bodies of the type %s, and lets none through without one (%s)", contentType, in.PassthroughBehavior)
}

// requestTemplate is the one of the body's content type, of which the first counts.
func (ex *offline) requestTemplate() (contentType, template string, found bool) {
	contentType = ex.asked.header.Get("Content-Type")
	if end := strings.IndexAny(contentType, ";,"); end >= 0 {
		contentType = contentType[:end]
	}
	contentType = cmp.Or(strings.TrimSpace(contentType), "application/json")
	for of, text := range ex.of.Integration.RequestTemplates {
		if strings.EqualFold(of, contentType) {
			return contentType, text, true
		}
	}
	template, found = ex.of.Integration.RequestTemplates[gateway.DefaultRoute]
	return contentType, template, found
}

// shownMappings bounds how many are told.
const shownMappings = 10

// mapped tells how the request to an integration is made; empty where it is passed on.
func mapped(in *gateway.Integration) string {
	var parts []string
	for i, m := range in.RequestParameters {
		if i == shownMappings {
			parts = append(parts, fmt.Sprintf("%d more", len(in.RequestParameters)-i))
			break
		}
		parts = append(parts, m.Target+" from "+m.Source)
	}
	for _, contentType := range slices.Sorted(maps.Keys(in.RequestTemplates)) {
		parts = append(parts, "the body by the template for "+contentType)
	}
	return strings.Join(parts, ", ")
}

// withoutPlaceholders is a URI whose host can be read.
func withoutPlaceholders(uri string, variables map[string]string) string {
	uri, _ = gateway.ResolveStageVariables(uri, variables)
	return uri
}

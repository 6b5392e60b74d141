package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway"
)

// integrate tells where a request goes that is let in.
func (ex *offline) integrate() {
	for _, s := range ex.Steps {
		if s.Name == "throttle" && s.Result == Failed {
			status, body := ex.response(gateway.Throttled, "")
			ex.answer(status, gateway.Throttled, body)
			return
		}
	}
	in := ex.of.Integration
	if in == nil {
		ex.add("integration", Failed, ex.of.Source, "the route has none")
		ex.answer(500, "", "")
		return
	}
	if d := ex.route.GetDirectResponse(); d != nil {
		what := "the gateway answers by itself"
		if in.Type == gateway.IntegrationMock {
			what = "MOCK: " + what
		}
		ex.add("integration", Passed, in.Source, fmt.Sprintf("%s, with %d", what, d.GetStatus()))
		ex.answer(int(d.GetStatus()), "", replyBody(ex.route))
		return
	}
	uri, missing := gateway.ResolveStageVariables(in.URI, ex.variables)
	uri = gateway.ReplacePlaceholders(uri, func(s string) string { return s }, func(name string) string {
		for _, m := range in.RequestParameters {
			if strings.TrimPrefix(m.Target, "integration.request.path.") == name {
				if source, ok := strings.CutPrefix(m.Source, "method.request.path."); ok {
					name = source
					continue
				}
				return "{" + name + "}"
			}
		}
		if value, ok := ex.parameters[name]; ok {
			return value
		}
		return "{" + name + "}"
	})
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
	ex.Answer = Answer{Certain: ex.settled(), From: FromIntegration}
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

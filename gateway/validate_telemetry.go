package gateway

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// telemetry checks what a stage wants to be told about its requests, and that its Envoys
// tell it.
func (v *validation) telemetry(a *API, s *Stage) {
	if log := s.AccessLog; log != nil {
		v.accessLog(a, log)
		v.toldBy(a, s, log.Source, "an access log")
	}
	if s.Tracing != nil {
		v.traced(a, s)
	}
	v.executionLog(a, s)
	for i := range s.Settings {
		if detailed := s.Settings[i].DetailedMetrics; detailed != nil && *detailed {
			v.toldBy(a, s, s.Settings[i].Source, "detailed metrics")
			return
		}
	}
	if s.DetailedMetrics {
		v.toldBy(a, s, s.Source, "detailed metrics")
	}
}

// toldBy reports a wish that a gateway of the API does not serve. What the API does, and who
// may call it, is the same without.
func (v *validation) toldBy(a *API, s *Stage, pos Position, wish string) {
	told := "does not tell about requests"
	if a.Protocol == WebSocket {
		// Who serves connections tells of all others.
		told = "does not tell about clients that it lets not connect"
	}
	for i := range v.snapshot.Gateways {
		g := &v.snapshot.Gateways[i]
		if (len(a.Gateways) == 0 || slices.Contains(a.Gateways, g.Name)) && !g.Telemetry {
			v.found.Warnf("telemetry-off", pos, "", "add telemetry: true to the gateway "+g.Name,
				"the stage %s/%s has %s, and the gateway %s, which serves it, %s", a.ID, s.Name, wish, g.Name, told)
		}
	}
}

func (v *validation) accessLog(a *API, log *StageAccessLog) {
	if log.Format == "" {
		return // the reader has reported it
	}
	at := func(m LogMistake) Position {
		pos := log.FormatSource.Start
		if m.Offset >= 0 {
			before := log.Format[:m.Offset]
			pos, _ = log.FormatSource.At(1+strings.Count(before, "\n"), 1+len(before)-(strings.LastIndexByte(before, '\n')+1))
		}
		return cmp.Or(pos, log.Source)
	}
	_, mistakes := ParseAccessLogFormat(log.Format, a.Protocol)
	for _, m := range mistakes {
		v.errorf(m.Code, at(m), m.Hint, "%s", m.Message)
	}
	if len(mistakes) > 0 {
		return
	}
	for _, m := range emptyLogVariables(log.Format) {
		v.found.Warnf(m.Code, at(m), "", m.Hint, "%s", m.Message)
	}
}

// executionLog checks that a stage may have an execution log, and gets what it wants of it.
func (v *validation) executionLog(a *API, s *Stage) {
	var wanted Position
	look := func(d ExecutionDetail, pos Position) {
		if d.DataTrace && !d.Steps() {
			v.errorf("no-effect", pos, "set level: INFO besides, or leave dataTrace out", "dataTrace goes with the level INFO")
		}
		if d.Errors() && wanted.IsZero() {
			wanted = pos
		}
	}
	if s.ExecutionLog != nil {
		look(s.ExecutionLog.ExecutionDetail, cmp.Or(s.ExecutionLog.Source, s.Source))
	}
	for i := range s.Settings {
		if e := s.Settings[i].Execution; e != nil {
			look(*e, cmp.Or(s.Settings[i].Source, s.Source))
		}
	}
	switch {
	case !s.LogsExecutions():
	case a.Protocol == WebSocket:
		v.toldBy(a, s, wanted, "an execution log")
	case a.Protocol == REST:
		v.toldBy(a, s, wanted, "an execution log")
		for _, d := range s.Deployments() {
			v.traceable(s, d)
		}
	default:
		v.errorf("unsupported-telemetry", wanted, "remove it; an access log can tell $context.error.* and $context.integration.*",
			"the stage %s/%s is of an HTTP API, which has no execution logs", a.ID, s.Name)
	}
}

// traceable tells of routes whose data nobody sees who could tell it.
func (v *validation) traceable(s *Stage, d *Deployment) {
	if d == nil {
		return
	}
	for i := range d.Routes {
		r := &d.Routes[i]
		if in := r.Integration; in != nil && in.Type == IntegrationHTTPProxy && !in.traceable() && s.RouteExecution(r.Key()).Data() {
			v.found.Warnf("no-effect", in.Source, "", "set responseTransferMode: BUFFERED as long as you trace it, or dataTrace: false for the route",
				"what %s sends and answers is not traced in the stage %s, since it streams: only its steps are told", r.Key(), s.Name)
		}
	}
}

// destinations checks that stages which share a file agree on it.
func (v *validation) destinations() {
	type log struct {
		maxBytes int64
		maxFiles int
		source   Position
	}
	first := map[string]log{}
	look := func(destination string, l log) {
		if destination == "" {
			return
		}
		other, known := first[destination]
		if !known {
			first[destination] = l
		} else if other.maxBytes != l.maxBytes || other.maxFiles != l.maxFiles {
			v.errorf("conflicting-log-files", l.source, "say the same of it, or log to another file",
				"%s is kept in another way than at %s", destination, other.source)
		}
	}
	for i := range v.snapshot.APIs {
		for j := range v.snapshot.APIs[i].Stages {
			s := &v.snapshot.APIs[i].Stages[j]
			if l := s.AccessLog; l != nil {
				look(l.Destination, log{l.MaxBytes, l.MaxFiles, l.Source})
			}
			if l := s.ExecutionLog; l != nil {
				look(l.Destination, log{l.MaxBytes, l.MaxFiles, l.Source})
			}
		}
	}
}

// collectorHeader is the name of a header that gRPC lets through as text.
var collectorHeader = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]*$`)

// tracing checks how a gateway's Envoys reach their collector.
func (v *validation) tracing(t *Tracing) {
	if t == nil {
		return
	}
	v.service("tracing", &t.Collector)
	seen := map[string]Position{}
	for _, h := range t.Headers {
		if !collectorHeader.MatchString(h.Name) || strings.HasPrefix(h.Name, "grpc-") || strings.HasSuffix(h.Name, "-bin") || h.Name == "content-type" || h.Name == "te" {
			v.errorf("invalid-name", h.Source, "use letters, digits and hyphens, as in x-api-key", "%q cannot be a header for the collector", h.Name)
		}
		if strings.ContainsFunc(string(h.Value), func(r rune) bool { return r < ' ' || r > '~' || r == '%' }) {
			// Envoy would take a percent sign for a command, and has no way to write one.
			v.errorf("invalid-value", h.Source, "", "the value of the header %s has characters that cannot be sent", h.Name)
		}
		v.unique(seen, "header", h.Name, h.Source)
	}
}

// traced checks that a stage which wants its requests traced can have that.
func (v *validation) traced(a *API, s *Stage) {
	if a.Protocol == WebSocket {
		v.errorf("unsupported-tracing", s.Tracing.Source, "remove it", "the stage %s/%s is of a WebSocket API, whose messages are not traced", a.ID, s.Name)
		return
	}
	for i := range v.snapshot.Gateways {
		g := &v.snapshot.Gateways[i]
		if (len(a.Gateways) == 0 || slices.Contains(a.Gateways, g.Name)) && g.Tracing == nil {
			v.found.Warnf("tracing-off", s.Tracing.Source, "", "give the gateway "+g.Name+" a tracing with the address of a collector",
				"the stage %s/%s wants to be traced, and the gateway %s, which serves it, has no collector to report to", a.ID, s.Name, g.Name)
		}
	}
}

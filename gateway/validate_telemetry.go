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
	_, mistakes := ParseAccessLogFormat(log.Format, a.Protocol)
	for _, m := range mistakes {
		pos := log.FormatSource.Start
		if m.Offset >= 0 {
			before := log.Format[:m.Offset]
			pos, _ = log.FormatSource.At(1+strings.Count(before, "\n"), 1+len(before)-(strings.LastIndexByte(before, '\n')+1))
		}
		v.errorf(m.Code, cmp.Or(pos, log.Source), m.Hint, "%s", m.Message)
	}
	if len(mistakes) > 0 {
		return
	}
	for _, m := range emptyLogVariables(log.Format) {
		before := log.Format[:m.Offset]
		pos, _ := log.FormatSource.At(1+strings.Count(before, "\n"), 1+len(before)-(strings.LastIndexByte(before, '\n')+1))
		v.found.Warnf(m.Code, cmp.Or(pos, log.Source), "", m.Hint, "%s", m.Message)
	}
}

// destinations checks that stages which share a file agree on it.
func (v *validation) destinations() {
	first := map[string]*StageAccessLog{}
	for i := range v.snapshot.APIs {
		for j := range v.snapshot.APIs[i].Stages {
			log := v.snapshot.APIs[i].Stages[j].AccessLog
			if log == nil || log.Destination == "" {
				continue
			}
			other := first[log.Destination]
			if other == nil {
				first[log.Destination] = log
			} else if other.MaxBytes != log.MaxBytes || other.MaxFiles != log.MaxFiles {
				v.errorf("conflicting-log-files", log.Source, "say the same of it, or log to another file",
					"%s is kept in another way than at %s", log.Destination, other.Source)
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

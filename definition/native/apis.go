package native

import (
	"net/url"
	"regexp"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

func parseAPI(v source.Value) API {
	o := v.Object()
	a := API{API: gateway.API{
		Name:                      o.RequireText("name"),
		Description:               o.Get("description").Text(),
		Protocol:                  gateway.REST,
		Gateways:                  o.Get("gateways").Texts(),
		DisableExecuteAPIEndpoint: o.Get("disableExecuteApiEndpoint").Bool(false),
		Tags:                      o.Get("tags").StringMap(),
		Source:                    v.Pos(),
	}}
	if protocol := o.Get("protocol"); !protocol.IsNull() {
		// One that isn't known stays empty: what depends on it cannot be checked.
		a.Protocol = gateway.Protocol(protocol.OneOf("REST", "HTTP", "WEBSOCKET"))
	}
	a.ID = a.Name
	if id := o.Get("id"); !id.IsNull() {
		a.ID = id.NonEmpty()
	}
	a.Region = parseOf(o.Get("region"), regionForm, "a region, such as eu-west-1")
	a.AccountID = parseOf(o.Get("accountId"), accountForm, "an account, which is twelve digits")
	var own Definition
	if a.Protocol == gateway.WebSocket {
		own = parseFile(o, Definition{Value: v})
	} else {
		own = parseDefinition(o, Definition{Value: v})
		refuseWebSocketKeys(o)
	}
	stages := o.Get("stages")
	for _, s := range stages.List() {
		a.Stages = append(a.Stages, parseStage(s, own, a.Protocol))
	}
	if a.Protocol == gateway.WebSocket {
		a.parseWebSocket(o, own)
	}
	switch {
	case len(a.Stages) > 0 || !v.IsObject() || !stages.IsNull() && !stages.IsList():
	case a.Protocol == gateway.HTTP:
		a.Stages = []Stage{{Stage: gateway.Stage{Name: gateway.DefaultStage, Source: v.Pos()}, Definition: own}}
		own.require(gateway.DefaultStage)
	default:
		v.Errorf("missing-key", "add stages: [{name: v1}]", "the API %s has no stages", a.Name)
	}
	o.Done()
	return a
}

// Forms of what ARNs have.
var (
	regionForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
)

// parseOf reads a text that has a form.
func parseOf(v source.Value, form *regexp.Regexp, what string) string {
	if v.IsNull() {
		return ""
	}
	text := v.NonEmpty()
	if text != "" && !form.MatchString(text) {
		v.Errorf("invalid-value", "", "%s is %s, must be %s", v.Path(), v.Shown(), what)
		return ""
	}
	return text
}

// parseDefinition reads the keys definition and backend, which an API has for those
// of its stages that have none of their own.
func parseDefinition(o *source.Object, d Definition) Definition {
	if file := o.Get("definition"); file.Exists() {
		d.File, d.Value = file.NonEmpty(), file
	}
	if b := o.Get("backend"); b.Exists() {
		d.Backend, d.BackendValue = b.NonEmpty(), b
		d.checkBackend()
	}
	return d
}

// require reports a definition that no key names.
func (d Definition) require(stage string) {
	if d.File == "" && d.Value.IsObject() {
		d.Value.Errorf("missing-key", "name an OpenAPI document with definition:", "the stage %s has no definition", stage)
	}
}

// checkBackend checks the form of a backend. A stage variable stands for any part.
func (d Definition) checkBackend() {
	if !strings.Contains(d.Backend, "://") || strings.Contains(d.Backend, "${") {
		return
	}
	u, err := url.Parse(d.Backend)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		d.BackendValue.Errorf("invalid-url", "write the name of a backend, or http(s)://host[:port][/path]", "%s is not the URL of a backend", d.BackendValue.Shown())
	}
}

func parseStage(v source.Value, own Definition, protocol gateway.Protocol) Stage {
	o := v.Object()
	s := Stage{Stage: gateway.Stage{
		Name:        o.RequireText("name"),
		Description: o.Get("description").Text(),
		Variables:   o.Get("variables").StringMap(),
		Source:      v.Pos(),
	}}
	if protocol == gateway.WebSocket {
		s.Definition = parseFile(o, own)
	} else {
		s.Definition = parseDefinition(o, own)
		if v.IsObject() {
			s.Definition.require(s.Name)
		}
	}
	s.MCP = parseMCP(o.Get("mcp"))
	parseConnectionBounds(o, &s.Stage, protocol)
	s.ClientCertificate = o.Get("clientCertificate").Text()
	s.Throttle = parseThrottle(o.Get("throttle"))
	s.Cache = parseCache(o.Get("cache"))
	if log := o.Get("accessLog"); log.Exists() {
		s.AccessLog = parseStageAccessLog(log)
	}
	if log := o.Get("executionLog"); log.Exists() {
		s.ExecutionLog = parseExecutionLog(log)
	}
	if tracing := o.Get("tracing"); tracing.Exists() {
		s.Tracing = parseStageTracing(tracing)
	}
	s.DetailedMetrics = o.Get("metrics").OneOf("standard", "detailed") == "detailed"
	for _, e := range o.Get("routes").Object().Entries() {
		s.Settings = append(s.Settings, parseSettings(e))
	}
	if c := o.Get("canary"); c.Exists() {
		s.parseCanary(c)
	}
	o.Done()
	return s
}

func (s *Stage) parseCanary(v source.Value) {
	o := v.Object()
	s.Stage.Canary = &gateway.Canary{Variables: o.Get("variables").StringMap(), Source: v.Pos()}
	if header := o.Get("header"); header.Exists() {
		s.Stage.Canary.Header = parseCanaryHeader(header)
		s.Stage.Canary.Percent = o.Get("percent").Number(0, 0, 100)
	} else {
		s.Stage.Canary.Percent = o.Require("percent").Number(0, 0, 100)
	}
	shared := o.Get("useStageCache")
	s.Stage.Canary.UseStageCache = shared.Bool(false)
	if s.Stage.Canary.UseStageCache && s.Cache == nil {
		shared.Errorf("no-effect", "add cache: to the stage", "the stage has no cache that its canary could use")
	}
	if file := o.Get("definition"); file.Exists() {
		s.Canary = Definition{File: file.NonEmpty(), Backend: s.Definition.Backend, Value: file, BackendValue: s.Definition.BackendValue}
	}
	o.Done()
}

// headerName is what can be a header that clients send. Those that begin with x-gw- are
// the gateway's own, and taken from them.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func parseCanaryHeader(v source.Value) *gateway.CanaryHeader {
	o := v.Object()
	name := o.RequireText("name")
	h := &gateway.CanaryHeader{Name: strings.ToLower(name), Value: o.Get("value").Text()}
	if name != "" && (!headerName.MatchString(name) || strings.HasPrefix(h.Name, "x-gw-") || h.Name == "host") {
		o.Get("name").Errorf("invalid-name", "such as x-canary", "%q is not a header that sends requests to a canary", name)
	}
	o.Done()
	return h
}

func parseSettings(e source.Entry) gateway.RouteSettings {
	o := e.Object()
	s := gateway.RouteSettings{RouteKey: e.Key, Source: e.KeyValue.Pos()}
	if v := o.Get("timeout"); v.Exists() {
		n := v.Millis(0, 0)
		s.TimeoutMillis = &n
	}
	if v := o.Get("maxRequestBytes"); v.Exists() {
		n := v.Bytes(0)
		s.MaxRequestBytes = &n
	}
	s.Retry = parseRetry(o.Get("retry"))
	s.Throttle = parseThrottle(o.Get("throttle"))
	if v := o.Get("cache"); v.Exists() {
		cache := v.Object()
		settings := parseCacheSettings(cache, v)
		cache.Done()
		s.Cache = &settings
	}
	if kind := o.Get("metrics").OneOf("standard", "detailed"); kind != "" {
		detailed := kind == "detailed"
		s.DetailedMetrics = &detailed
	}
	if v := o.Get("executionLog"); v.Exists() {
		log := v.Object()
		detail := parseExecutionDetail(log)
		log.Done()
		s.Execution = &detail
	}
	o.Done()
	return s
}

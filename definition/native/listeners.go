package native

import (
	"cmp"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// DefaultSuffix is the suffix of execute-api hosts where none is written.
const DefaultSuffix = "localhost"

func parseGateway(v source.Value) gateway.Gateway {
	o := v.Object()
	g := gateway.Gateway{
		Name:   o.RequireText("name"),
		Suffix: strings.ToLower(cmp.Or(o.Get("suffix").Text(), DefaultSuffix)),
		Source: v.Pos(),
	}
	for _, header := range o.Get("limitHeaders").List() {
		switch header.OneOf("retry-after", "x-ratelimit", "ratelimit") {
		case "retry-after":
			g.LimitHeaders.RetryAfter = true
		case "x-ratelimit":
			g.LimitHeaders.XRateLimit = true
		case "ratelimit":
			g.LimitHeaders.Draft = true
		}
	}
	listeners := o.Require("listeners")
	for _, l := range listeners.List() {
		g.Listeners = append(g.Listeners, parseListener(l))
	}
	if listeners.IsList() && len(g.Listeners) == 0 {
		listeners.Errorf("empty-list", "", "the gateway has no listeners")
	}
	if services := o.Get("services"); services.Exists() {
		g.Services = parseServices(services)
	}
	if log := o.Get("accessLog"); log.Exists() {
		g.AccessLog = parseAccessLog(log)
	}
	g.Telemetry = o.Get("telemetry").Bool(false)
	if tracing := o.Get("tracing"); tracing.Exists() {
		g.Tracing = parseTracing(tracing)
	}
	o.Done()
	return g
}

func parseListener(v source.Value) gateway.Listener {
	o := v.Object()
	l := gateway.Listener{
		Address:     parseAddress(o.Get("address")),
		Port:        uint32(o.Require("port").Int(0, 1, 65535)),
		TrustedHops: uint32(o.Get("trustedHops").Int(0, 0, 100)),
		SourceVPC:   parseID(o.Get("sourceVpc"), vpcID, "vpc-0a1b2c3d"),
		SourceVPCE:  parseID(o.Get("sourceVpce"), vpceID, "vpce-0a1b2c3d"),
		Source:      v.Pos(),
	}
	if t := o.Get("tls"); t.Exists() {
		l.TLS = parseTLS(t)
	}
	o.Done()
	return l
}

// parseAccessLog reads where requests are logged. There is one form so far.
func parseAccessLog(v source.Value) *gateway.AccessLog {
	o := v.Object()
	l := &gateway.AccessLog{Path: o.RequireText("path"), Source: v.Pos()}
	if l.Path != "" && (!path.IsAbs(l.Path) || path.Clean(l.Path) != l.Path) {
		o.Get("path").Errorf("invalid-value", "write an absolute path, such as /dev/stdout", "%s is not the path of a file", o.Get("path").Shown())
	}
	o.Get("format").OneOf("json")
	o.Done()
	return l
}

var (
	vpcID  = regexp.MustCompile(`^vpc-[0-9A-Za-z-]{1,60}$`)
	vpceID = regexp.MustCompile(`^vpce-[0-9A-Za-z-]{1,60}$`)
	ruleID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
)

// parseID reads an id of this form, such as that of a VPC.
func parseID(v source.Value, form *regexp.Regexp, example string) string {
	if !v.Exists() {
		return ""
	}
	id := v.NonEmpty()
	if id != "" && !form.MatchString(id) {
		v.Errorf("invalid-value", "write an id such as "+example, "%s is no such id", v.Shown())
		return ""
	}
	return id
}

// parseAddress reads the IP address to listen on. Envoy resolves no names for it.
func parseAddress(v source.Value) string {
	const all = "0.0.0.0"
	if v.IsNull() {
		return all
	}
	text := v.NonEmpty()
	if text == "" {
		return all
	}
	if a, err := netip.ParseAddr(text); err != nil || a.Zone() != "" {
		v.Errorf("invalid-address", "write an IP address, such as 0.0.0.0, :: or 127.0.0.1", "%s is not an address to listen on", v.Shown())
		return all
	}
	return text
}

// parseTLS reads a certificate with its key. Both are files; the key may also be
// given as {file: …} or by an environment variable that holds the PEM text.
func parseTLS(v source.Value) *gateway.TLS {
	o := v.Object()
	t := tlsOf(v, o)
	o.Done()
	return t
}

// parseDomainTLS reads, besides, what clients' certificates are verified with.
func parseDomainTLS(v source.Value) *gateway.TLS {
	o := v.Object()
	t := tlsOf(v, o)
	t.ClientCA, t.ClientCRL = pemOf(o.Get("clientCA")), pemOf(o.Get("clientCRL"))
	t.TruststoreURI = o.Get("truststore").Text()
	if t.TruststoreURI != "" && (t.ClientCA != "" || t.ClientCRL != "") {
		o.Get("truststore").Errorf("conflicting-keys", "leave one of them out", "truststore and clientCA exclude each other")
	}
	o.Done()
	return t
}

func tlsOf(v source.Value, o *source.Object) *gateway.TLS {
	t := &gateway.TLS{
		MinVersion: o.Get("minVersion").OneOf("1.0", "1.1", "1.2", "1.3"),
		Source:     v.Pos(),
	}
	certificate, key := o.Get("certificate"), o.Get("key")
	t.CertificateARN = o.Get("arn").Text()
	switch {
	case t.CertificateARN != "" && (!certificate.IsNull() || !key.IsNull()):
		o.Get("arn").Errorf("conflicting-keys", "leave one of them out", "arn and certificate exclude each other")
	case certificate.IsNull() && key.IsNull():
	case certificate.IsNull() || key.IsNull():
		v.Errorf("missing-key", "", "certificate and key belong together; one is missing")
	default:
		t.Certificate, t.Key = pemOf(certificate), gateway.Secret(pemOf(key))
		if t.Certificate == "" || t.Key == "" {
			// Both are needed, and why one is missing is reported.
			t.Certificate, t.Key = "", ""
		}
	}
	return t
}

// pemOf reads PEM text, or the file that is named instead.
func pemOf(v source.Value) string {
	if v.IsNull() {
		return ""
	}
	var content []byte
	if v.IsObject() {
		content = v.FileContent()
	} else if text := v.Text(); strings.Contains(text, "-----BEGIN") {
		return text
	} else {
		content = v.ReadFile()
	}
	if content != nil && len(content) == 0 {
		v.Errorf("empty-value", "", "the file of %s is empty", v.Path())
	}
	return string(content)
}

func parseDomain(v source.Value) gateway.Domain {
	o := v.Object()
	d := gateway.Domain{
		Name:    strings.ToLower(o.RequireText("name")),
		Gateway: o.Get("gateway").Text(),
		Source:  v.Pos(),
	}
	if t := o.Get("tls"); t.Exists() {
		d.TLS = parseDomainTLS(t)
	}
	rules := o.Get("rules")
	for _, r := range rules.List() {
		d.Mappings = append(d.Mappings, parseRule(r))
	}
	mappings := o.Get("mappings")
	if !rules.Exists() {
		mappings = o.Require("mappings")
	}
	for _, m := range mappings.List() {
		d.Mappings = append(d.Mappings, parseMapping(m))
	}
	o.Done()
	return d
}

func parseMapping(v source.Value) gateway.DomainMapping {
	o := v.Object()
	m := gateway.DomainMapping{Path: strings.Trim(o.Get("path").Text(), "/"), Source: v.Pos()}
	m.API, m.Stage = parseMappedStage(o)
	o.Done()
	return m
}

// parseRule reads a routing rule, which is a mapping with conditions.
func parseRule(v source.Value) gateway.DomainMapping {
	o := v.Object()
	r := &gateway.RoutingRule{Path: strings.Trim(o.Get("path").Text(), "/"), Source: v.Pos()}
	r.Priority = int(o.Require("priority").Int(1, 1, gateway.MaxRulePriority))
	// Amazon's rules have ids; those of files need none.
	r.ID = cmp.Or(parseID(o.Get("id"), ruleID, "gold-tenants"), strconv.Itoa(r.Priority))
	for _, e := range o.Get("headers").Object().Entries() {
		r.Headers = append(r.Headers, gateway.HeaderGlob{Name: e.Key, Value: e.NonEmpty(), Source: e.KeyValue.Pos()})
	}
	m := gateway.DomainMapping{Rule: r, Source: v.Pos()}
	if o.Get("stripPath").Bool(false) {
		m.Path = r.Path
	}
	m.API, m.Stage = parseMappedStage(o)
	o.Done()
	return m
}

// parseMappedStage reads which stage a mapping leads to.
func parseMappedStage(o *source.Object) (api, stage string) {
	text := o.RequireText("stage")
	api, name, ok := strings.Cut(text, "/")
	if text != "" && (!ok || api == "" || name == "") {
		stage := o.Get("stage")
		stage.Errorf("invalid-stage-reference", "write API/STAGE, such as petstore/v1", "%s does not name a stage of an API", stage.Shown())
		return "", ""
	}
	return api, name
}

package integration

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/lambdaevent"
)

// eventField is a header, or a query parameter, with all its values in order.
type eventField struct {
	name   string
	values []string
}

// lowerNames are the names of usual headers in lower case, by how net/http spells them.
var lowerNames = map[string]string{}

func init() {
	for _, name := range []string{
		"accept", "accept-encoding", "accept-language", "authorization", "cache-control", "connection", "content-encoding",
		"content-length", "content-type", "cookie", "date", "dnt", "expect", "forwarded", "host", "if-match",
		"if-modified-since", "if-none-match", "origin", "pragma", "priority", "range", "referer", "te", "user-agent",
		"via", "x-api-key", "x-amzn-trace-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
		"x-request-id", "x-gw-route", "x-gw-client", "x-gw-key", "x-gw-authorizer", "x-gw-typed", "x-gw-claims", "x-gw-identity",
		"sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user", "traceparent", "tracestate",
	} {
		lowerNames[http.CanonicalHeaderKey(name)] = name
	}
}

func lowerName(canonical string) string {
	if name, ok := lowerNames[canonical]; ok {
		return name
	}
	return strings.ToLower(canonical)
}

// eventHeaders are the headers that a function is shown, sorted by their names. Those of
// REST APIs have the names that Spelled gives them, those of HTTP APIs are in lower case.
func (x *exchange) eventHeaders(trace string) []eventField {
	rest := x.route.stage.rest()
	fields := make([]eventField, 0, len(x.request.Header)+3)
	add := func(name string, values ...string) {
		if rest {
			name = lambdaevent.Spelled(name)
		}
		fields = append(fields, eventField{name, values})
	}
	for canonical, values := range x.request.Header {
		name := lowerName(canonical)
		switch {
		case lambdaevent.Hidden(name), name == "x-amzn-trace-id", name == "x-forwarded-port", name == "host":
		case name == "x-forwarded-for":
			add(name, x.forwardedFor(values))
		default:
			add(name, values...)
		}
	}
	add("host", x.request.Host)
	add("x-amzn-trace-id", trace)
	add("x-forwarded-port", x.port())
	if !rest {
		add("content-length", strconv.FormatInt(max(x.request.ContentLength, 0), 10))
	}
	slices.SortFunc(fields, func(a, b eventField) int { return strings.Compare(a.name, b.name) })
	return fields
}

// forwardedFor has the client last. For one on its own machine Envoy writes the machine's
// address.
func (x *exchange) forwardedFor(values []string) string {
	list := strings.Join(values, ", ")
	if address, err := netip.ParseAddr(x.address); err != nil || !address.IsLoopback() {
		return list
	}
	return list[:strings.LastIndexByte(list, ' ')+1] + x.address
}

// port is the one that the client has asked, by what it says.
func (x *exchange) port() string {
	if _, port, err := net.SplitHostPort(x.request.Host); err == nil && port != "" {
		return port
	}
	if x.header("X-Forwarded-Proto") == "https" {
		return "443"
	}
	return "80"
}

// queryFields are the query's parameters, in the order in which they first come.
func (x *exchange) queryFields() []eventField {
	var fields []eventField
	for _, p := range lambdaevent.Query(x.query, x.route.stage.rest()) {
		i := slices.IndexFunc(fields, func(f eventField) bool { return f.name == p.Name })
		if i < 0 {
			i = len(fields)
			fields = append(fields, eventField{name: p.Name})
		}
		fields[i].values = append(fields[i].values, p.Value)
	}
	return fields
}

// traceID completes X-Amzn-Trace-Id, or makes a new one.
// See https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func (x *exchange) traceID() string {
	given := x.header("X-Amzn-Trace-Id")
	hasRoot, hasParent, hasSampled := false, false, false
	for part := range strings.SplitSeq(given, ";") {
		part = strings.TrimSpace(part)
		hasRoot = hasRoot || strings.HasPrefix(part, "Root=")
		hasParent = hasParent || strings.HasPrefix(part, "Parent=")
		hasSampled = hasSampled || strings.HasPrefix(part, "Sampled=")
	}
	var random [20]byte
	if !hasRoot || !hasParent {
		rand.Read(random[:]) // It never fails.
	}
	parent := func() string { return hex.EncodeToString(random[12:]) }
	if !hasRoot {
		seconds := strconv.FormatInt(x.began/1000, 16)
		return "Root=1-" + strings.Repeat("0", max(8-len(seconds), 0)) + seconds + "-" + hex.EncodeToString(random[:12]) + ";Parent=" + parent() + ";Sampled=0"
	}
	if !hasParent {
		given += ";Parent=" + parent()
	}
	if !hasSampled {
		given += ";Sampled=0"
	}
	return given
}

// lastValues writes a member with the last value of each name.
func (j *jsonText) lastValues(name string, fields []eventField) {
	j.object(name)
	for _, f := range fields {
		j.text(f.name, f.values[len(f.values)-1])
	}
	j.end('}')
}

// allValues writes a member with all values of each name.
func (j *jsonText) allValues(name string, fields []eventField) {
	j.object(name)
	for _, f := range fields {
		j.list(f.name)
		for _, value := range f.values {
			j.item(value)
		}
		j.end(']')
	}
	j.end('}')
}

// joinedValues writes a member with the values of each name, commas between.
func (j *jsonText) joinedValues(name string, fields []eventField) {
	j.object(name)
	for _, f := range fields {
		j.text(f.name, strings.Join(f.values, ","))
	}
	j.end('}')
}

// texts writes a member with a map, sorted; null for an empty one.
func (j *jsonText) textsOrNull(name string, texts map[string]string) {
	if len(texts) == 0 {
		j.null(name)
		return
	}
	j.texts(name, texts)
}

func (j *jsonText) texts(name string, texts map[string]string) {
	j.object(name)
	for _, key := range sortedKeys(texts) {
		j.text(key, texts[key])
	}
	j.end('}')
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

package integration

import (
	"strconv"
	"strings"

	"gatehouse/integration/vtl"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/wire"
)

// notTold stands for a value that is too long to be told, as in access logs.
const notTold = "[TRUNCATED]"

// tellOverrides has the answer tell what the templates have set so far, if the stage's access
// log wants that.
func (m *mapping) tellOverrides() {
	if asked := m.told(wire.OverridesHeader); asked != "" {
		m.overridesTold = wire.TellOverrides(asked, notTold, func(name string) string { return overrideValue(&m.overrides, name) })
	}
}

// overrideValue is a variable of access logs: what a template has set in the place of what is
// mapped, "" if nothing. Secrets are shown by their ends, as in execution logs.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
func overrideValue(o *vtl.Overrides, variable string) string {
	side, rest, _ := strings.Cut(variable, ".")
	kind, name, _ := strings.Cut(rest, ".")
	switch side + "." + kind {
	case "requestOverride.header":
		return headerOverride(o.Request.Header, name)
	case "requestOverride.querystring":
		value := joined(o.Request.QueryString, func(n string) bool { return n == name })
		if executionlog.SecretParameter(name) {
			value = executionlog.Masked(value)
		}
		return value
	case "requestOverride.path":
		return joined(o.Request.Path, func(n string) bool { return n == name })
	case "responseOverride.header":
		return headerOverride(o.Response.Header, name)
	case "responseOverride.status":
		if o.Response.Status != 0 {
			return strconv.Itoa(o.Response.Status)
		}
	}
	return ""
}

func headerOverride(pairs []vtl.Pair, name string) string {
	value := joined(pairs, func(n string) bool { return strings.EqualFold(n, name) })
	if executionlog.SecretHeader(name) {
		value = executionlog.Masked(value)
	}
	return value
}

// joined are the values of a name; several are written as a template writes a list.
func joined(pairs []vtl.Pair, is func(name string) bool) string {
	var values []string
	for _, p := range pairs {
		if is(p.Name) {
			values = append(values, p.Value)
		}
	}
	if len(values) == 1 {
		return values[0]
	}
	if len(values) == 0 {
		return ""
	}
	return "[" + strings.Join(values, ", ") + "]"
}

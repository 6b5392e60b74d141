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

// tellIntegration has the answer tell what the templates have set so far, and what the backend
// has answered, if Envoy wants that.
func (m *mapping) tellIntegration() {
	m.tell(func(name string) string {
		switch {
		case name == wire.ToldRequestID:
			return m.calledAs
		case name != wire.ToldStatus:
			return overrideValue(&m.overrides, name)
		case m.in == nil || m.in.status == 0:
			return ""
		}
		return strconv.Itoa(m.in.status)
	})
}

// tell has the answer tell what Envoy wants of it.
func (x *exchange) tell(value func(name string) string) {
	if asked := x.told(wire.IntegrationToldHeader); asked != "" {
		x.integrationTold = wire.TellIntegration(asked, notTold, value)
	}
}

// tellCall has the answer tell of the call that it is of.
func (x *exchange) tellCall() {
	x.tell(func(name string) string {
		if name == wire.ToldRequestID {
			return x.calledAs
		}
		return ""
	})
}

// tellInstead has it tell that the gateway answers in the place of the integration, and why,
// beside what is told already.
func (x *exchange) tellInstead(f *failure, reason string) {
	before := x.integrationTold
	x.tell(func(name string) string {
		switch {
		case name == wire.ToldResponseType:
			return string(f.responseType())
		case name == wire.ToldError:
			return reason
		case name == wire.ToldRequestID:
			return x.calledAs
		case name == wire.ToldStatus && x.called != 0:
			return strconv.Itoa(x.called)
		}
		return ""
	})
	if before != "" && len(before)+1+len(x.integrationTold) <= wire.MaxIntegrationTold {
		x.integrationTold = strings.Trim(before+"&"+x.integrationTold, "&")
	}
}

// tellCache has it tell that the stage's cache gave the answer, and what it is.
func (x *exchange) tellCache(did string) {
	x.tell(func(name string) string {
		if name == wire.ToldCache {
			return did
		}
		return ""
	})
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

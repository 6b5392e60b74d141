package integration

import (
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// trialReply is a gateway response to a trial. On the way from a stage it is Envoy that
// makes it what the API wants it to be.
type trialReply struct {
	x *exchange
	t gateway.ResponseType
	// message is what the gateway says, and detail what is wrong with a body, as it stands
	// inside of a JSON string.
	message, detail string
	variables       *vtl.Map
}

// customise puts the API's own gateway response in the place of the gateway's answer. The
// mark is the type, or one of those that wire.ReplyHeader has besides; false where the API
// has none for it.
func (x *exchange) customise(answer *trialRecorder, mark, reason string) bool {
	if !x.route.stage.customised[mark] {
		return false
	}
	r := trialReply{x: x, t: gateway.ResponseType(mark)}
	switch mark {
	case wire.ReplyMalformed:
		r.t, r.message = gateway.Default5XX, gateway.ResponseDefaults[gateway.IntegrationFailure].Message
	case wire.ReplyOverloaded:
		r.t, r.message = gateway.Default5XX, serviceUnavailable
	case string(gateway.BadRequestParameters):
		r.message = reason
	case string(gateway.BadRequestBody):
		r.message, r.detail = gateway.ResponseDefaults[r.t].Message, reason
	default:
		r.message = gateway.ResponseDefaults[r.t].Message
	}
	r.lay(x.route.stage.deployment.ResolveGatewayResponse(r.t), answer)
	x.execution.Failure("Gateway response type: %s with status code: %d", r.t, answer.status)
	x.execution.GatewayResponse(answer.header, answer.body.Bytes())
	return true
}

// lay lays a customised response over an answer.
func (r *trialReply) lay(custom *gateway.GatewayResponse, answer *trialRecorder) {
	header := http.Header{"Content-Type": {jsonType}, "X-Amzn-Errortype": answer.header["X-Amzn-Errortype"]}
	if status, err := strconv.Atoi(custom.StatusCode); err == nil {
		answer.status = status
	}
	body := string(jsonMessage("message", r.message))
	if contentType, template := gateway.UsualTemplate(custom.Templates); contentType != "" {
		header.Set("Content-Type", contentType)
		body = gateway.ExpandReply(template, func(text string) string { return text }, r.variable)
	}
	for _, m := range custom.Parameters {
		name, ok := strings.CutPrefix(m.Target, "gatewayresponse.header.")
		value, err := gateway.ParseRESTValue(m.Source)
		if !ok || err != nil || !httpguts.ValidHeaderFieldName(name) {
			continue // No deployment has it, as the stage would be told.
		}
		if text := headerSafe(r.value(value)); text != "" {
			header.Set(name, text)
		}
	}
	answer.header = header
	answer.body.Reset()
	if r.x.request.Method != http.MethodHead {
		answer.body.WriteString(body)
	}
}

// variable is the value of one in a template.
func (r *trialReply) variable(space, name string) string {
	if space == "context" {
		switch name {
		case "error.message":
			return r.message
		case "error.messageString":
			if r.message == "" {
				return "null"
			}
			return string(appendQuoted(nil, r.message))
		case "error.responseType":
			return string(r.t)
		case "error.validationErrorString":
			return r.detail
		}
	}
	value, err := gateway.ParseRESTValue(space + "." + name)
	if err != nil {
		return ""
	}
	return r.value(value)
}

// value is what a mapping gives, "" where there is nothing.
func (r *trialReply) value(value gateway.Value) string {
	var b strings.Builder
	for _, e := range value {
		switch e.Kind {
		case gateway.Literal:
			b.WriteString(e.Name)
		case gateway.StageVariable:
			b.WriteString(r.x.route.stage.variables[e.Name])
		case gateway.RequestHeader, gateway.RequestMultiHeader:
			b.WriteString(r.x.request.Header.Get(e.Name))
		case gateway.RequestQuery, gateway.RequestMultiQuery:
			for _, f := range lambdaevent.Query(r.x.query, true) {
				if f.Name == e.Name {
					b.WriteString(f.Value)
					break
				}
			}
		case gateway.ContextVariable:
			if r.variables == nil {
				r.variables = r.x.contextVariables()
			}
			b.WriteString(textAt(r.variables, e.Name))
		}
	}
	return b.String()
}

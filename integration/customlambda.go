package integration

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/amazon"
	"gatehouse/internal/lambda"
)

// customLambda calls a function with what the request template makes. A function that
// returns is answered by the default response; the message of one that fails chooses among
// the others.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-custom-integrations.html
// and https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
type customLambda struct{ target lambda.Target }

// invocationType is the header by which a mapping has a function called without waiting.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-integration-async.html
const invocationType = "X-Amz-Invocation-Type"

// service compiles an integration of type AWS: a function, or another service of AWS.
func (b *stageCompiler) service(r *gateway.Route) handler {
	in := r.Integration
	uri, ok := b.uri(in)
	if !ok {
		b.mapped(r, "", nil) // What is wrong besides is told, too.
		return nil
	}
	if amazon.IsServiceURI(uri) {
		to := b.serviceBackend(r, uri)
		if to == nil {
			b.mapped(r, "", nil)
			return nil
		}
		return b.mapped(r, "service", to)
	}
	target, ok := b.function(r, uri)
	if in.HTTPMethod != "POST" {
		b.errorf("forbidden-mapping", in.Source, "write httpMethod: POST",
			"functions are called with POST, not %s; on Amazon API Gateway every request would fail", in.HTTPMethod)
		ok = false
	}
	for _, m := range in.RequestParameters {
		if header, isHeader := strings.CutPrefix(m.Target, "integration.request.header."); strings.HasPrefix(m.Target, "integration.request.") &&
			!(isHeader && strings.EqualFold(header, invocationType)) {
			b.found.Warnf("no-effect", m.Pos, "", "put it into the request template", "%s has no effect: a function gets what the request template makes, and nothing else", m.Target)
		}
	}
	h := b.mapped(r, "lambda", customLambda{target})
	if !ok {
		return nil
	}
	return h
}

func (c customLambda) call(m *mapping, out *outgoing) (*incoming, *trouble) {
	event := out.body
	if len(event) == 0 {
		event = []byte("{}")
	}
	if len(event) > maxEventBytes {
		return nil, &trouble{failure: tooLarge, reason: "the event is larger than Lambda takes"}
	}
	if !json.Valid(event) {
		return nil, &trouble{failure: badRequest, message: notJSONMessage, reason: "what a function is to be called with is not JSON"}
	}
	if strings.EqualFold(out.header.Get(invocationType), "Event") {
		if m.execution != nil {
			m.execution.Asked(c.target.Shown(), http.Header{invocationType: {"Event"}}, event)
		}
		if err := m.server.lambda.Start(m.ctx(), c.target, event); err != nil {
			return nil, &trouble{failure: callFailure(m.ctx(), err), reason: err.Error()}
		}
		return &incoming{status: http.StatusAccepted, json: true}, nil
	}
	result, err := m.invoke(c.target, event)
	var function *lambda.FunctionError
	switch {
	case errors.As(err, &function):
		return &incoming{status: http.StatusOK, selector: function.Message, selects: true, body: function.Result, json: true}, nil
	case err != nil:
		return nil, &trouble{failure: callFailure(m.ctx(), err), reason: err.Error()}
	}
	return &incoming{status: http.StatusOK, body: result, json: true}, nil
}

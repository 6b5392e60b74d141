package websocket

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
	"gatehouse/internal/lambda"
)

// customFunction is a Lambda function that is no proxy: it is called with what the request
// template makes, and what it returns is for the integration's responses, as Lambda's own
// API answers it.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integrations.html
type customFunction struct {
	invoker   Invoker
	target    lambda.Target
	templates *templates
	// parameters may say how it is called.
	parameters []parameter
}

// invocationType is the header by which a mapping or a template has a function called
// without waiting.
const invocationType = "X-Amz-Invocation-Type"

// functionErrorHeader tells in an answer that the function failed.
const functionErrorHeader = "X-Amz-Function-Error"

func (f *customFunction) invoke(ctx context.Context, e *event) (*answer, error) {
	out, err := f.templates.render(ctx, e, e.body, vtl.Overrides{})
	if err != nil {
		return nil, failed(ctx, http.StatusInternalServerError, err)
	}
	payload := []byte(out.Text)
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if !json.Valid(payload) {
		return nil, &failure{http.StatusBadRequest, messageBadRequest, errors.New("what a function is to be called with is not JSON")}
	}
	a := &answer{status: http.StatusOK, header: http.Header{}, overrides: out.Overrides}
	if f.startsOnly(e, out.Overrides) {
		if t := e.trace(); t != nil {
			t.Ask(f.target.Shown(), http.Header{invocationType: {"Event"}}, payload)
		}
		if err := f.invoker.Start(ctx, f.target, payload); err != nil {
			return nil, failed(ctx, http.StatusInternalServerError, err)
		}
		a.status = http.StatusAccepted
		return a, nil
	}
	if t := e.trace(); t != nil {
		t.Ask(f.target.Shown(), nil, payload)
	}
	a.body, err = f.invoker.Invoke(ctx, f.target, payload)
	var itself *lambda.FunctionError
	if errors.As(err, &itself) {
		e.trace().Answer(http.Header{functionErrorHeader: {"Unhandled"}}, itself.Result)
	}
	switch {
	case itself != nil && e.kind != eventConnect:
		a.header.Set(functionErrorHeader, "Unhandled")
		a.body = itself.Result
	case itself != nil, errors.Is(err, lambda.ErrTooLarge):
		// Nobody is let in by a function that failed.
		return nil, failed(ctx, http.StatusBadGateway, err)
	case err != nil:
		return nil, failed(ctx, http.StatusInternalServerError, err)
	}
	return a, nil
}

// startsOnly reports whether nobody waits for the function.
func (f *customFunction) startsOnly(e *event, by vtl.Overrides) bool {
	for _, p := range overridden(f.parameters, by.Request) {
		if p.in == "header" && strings.EqualFold(p.name, invocationType) {
			return strings.EqualFold(p.value(e), "Event")
		}
	}
	return false
}

// customFunction compiles an integration of type AWS; nil if something is wrong with it,
// which is reported.
func (c *compiler) customFunction(in *gateway.Integration, key string) *customFunction {
	if in.HTTPMethod != "" && in.HTTPMethod != http.MethodPost {
		c.errorf("forbidden-mapping", in.Source, "write httpMethod: POST, or leave it out", "functions are called with POST, not %s", in.HTTPMethod)
	}
	target := c.function(in, key)
	if target == nil {
		return nil
	}
	f := &customFunction{
		invoker: c.invoker, target: target.target, parameters: c.parameters(in, key),
		templates: c.templates(in.RequestTemplates, in.TemplateSelectionExpression, in.PassthroughBehavior, in.Source),
	}
	for i, p := range f.parameters {
		if p.in != "header" || !strings.EqualFold(p.name, invocationType) {
			c.found.Warnf("no-effect", in.RequestParameters[i].Pos, "", "put it into the request template",
				"%s has no effect: a function gets what the request template makes, and nothing else", in.RequestParameters[i].Target)
		}
	}
	return f
}

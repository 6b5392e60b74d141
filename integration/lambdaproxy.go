package integration

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/amazon"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// lambdaProxy calls a function with the request, and answers with what it returns.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
// and https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type lambdaProxy struct {
	target lambda.Target
	form   eventForm
}

// eventForm is how a request is described, and what is expected of the result.
type eventForm int

const (
	// restForm belongs to REST APIs, the others are the payload format versions 1.0 and
	// 2.0 of HTTP APIs.
	restForm eventForm = iota
	httpForm1
	httpForm2
)

func (b *stageCompiler) lambdaProxy(r *gateway.Route) handler {
	in := r.Integration
	uri, ok := b.uri(in)
	if !ok {
		return nil
	}
	if amazon.IsServiceURI(uri) {
		b.errorf("invalid-uri", in.URISource, "write type: aws, with the templates that the service needs",
			"%s cannot pass requests on to a service as they are: an integration of type AWS_PROXY calls a function", r.Key())
		return nil
	}
	target, ok := b.function(r, uri)
	if !ok {
		return nil
	}
	p := &lambdaProxy{target: target}
	switch {
	case b.stage.rest():
	case in.PayloadFormatVersion == "2.0":
		p.form = httpForm2
	default:
		p.form = httpForm1
	}
	if in.ResponseTransferMode == "STREAM" && b.stage.rest() {
		return &lambdaStream{*p}
	}
	return p
}

// function finds the one that a URI calls.
func (b *stageCompiler) function(r *gateway.Route, uri string) (target lambda.Target, ok bool) {
	target, err := lambda.Find(uri, b.stage.snapshot.Functions)
	switch {
	case errors.Is(err, lambda.ErrUnknown):
		b.errorf("unknown-function", r.Integration.URISource, "add it to functions:, or write its ARN", "%s calls the function %s, which is not defined", r.Key(), target)
		return target, false
	case err != nil:
		b.errorf("invalid-uri", r.Integration.URISource,
			"write arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION-ARN/invocations, the ARN of a function, or the URL of a webhook",
			"%s cannot call a function: %v", r.Key(), err)
		return target, false
	}
	// Where an entry of functions says how a function is called, that is it.
	if r.Integration.Credentials != "" && (target.URL != "" || target.Endpoint != "") {
		b.found.Warnf("no-effect", r.Integration.Source, "", "", "the credentials of %s have no effect: its function is not called at AWS", r.Key())
		return target, true
	}
	target.Role, ok = b.role(r)
	return target, ok
}

// role is what the integration says its function, or another service, is called as; "" for
// Gatehouse itself.
func (b *stageCompiler) role(r *gateway.Route) (role string, ok bool) {
	in := r.Integration
	if in.Credentials == "" {
		return "", true
	}
	text, missing := gateway.ResolveStageVariables(in.Credentials, b.stage.variables)
	if len(missing) > 0 {
		b.errorf("unset-stage-variable", in.Source, fmt.Sprintf("add it to the variables of stage %s", b.stage.name),
			"the stage variable %s of the integration's credentials is not set in stage %s/%s", strings.Join(missing, ", "), b.stage.api, b.stage.name)
		return "", false
	}
	role, err := amazon.ParseRole(text)
	if err != nil {
		b.errorf("invalid-credentials", in.Source, "write arn:aws:iam::ACCOUNT:role/NAME, or leave it out for Gatehouse's own credentials",
			"the credentials of %s: %v", r.Key(), err)
		return "", false
	}
	return role, true
}

func (p *lambdaProxy) kind() string { return "lambda-proxy" }

func (p *lambdaProxy) serve(x *exchange) {
	event, trace, ok := p.prepare(x)
	if !ok {
		return
	}
	result, err := x.invoke(p.target, event)
	if err != nil {
		x.fail(callFailure(x.ctx(), err), err.Error())
		return
	}
	var a *answer
	if p.form == httpForm2 {
		a, err = readAnswer2(result)
	} else {
		a, err = readAnswer1(result, p.form == restForm)
	}
	if err != nil {
		x.fail(malformed, err.Error())
		return
	}
	x.tellCall()
	x.answer(a, trace)
}

// invoke calls a function, and waits for its result.
func (x *exchange) invoke(target lambda.Target, event []byte) ([]byte, error) {
	if x.execution != nil {
		x.execution.Asked(target.Shown(), nil, event)
	}
	begin := time.Now()
	result, err := x.server.lambda.Invoke(x.naming(x.reserving()), target, event)
	x.called = callStatus(err)
	var function *lambda.FunctionError
	switch {
	case errors.As(err, &function):
		x.execution.Answered(http.StatusOK, time.Since(begin))
		x.execution.Answer(http.Header{"X-Amz-Function-Error": {"Unhandled"}}, function.Result)
	case err == nil:
		x.execution.Answered(http.StatusOK, time.Since(begin))
		x.execution.Answer(nil, result)
	}
	return result, err
}

// naming is the context for a call whose id is to be told.
func (x *exchange) naming(ctx context.Context) context.Context {
	if x.told(wire.IntegrationToldHeader) == "" {
		return ctx
	}
	return lambda.WithRequestID(ctx, func(id string) { x.calledAs = id })
}

// callStatus is what Lambda has answered a call with: 200 where the function was called, whatever
// became of it; 0 for no answer.
func callStatus(err error) int {
	var function *lambda.FunctionError
	var refusal *lambda.RefusedError
	switch {
	case err == nil, errors.As(err, &function), errors.Is(err, lambda.ErrTooLarge):
		return http.StatusOK
	case errors.As(err, &refusal):
		return refusal.Status
	}
	return 0
}

// prepare makes the event; where it cannot, the request is answered.
func (p *lambdaProxy) prepare(x *exchange) (event []byte, trace string, ok bool) {
	body, failed := x.readBodyUpTo(maxEventBytes)
	if failed != nil {
		x.fail(failed, "the request's body could not be read")
		return nil, "", false
	}
	trace = x.traceID()
	event, failed = p.event(x, body, trace)
	if failed != nil {
		x.fail(failed, "the event could not be made")
		return nil, "", false
	}
	return event, trace, true
}

// maxEventBytes is Lambda's bound on what functions are called with.
const maxEventBytes = 6 << 20

// callFailure tells why a function has no result.
func callFailure(ctx context.Context, err error) *failure {
	var refusal *lambda.RefusedError
	var function *lambda.FunctionError
	switch {
	case errors.Is(err, errOverloaded):
		return overloaded
	case errors.Is(err, lambda.ErrTooLarge):
		return tooMuch
	case errors.As(err, &function):
		return failed
	case ctx.Err() != nil:
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return timedOut
		}
		return gone
	case errors.As(err, &refusal):
		return refusedCall(refusal.Status)
	}
	return unreachable
}

// refusedCall is for what Lambda answered instead of calling the function.
func refusedCall(status int) *failure {
	switch status {
	case 413:
		return tooLarge
	case 429:
		return throttled
	case 403, 404:
		return refused
	}
	if status < 500 {
		return &failure{refused.name, malformed.reply, malformed.status, malformed.httpStatus, malformed.httpMessage}
	}
	return refused
}

// reserving is the context for calls whose results count for the memory of the request:
// twice, since an answer is made of them.
func (x *exchange) reserving() context.Context {
	return lambda.WithReservation(x.ctx(), func(bytes int64) error {
		if !x.memory.take(x.ctx(), 2*bytes) {
			return errOverloaded
		}
		return nil
	})
}

var errOverloaded = errors.New("the gateway has no memory left for the result")

// event describes the request. The body is not needed any more then.
func (p *lambdaProxy) event(x *exchange, body []byte, trace string) ([]byte, *failure) {
	size := len(body)
	switch {
	case size == 0:
	case x.bodyIsBinary():
		size = base64.StdEncoding.EncodedLen(size)
	default:
		size = quotedLength(body)
	}
	if size > maxEventBytes {
		return nil, tooLarge
	}
	// What surrounds the body is some two or three kilobytes.
	size += 4 << 10
	if !x.memory.take(x.ctx(), int64(size)) {
		return nil, x.noMemory()
	}
	j := &jsonText{b: make([]byte, 0, size)}
	fields := x.eventHeaders(trace)
	switch p.form {
	case restForm:
		x.restEvent(j, fields, body)
	case httpForm1:
		x.httpEvent1(j, fields, body)
	case httpForm2:
		x.httpEvent2(j, fields, body)
	}
	if len(j.b) > maxEventBytes {
		return nil, tooLarge
	}
	x.memory.give(int64(cap(body)))
	return j.b, nil
}

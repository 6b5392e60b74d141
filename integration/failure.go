package integration

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// failure is an answer that the gateway gives because there is no other.
type failure struct {
	// name is for logs and metrics.
	name string
	// reply is the type of gateway response that a REST API has for it, or
	// wire.ReplyMalformed.
	reply string
	// status of a REST API, where it is not that of the type.
	status int
	// httpStatus and httpMessage are an HTTP API's.
	httpStatus  int
	httpMessage string
}

const (
	internalServerError = "Internal Server Error"
	serviceUnavailable  = "Service Unavailable"
)

// The failures. Functions that fail or answer with what is no response are the
// function's mistake (502), those that cannot be called are the API's (500).
// See https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html
var (
	malformed = &failure{"malformed-response", wire.ReplyMalformed, 502, 500, internalServerError}
	// badPrelude: what a function streams does not begin as an answer does.
	badPrelude  = &failure{"malformed-stream", string(gateway.IntegrationFailure), 0, 500, internalServerError}
	failed      = &failure{"function-error", wire.ReplyMalformed, 502, 500, internalServerError}
	tooMuch     = &failure{"response-too-large", wire.ReplyMalformed, 502, 500, internalServerError}
	refused     = &failure{"refused", string(gateway.IntegrationFailure), 0, 500, internalServerError}
	throttled   = &failure{"throttled", string(gateway.IntegrationFailure), 0, 503, serviceUnavailable}
	unreachable = &failure{"unreachable", string(gateway.IntegrationFailure), 0, 500, internalServerError}
	timedOut    = &failure{"timeout", string(gateway.IntegrationTimeout), 0, 504, serviceUnavailable}
	gone        = &failure{"cancelled", string(gateway.IntegrationTimeout), 0, 504, serviceUnavailable}
	// overloaded: requests under way hold all the memory that there is for them.
	overloaded       = &failure{"overloaded", wire.ReplyOverloaded, 503, 503, serviceUnavailable}
	badEncoding      = &failure{"invalid-base64", string(gateway.APIConfigurationError), 0, 500, internalServerError}
	tooLarge         = &failure{"request-too-large", string(gateway.RequestTooLarge), 0, 413, "Request Entity Too Large"}
	badRequest       = &failure{"bad-request", string(gateway.BadRequestBody), 0, 400, "Bad Request"}
	mayNotInvalidate = &failure{"may-not-invalidate", string(gateway.AccessDenied), 0, 403, "Forbidden"}
	unknownRoute     = &failure{"unknown-route", string(gateway.APIConfigurationError), 0, 500, internalServerError}
	// Of integrations that are no proxies: a body that has no template, and what its
	// templates and mappings, or the lack of them, make of a request.
	unsupportedMedia = &failure{"unsupported-media-type", string(gateway.UnsupportedMediaType), 0, 415, "Unsupported Media Type"}
	noResponse       = &failure{"no-integration-response", string(gateway.APIConfigurationError), 0, 500, internalServerError}
	badTemplate      = &failure{"template", string(gateway.APIConfigurationError), 0, 500, internalServerError}
	badMapping       = &failure{"mapping", string(gateway.APIConfigurationError), 0, 500, internalServerError}
	// internalError is a mistake of ours.
	internalError = &failure{"internal-error", string(gateway.APIConfigurationError), 0, 500, internalServerError}
)

// responseType is the gateway response that the failure is logged as.
func (f *failure) responseType() gateway.ResponseType {
	if t := gateway.ResponseType(f.reply); gateway.ResponseDefaults[t].ErrorType != "" {
		return t
	}
	return gateway.IntegrationFailure
}

// fail answers a failure. The reason is for the log, and must not have in it what clients
// or functions sent.
func (x *exchange) fail(f *failure, reason string) { x.failWith(f, "", reason) }

// failWith is fail with a message of its own for the clients of REST APIs, if there is one.
func (x *exchange) failWith(f *failure, message, reason string) {
	x.failed = f.name
	x.tellFailure(f, reason)
	x.tellInstead(f, reason)
	if f == gone || f == badRequest || f == mayNotInvalidate || f == tooLarge || f == unsupportedMedia {
		x.log(slog.LevelDebug, f.name, reason)
	} else {
		x.warn(f.name, reason)
	}
	header := x.w.Header()
	for name := range header {
		delete(header, name)
	}
	header.Set("Content-Type", "application/json")
	if x.route != nil && !x.route.stage.rest() {
		x.write(f.httpStatus, jsonMessage("message", f.httpMessage))
		return
	}
	d, known := gateway.ResponseDefaults[gateway.ResponseType(f.reply)]
	if !known {
		d = gateway.ResponseDefault{ErrorType: "InternalServerErrorException", Message: "Internal server error"}
		if f == overloaded {
			d = gateway.ResponseDefault{ErrorType: "ServiceUnavailableException", Message: serviceUnavailable}
		}
	}
	if f.status != 0 {
		d.Status = f.status
	}
	if message != "" {
		d.Message = message
	}
	header.Set("X-Amzn-Errortype", d.ErrorType)
	if x.route != nil && x.route.stage.customised[f.reply] {
		header.Set(wire.ReplyHeader, f.reply)
	}
	x.write(d.Status, jsonMessage(gateway.ResponseType(f.reply).MessageKey(), d.Message))
}

// tellFailure puts it into the account of a request why there is no other answer than the
// gateway's own.
func (x *exchange) tellFailure(f *failure, reason string) {
	e := x.execution
	if e == nil {
		return
	}
	switch f {
	case timedOut:
		e.Failure("Execution failed due to a timeout error")
	case malformed:
		e.Failure("Execution failed due to configuration error: Malformed Lambda proxy response: %s", reason)
	case badTemplate, badMapping, badEncoding, noResponse, refused, unreachable, badPrelude:
		e.Failure("Execution failed due to configuration error: %s", reason)
	default:
		e.Failure("Execution failed: %s: %s", f.name, reason)
	}
}

func (x *exchange) warn(failure, reason string) { x.log(slog.LevelWarn, failure, reason) }

func (x *exchange) log(level slog.Level, failure, reason string) {
	if x.server.log.Enabled(x.ctx(), level) {
		x.server.log.Log(context.WithoutCancel(x.ctx()), level, "integration failed", "failure", failure, "reason", reason, "request", x.id(), "route", x.describe())
	}
}

// describe names the route for the log.
func (x *exchange) describe() string {
	if x.route == nil {
		return "unknown"
	}
	return x.route.stage.api + "/" + x.route.stage.name + " " + x.route.key
}

func jsonMessage(key, message string) []byte {
	j := jsonText{}
	j.begin('{')
	j.text(key, message)
	j.end('}')
	return j.b
}

// begin is for what is done before the headers of an answer are sent.
func (x *exchange) begin(status int) {
	x.status = status
	if x.integrationTold != "" {
		x.w.Header().Set(wire.IntegrationToldHeader, x.integrationTold)
	}
}

// write sends an answer whose headers are set.
func (x *exchange) write(status int, body []byte) {
	x.begin(status)
	if status == http.StatusNoContent || status == http.StatusNotModified {
		x.w.WriteHeader(status)
		return
	}
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	if x.request.Method != http.MethodHead {
		_, _ = x.w.Write(body) // Who is gone needs no answer.
	}
}

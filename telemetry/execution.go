package telemetry

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/wire"
)

// executions is the execution log of a stage, made ready.
type executions struct {
	to *destination
	// group is the name that the log has on Amazon, without what a canary has behind it.
	group string
	// stage is how much is told of requests without a route.
	stage gateway.ExecutionDetail
}

// compileExecutions makes the log ready; nil where nothing is told.
func (s *Server) compileExecutions(api *gateway.API, of *gateway.Stage) *executions {
	if !of.LogsExecutions() {
		return nil
	}
	name, bytes, files := of.ExecutionLogTo()
	return &executions{
		to:    s.logs.get(logged{"execution", api.ID, of.Name}, name, bytes, files),
		group: "API-Gateway-Execution-Logs_" + api.ID + "/" + of.Name,
		stage: of.RouteExecution(""),
	}
}

// timestampForm is that of lines.
const timestampForm = "2006-01-02T15:04:05.000Z"

// line appends a line: a JSON object, whose message is what Amazon's logs have. Nothing of
// what clients, backends and functions say gets out of its string.
func (x *executions) line(b []byte, canary bool, id string, e executionlog.Entry) []byte {
	b = append(b, `{"timestamp":"`...)
	b = e.At.UTC().AppendFormat(b, timestampForm)
	b = append(b, `","logGroup":"`...)
	b = escape(b, x.group, quoteInJSON)
	if canary {
		b = append(b, "/Canary"...)
	}
	b = append(b, `","message":"(`...)
	b = escape(b, id, quoteInJSON)
	b = append(b, ") "...)
	b = escape(b, e.Text, quoteInJSON)
	return append(b, "\"}\n"...)
}

// addExecution adds the lines of an account.
func (b *batch) addExecution(x *executions, canary bool, id string, entries []executionlog.Entry) {
	if len(entries) == 0 {
		return
	}
	p := b.pending(x.to)
	for _, e := range entries {
		p.text = x.line(p.text, canary, id, e)
		p.lines++
	}
	b.bound(x.to, p)
}

// execution is how much is told of a request, and where; nil where nothing is.
func (r *request) execution() (*executions, gateway.ExecutionDetail) {
	if r.stage == nil || r.stage.executions == nil || r.servedConnection() {
		return nil, gateway.ExecutionDetail{}
	}
	d := r.stage.executions.stage
	if r.route != nil {
		d = r.route.execution
	}
	if !d.Errors() {
		return nil, d
	}
	return r.stage.executions, d
}

// account is what is told of a request: what Envoy did, and in the middle of it what the
// integration service did.
func (r *request) account(d gateway.ExecutionDetail, served []executionlog.Entry) []executionlog.Entry {
	began := r.began()
	a := &account{request: r, detail: d, at: began}
	id := requestID(r)
	a.step("Extended Request Id: %s", id)
	if r.stage.api.Protocol == gateway.WebSocket {
		a.step("WebSocket Request Route: [%s]", r.logged.Route)
		a.connecting(r.userAgent, r.entry.Client)
	}
	a.checks()
	refused := r.responseType()
	if a.refusal(refused); !a.refused {
		a.step("Starting execution for request: %s", id)
		a.step("HTTP Method: %s, Resource Path: %s", r.method, r.path)
	}
	a.entries = append(a.entries, served...)
	a.at = began.Add(r.latency())
	if !a.refused && len(served) == 0 {
		a.integrated(refused)
	}
	if refused != "" {
		a.failure("Gateway response type: %s with status code: %d", refused, r.status)
	}
	if name := awsRequestID(r); name != "" {
		a.step("AWS Integration Endpoint RequestId : %s", name)
	}
	if trace := values["xrayTraceId"](r); trace != "" {
		a.step("X-ray Tracing ID : %s", trace)
	}
	switch {
	case refused == "" && r.status == 0:
		a.failure("Execution failed: the client is gone, or the answer broke off (%s)", r.details())
	case refused == "":
		a.step("Successfully completed execution")
	}
	if len(a.entries) > 0 || d.Steps() {
		a.add(fmt.Sprintf("Method completed with status: %d", r.status))
	}
	return a.entries
}

// account is the one of a request in the making.
type account struct {
	*request
	detail  gateway.ExecutionDetail
	at      time.Time
	entries []executionlog.Entry
	// refused tells that the request has not got to an integration.
	refused bool
}

func (a *account) add(text string) {
	a.entries = append(a.entries, executionlog.Entry{At: a.at, Text: executionlog.Shown(text)})
}

func (a *account) step(format string, args ...any) {
	if a.detail.Steps() {
		a.add(fmt.Sprintf(format, args...))
	}
}

func (a *account) failure(format string, args ...any) { a.add(fmt.Sprintf(format, args...)) }

// checks tells of those of who calls that were passed.
func (a *account) checks() {
	if a.route == nil || a.route.Integration == nil {
		return
	}
	place := a.stage.api.ID + "/" + a.stage.name
	switch name := a.keyName(); {
	case !a.route.APIKeyRequired:
		a.step("API Key authorized because method '%s' does not require API Key. Request will not contribute to throttle or quota limits", a.route.key)
		a.step("Usage Plan check succeeded for API Key  and API Stage %s", place)
	case name != "":
		a.step("Verifying Usage Plan for request: %s. API Key: %s API Stage: %s", requestID(a.request), name, place)
		if t := a.responseType(); t != gateway.InvalidAPIKey && t != gateway.QuotaExceeded && t != gateway.Throttled {
			a.step("Usage Plan check succeeded for API Key %s and API Stage %s", name, place)
		}
	}
	if c := a.authorizer(); c.status == "200" {
		a.step("Successfully completed authorizer execution")
	}
	if c := a.permission(); c.status == "200" {
		a.step("The caller is authorized to access this API")
	}
}

// refusal tells why a request has not got to the integration, if it has not.
func (a *account) refusal(t gateway.ResponseType) {
	if t == "" || a.upstream != "" {
		return
	}
	id := requestID(a.request)
	key := ""
	if a.route != nil {
		key = a.route.key
	}
	place := a.stage.api.ID + "/" + a.stage.name
	code := a.authorization(wire.AnswerCode)
	a.refused = true
	switch t {
	case gateway.InvalidAPIKey:
		why := "No API Key, or none that is known, was given"
		if name := a.keyName(); name != "" {
			why = "API Key " + name + " is not associated with a usage plan of the stage"
		}
		a.failure("API Key not authorized because method '%s' requires API Key and API Stage %s: %s", key, place, why)
	case gateway.QuotaExceeded:
		a.failure("API Key %s has exceeded quota limit for API Stage %s: Limit Exceeded", a.keyName(), place)
	case gateway.Throttled:
		who := "The caller"
		if name := a.keyName(); name != "" {
			who = "API Key " + name
		}
		a.failure("%s has exceeded throttle limit for API Stage %s: Too Many Requests", who, place)
	case gateway.Unauthorized:
		a.failure("Unauthorized request: %s%s", id, inBrackets(code))
	case gateway.AccessDenied:
		a.failure("The client is not authorized to perform this operation.%s", inBrackets(code))
	case gateway.AuthorizerFailure, gateway.AuthorizerConfigurationError:
		a.failure("Execution failed due to configuration error: the authorizer gave no decision%s", inBrackets(code))
	case gateway.BadRequestParameters:
		a.failure("Request failed: %s", a.errorMessage())
	case gateway.BadRequestBody:
		a.failure("Request body does not match model schema: %s", a.bodyMistake())
	case gateway.IntegrationFailure, gateway.IntegrationTimeout:
		// It was on its way.
		a.refused = false
	case gateway.APIConfigurationError:
		a.failure("Execution failed due to configuration error: %s", cmp.Or(integrationError(a.request), a.errorMessage()+inBrackets(code)))
	default:
		if a.route == nil || strings.HasPrefix(a.details(), "direct_response") {
			a.failure("No method found for http method %s and path %s", a.method, a.path)
			return
		}
		a.failure("Request failed: %s%s", a.errorMessage(), inBrackets(code))
	}
}

func (a *account) bodyMistake() string {
	if text := validationError(a.request); text != "" {
		return text
	}
	return a.errorMessage()
}

func inBrackets(code string) string {
	if code == "" {
		return ""
	}
	return " (" + code + ")"
}

// integrated tells of what Envoy did behind the route by itself.
func (a *account) integrated(refused gateway.ResponseType) {
	if a.route == nil || a.route.Integration == nil {
		return
	}
	if a.servedByService() && refused == "" {
		return // The service tells of it.
	}
	in := a.route.Integration
	to, _, _ := strings.Cut(in.URI, "?")
	if in.Type != gateway.IntegrationMock && to != "" && (a.upstream != "" || refused != "") {
		a.step("Sending request to %s", to)
	}
	if took, ok := a.integrationLatency(); ok && !a.servedByService() {
		a.step("Received response. Status: %d, Integration latency: %d ms", a.status, took.Milliseconds())
	}
	switch refused {
	case gateway.IntegrationTimeout:
		a.failure("Execution failed due to a timeout error")
	case gateway.IntegrationFailure:
		a.failure("Execution failed due to configuration error: %s", integrationError(a.request))
	}
}

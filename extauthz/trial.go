package extauthz

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// Trial is a request by which somebody tries what would decide about it, of an API that
// need not be deployed.
type Trial struct {
	// Snapshot has the API, with a stage that has the route.
	Snapshot *gateway.Snapshot
	// API, Stage and Route name the route as the snapshot does.
	API, Stage, Route string
	// ID is the request's.
	ID string
	// Method and Target are the request's: the target is its path and its query.
	Method, Target string
	Header         http.Header
	Body           []byte
}

// attributes describe the request as an Envoy would.
func (t *Trial) attributes(about map[string]string) *authv3.AttributeContext {
	list := &corev3.HeaderMap{}
	add := func(name, value string) {
		list.Headers = append(list.Headers, &corev3.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(value)})
	}
	for _, name := range slices.Sorted(maps.Keys(t.Header)) {
		for _, value := range t.Header[name] {
			add(name, value)
		}
	}
	add("x-request-id", t.ID)
	extensions := map[string]string{wire.ContextAPI: t.API, wire.ContextStage: t.Stage, wire.ContextRoute: t.Route}
	for name, value := range about {
		extensions[name] = value
	}
	return &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: trialAddress}}}},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: t.Method, Path: t.Target, Host: trialHost, Protocol: "HTTP/1.1", HeaderMap: list, RawBody: t.Body,
		}},
		ContextExtensions: extensions,
	}
}

// What requests of trials have for what nobody has sent, as Amazon's have it.
const (
	trialHost    = "testPrefix.testDomainName"
	trialAddress = "test-invoke-source-ip"
)

// TrialServer decides about trials only. It is made for one of them.
type TrialServer struct {
	server *Server
	calls  *recordedCalls
}

// NewTrial makes a server for the snapshot of a trial. Diagnostics with errors mean that
// there is nothing that could be tried.
func NewTrial(t *Trial, o Options) (*TrialServer, gateway.Diagnostics) {
	if o.Lambda == nil {
		o.Lambda = lambda.New(lambda.Options{MaxResponseBytes: maxAnswerBytes})
	}
	calls := &recordedCalls{inner: o.Lambda}
	o.Lambda = calls
	s := &TrialServer{New(o), calls}
	compiled, found := s.server.Compile(t.Snapshot)
	if found.HasErrors() {
		s.Close()
		return nil, found
	}
	s.server.Swap(compiled)
	return s, found
}

// Close ends what is under way.
func (s *TrialServer) Close() { s.server.Close() }

// Refusal is the answer to a request that is not let on.
type Refusal struct {
	Status int
	Header http.Header
	Body   []byte
	// Detail is what is wrong with a body.
	Detail string
}

// CheckBody holds the body of a trial to its model; nil lets it on.
func (s *TrialServer) CheckBody(ctx context.Context, t *Trial) *Refusal {
	answer, _ := s.server.Check(ctx, &authv3.CheckRequest{Attributes: t.attributes(map[string]string{wire.ContextCheck: wire.CheckBody})})
	denied := answer.GetDeniedResponse()
	if denied == nil {
		return nil
	}
	r := &Refusal{Status: int(denied.GetStatus().GetCode()), Header: http.Header{}, Body: []byte(denied.GetBody())}
	for _, h := range denied.GetHeaders() {
		if name := h.GetHeader().GetKey(); !strings.HasPrefix(strings.ToLower(name), wire.InternalHeaderPrefix) {
			r.Header.Add(name, valueOf(h.GetHeader()))
		}
	}
	r.Detail = answer.GetDynamicMetadata().GetFields()[wire.AnswerDetail].GetStringValue()
	return r
}

// AuthorizerDecision is what becomes of a trial of an authorizer.
type AuthorizerDecision struct {
	// Status is 200 for an answer that can be used, whatever it says.
	Status int
	// Principal and Policy are the function's, the policy as JSON.
	Principal, Policy string
	// Context is $context.authorizer, and Claims are those of a token.
	Context, Claims map[string]string
	Latency         time.Duration
	// Log is the account of it.
	Log string
}

// AskAuthorizer asks the Lambda authorizer of the trial's route.
func (s *TrialServer) AskAuthorizer(ctx context.Context, t *Trial, name string) *AuthorizerDecision {
	begin := s.server.now()
	account := executionlog.New(t.ID, s.server.now)
	account.Line("Starting authorizer: %s for request: %s", name, t.ID)
	decision := &AuthorizerDecision{}
	refused := s.askAuthorizer(ctx, t, account, decision)
	if refused == nil {
		account.Line("Using valid authorizer policy for principal: %s", executionlog.Masked(decision.Principal))
	}
	decision.conclude(account, t.ID, refused)
	decision.Latency = s.server.now().Sub(begin)
	decision.Log = account.String()
	return decision
}

// conclude tells what became of it.
func (d *AuthorizerDecision) conclude(account *executionlog.Log, id string, refused *refusal) {
	d.Status = http.StatusOK
	if refused == nil {
		account.Line("Successfully completed authorizer execution")
		return
	}
	d.Status = cmp.Or(refused.status, gateway.ResponseDefaults[refused.response].Status)
	if d.Status == http.StatusUnauthorized {
		account.Line("Unauthorized request: %s", id)
	} else {
		account.Line("Execution failed due to configuration error: %s: %s", refused.code, refused.reason)
	}
}

// check makes the trial's request one that evaluators decide about; false where the route
// has none.
func (s *TrialServer) check(ctx context.Context, t *Trial) (*check, bool) {
	attributes := t.attributes(nil)
	c := &check{request: newRequest(ctx, attributes), runtime: s.server.runtime, bodies: s.server.bodies, now: s.server.now()}
	return c, s.server.find(c, attributes.GetContextExtensions())
}

func (s *TrialServer) askAuthorizer(ctx context.Context, t *Trial, account *executionlog.Log, decision *AuthorizerDecision) *refusal {
	c, found := s.check(ctx, t)
	if !found {
		return refuse(CodeUnknownRoute, gateway.APIConfigurationError)
	}
	var a *lambdaAuthorizer
	for _, e := range c.route.evaluators {
		if found, is := e.(*lambdaAuthorizer); is {
			a = found
		}
	}
	if a == nil {
		return refuse(CodeUnknownRoute, gateway.APIConfigurationError).because("the authorizer is none that asks a function")
	}
	identity, refused := a.identify(c)
	for _, values := range identity {
		account.Line("Incoming identity: %s", executionlog.Masked(strings.Join(values, ",")))
	}
	if refused != nil {
		return refused
	}
	answer, refused := c.runtime.askFunction(ctx, a, c, identity)
	call := s.calls.last()
	call.tell(account, a.target, identity)
	if refused != nil {
		return refused
	}
	decision.Context = map[string]string{}
	for name, value := range answer.context.GetFields() {
		decision.Context[name] = value.GetStringValue()
	}
	decision.Principal = decision.Context[principalName]
	var r result
	if json.Unmarshal(call.result, &r) == nil {
		decision.Policy = string(r["policyDocument"])
	}
	return nil
}

// recordedCalls remembers the last call of a function that has ended.
type recordedCalls struct {
	inner Invoker
	mu    sync.Mutex
	call  recordedCall
}

type recordedCall struct {
	event, result []byte
	took          time.Duration
	err           error
}

func (r *recordedCalls) Invoke(ctx context.Context, target lambda.Target, event []byte) ([]byte, error) {
	begin := time.Now()
	result, err := r.inner.Invoke(ctx, target, event)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.call = recordedCall{event, result, time.Since(begin), err}
	return result, err
}

func (r *recordedCalls) last() recordedCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.call
}

// tell puts a call into an account, without the credentials that it was about.
func (r recordedCall) tell(account *executionlog.Log, target lambda.Target, identity [][]string) {
	if r.event == nil {
		return
	}
	event := string(r.event)
	for _, values := range identity {
		for _, value := range values {
			if value != "" {
				event = strings.ReplaceAll(event, value, executionlog.Masked(value))
			}
		}
	}
	account.Asked(target.String(), nil, []byte(event))
	if r.err == nil {
		account.Answered(http.StatusOK, r.took)
		account.Line("Authorizer result body before parsing: %s", executionlog.Body(r.result))
	} else {
		account.Line("Endpoint response: %s", fmt.Sprint(r.err))
	}
}

package extauthz_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/lambda"
	"gatehouse/internal/outputtest"
	"gatehouse/internal/wire"
)

// fakeLambda is an Invoker that the test answers for.
type fakeLambda struct {
	mu     sync.Mutex
	events []string
	// answer is called outside of the lock.
	answer func(ctx context.Context, target lambda.Target, event []byte) ([]byte, error)
}

func (f *fakeLambda) Invoke(ctx context.Context, target lambda.Target, event []byte) ([]byte, error) {
	f.mu.Lock()
	f.events = append(f.events, string(event))
	answer := f.answer
	f.mu.Unlock()
	return answer(ctx, target, event)
}

func (f *fakeLambda) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.events)
}

// answers always gives the same result.
func answers(result string) func(context.Context, lambda.Target, []byte) ([]byte, error) {
	return func(context.Context, lambda.Target, []byte) ([]byte, error) { return []byte(result), nil }
}

func fails(err error) func(context.Context, lambda.Target, []byte) ([]byte, error) {
	return func(context.Context, lambda.Target, []byte) ([]byte, error) { return nil, err }
}

const allowAll = `{"principalId": "user-7", "policyDocument": {"Version": "2012-10-17", "Statement": [
	{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}]}}`

// now is the time in all tests.
var now = time.Date(2025, 3, 12, 19, 3, 58, 390e6, time.UTC)

// harness is a server with one API, "pets", and its stage "v1".
type harness struct {
	*extauthz.Server
	t      testing.TB
	lambda *fakeLambda
	log    *outputtest.Buffer
	mu     sync.Mutex
	time   time.Time
}

func newHarness(t testing.TB, s *gateway.Snapshot, change ...func(*extauthz.Options)) *harness {
	t.Helper()
	h := &harness{t: t, lambda: &fakeLambda{answer: answers(allowAll)}, log: &outputtest.Buffer{}, time: now}
	o := extauthz.Options{Lambda: h.lambda, Now: h.now, Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&o)
	}
	h.Server = extauthz.New(o)
	t.Cleanup(h.Close)
	h.serve(s)
	return h
}

func (h *harness) serve(s *gateway.Snapshot) {
	h.t.Helper()
	compiled, ds := h.Compile(s.Seal())
	if err := ds.Err(); err != nil {
		h.t.Fatal(err)
	}
	h.Swap(compiled)
}

func (h *harness) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *harness) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(d)
}

// one is a snapshot with one route, and what it needs.
func one(protocol gateway.Protocol, r gateway.Route, authorizers ...gateway.Authorizer) *gateway.Snapshot {
	name := "v1"
	if protocol == gateway.HTTP {
		name = gateway.DefaultStage
	}
	return &gateway.Snapshot{APIs: []gateway.API{{ID: "pets", Name: "pets", Protocol: protocol, Stages: []gateway.Stage{{
		Name: name, Variables: map[string]string{"env": "p"},
		Deployment: &gateway.Deployment{Protocol: protocol, Routes: []gateway.Route{r}, Authorizers: authorizers},
	}}}}}
}

const functionURI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:auth/invocations"

func ttl(seconds int) *int { return &seconds }

func tokenAuthorizer(change ...func(*gateway.Authorizer)) gateway.Authorizer {
	a := gateway.Authorizer{Name: "auth", Type: "TOKEN", URI: functionURI, IdentitySources: []string{"method.request.header.Authorization"}}
	for _, c := range change {
		c(&a)
	}
	return a
}

func requestAuthorizer(change ...func(*gateway.Authorizer)) gateway.Authorizer {
	return tokenAuthorizer(append([]func(*gateway.Authorizer){func(a *gateway.Authorizer) { a.Type = "REQUEST" }}, change...)...)
}

func custom(method, path string) gateway.Route {
	return gateway.Route{Method: method, Path: path, Authorization: &gateway.Authorization{Type: "CUSTOM", Authorizer: "auth"}}
}

// ask is a request as Envoy describes it.
type ask struct {
	stage, route, base, canary string
	method, path, host         string
	// headers are "name: value".
	headers     []string
	body        []byte
	source      string
	certificate string
	// verified: Envoy has verified a token.
	verified bool
	// about is what is asked about, "" for the caller.
	about string
}

func (a ask) request() *authv3.CheckRequest {
	set := func(value *string, otherwise string) {
		if *value == "" {
			*value = otherwise
		}
	}
	set(&a.stage, "v1")
	set(&a.method, "GET")
	set(&a.path, a.base+"/pets/7")
	set(&a.host, "pets.execute-api.localhost:8080")
	set(&a.source, "203.0.113.9")
	extensions := map[string]string{wire.ContextAPI: "pets", wire.ContextStage: a.stage, wire.ContextRoute: a.route, wire.ContextBase: a.base}
	if a.canary != "" {
		extensions[wire.ContextCanary] = a.canary
	}
	if a.about != "" {
		extensions[wire.ContextCheck] = a.about
	}
	if a.verified {
		extensions[wire.ContextToken] = "true"
	}
	list := []*corev3.HeaderValue{
		raw(":authority", a.host), raw(":method", a.method), raw(":path", a.path), raw(":scheme", "http"),
		raw("x-request-id", "3f0c0c0e-0000-4000-8000-000000000001"), raw("x-forwarded-proto", "https"),
	}
	for _, h := range a.headers {
		name, value, _ := strings.Cut(h, ": ")
		list = append(list, raw(name, value))
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{
			Certificate: a.certificate,
			Address:     &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: a.source}}},
		},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Method: a.method, Path: a.path, Host: a.host, Scheme: "http", Protocol: "HTTP/1.1", RawBody: a.body,
			HeaderMap: &corev3.HeaderMap{Headers: list},
		}},
		ContextExtensions: extensions,
	}}
}

func raw(name, value string) *corev3.HeaderValue {
	return &corev3.HeaderValue{Key: name, RawValue: []byte(value)}
}

// outcome is an answer in short: its status, body, headers, and what Envoy keeps.
type outcome struct {
	status  int
	body    string
	headers map[string]string
	kept    map[string]any
}

func (o outcome) code() string {
	code, _ := o.kept[wire.AnswerCode].(string)
	return code
}

func (o outcome) authorizer() map[string]any {
	m, _ := o.kept[wire.AnswerAuthorizer].(map[string]any)
	return m
}

func (h *harness) check(a ask) outcome {
	h.t.Helper()
	return h.checkIn(context.Background(), a)
}

func (h *harness) checkIn(ctx context.Context, a ask) outcome {
	h.t.Helper()
	answer, err := h.Check(ctx, a.request())
	if err != nil {
		h.t.Fatalf("Check gave the error %v", err)
	}
	return outcomeOf(answer)
}

func outcomeOf(answer *authv3.CheckResponse) outcome {
	o := outcome{status: 200, headers: map[string]string{}, kept: asMap(answer.GetDynamicMetadata())}
	list := answer.GetOkResponse().GetHeaders()
	if denied := answer.GetDeniedResponse(); denied != nil {
		o.status, o.body, list = int(denied.GetStatus().GetCode()), denied.GetBody(), denied.GetHeaders()
	}
	if (answer.GetStatus().GetCode() == 0) != (o.status == 200) {
		o.status = -1
	}
	for _, header := range list {
		o.headers[header.GetHeader().GetKey()] = header.GetHeader().GetValue()
	}
	return o
}

func asMap(s *structpb.Struct) map[string]any {
	if s == nil {
		return nil
	}
	return maps.Clone(s.AsMap())
}

func decoded(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

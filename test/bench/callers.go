package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/gateway"
	"gatehouse/xds"
)

// measureCallers compares routes that ask who calls with the same route open to all.
func measureCallers(size effort, w *tabwriter.Writer) error {
	backend, stop, err := startBackend()
	if err != nil {
		return err
	}
	defer stop()
	const issuer = "https://issuer.example.com"
	keys, token, err := makeToken(issuer)
	if err != nil {
		return err
	}
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"principalId": "ann", "context": {"tenant": "t1"}, "policyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}]}}`)
	}))
	defer function.Close()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"active": true, "sub": "ann", "aud": "bench", "scope": "read", "iss": "`+opaqueIssuer+`"}`)
	}))
	defer endpoint.Close()
	in := callersInput{Backend: backend, Issuer: issuer, Keys: keys, Function: function.URL, Introspection: endpoint.URL}
	authorization, err := startService(serviceVariable, in)
	if err != nil {
		return err
	}
	defer authorization.stop()
	s := in.snapshot()
	s.Gateways = []gateway.Gateway{{Services: gateway.Services{Authorization: &gateway.Service{
		Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: authorization.port}},
	}}}}
	g, err := startGatehouse(s)
	if err != nil {
		return err
	}
	defer g.stop()
	own, envoyOfOwn, err := startBySocket(in)
	if err != nil {
		return err
	}
	defer own.stop()
	defer envoyOfOwn.stop()
	for _, port := range []int{g.port, int(own.port)} {
		// Until the service is known to be well, what needs it is refused.
		for end := time.Now().Add(startPatience()); ; time.Sleep(10 * time.Millisecond) {
			err := load(port, "rest.execute-api.localhost", "/v1/lambda", []string{"authorization: token"}, "", 200, 1, 1)
			if err == nil {
				break
			}
			if time.Now().After(end) {
				return err
			}
		}
	}
	fmt.Fprintln(w, "who calls\tEnvoy CPU a request\tratio (quartiles)")
	rest := func(name, path string, headers ...string) *contestant {
		return &contestant{name: name, envoy: envoyOfOwn, port: int(own.port), host: "rest.execute-api.localhost", path: path, headers: headers}
	}
	// Who counts is beside the first Envoy only.
	counted := rest("the same, and its usage counted", "/counted/key", "x-api-key: 0123456789-key00007")
	counted.envoy, counted.port = g.envoy, g.port
	apart := rest("in all, the service apart, by TCP", "/v1/lambda", "authorization: token").and(authorization)
	apart.envoy, apart.port = g.envoy, g.port
	if err := compete(size, w, []*contestant{
		rest("REST API, open", "/v1/open"),
		rest("API key, one of 10,000", "/v1/key", "x-api-key: 0123456789-key00007"),
		counted,
		rest("Lambda authorizer, known to the cache: Envoy alone", "/v1/lambda", "authorization: token"),
		rest("in all, with the service as 'gatehouse run' has it", "/v1/lambda", "authorization: token").and(own),
		apart,
	}); err != nil {
		return err
	}
	jwt := func(name, path string, headers ...string) *contestant {
		return &contestant{name: name, envoy: g.envoy, port: g.port, host: "http.execute-api.localhost", path: path, headers: headers}
	}
	if err := compete(size, w, []*contestant{
		jwt("HTTP API, open", "/open", "authorization: Bearer "+token),
		jwt("JWT, known to the cache", "/token", "authorization: Bearer "+token),
		jwt("JWT with a scope", "/scope", "authorization: Bearer "+token),
		jwt("opaque token, known to the cache: Envoy alone", "/opaque", "authorization: Bearer opaque"),
		jwt("the same in all, with the authorization service", "/opaque", "authorization: Bearer opaque").and(authorization),
	}); err != nil {
		return err
	}
	if counting {
		return nil
	}
	if err := measureChecks(size, w, authorization, in); err != nil {
		return err
	}
	fmt.Fprintln(w, "time a request takes\tat half of the most\t\t")
	return printLatencies(size, w, []*contestant{
		rest("REST API, open", "/v1/open"),
		rest("Lambda authorizer, known to the cache", "/v1/lambda", "authorization: token"),
	})
}

// startBySocket starts a control plane and its Envoy as "gatehouse run" does: in a process of
// its own and with a socket between them. The port of the service is Envoy's.
func startBySocket(in callersInput) (*service, *envoy, error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return nil, nil, err
	}
	in.Socket, in.Port = filepath.Join(dir, "xds"), freePort()
	s, err := startService(serviceVariable, in)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.dir = dir
	e, err := startEdge(xds.UnixPrefix+in.Socket, "")
	if err != nil {
		s.stop()
		return nil, nil, err
	}
	return s, e, nil
}

// and has the CPU of a service count, too.
func (c *contestant) and(s *service) *contestant {
	c.with = s
	return c
}

const opaqueIssuer = "https://opaque.example.com"

func callers(backend, issuer, jwks, function, introspection string) *gateway.Snapshot {
	integration := &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://" + backend + "/pets"}
	route := func(path string) gateway.Route {
		return gateway.Route{Method: "GET", Path: path, Integration: integration}
	}
	withKey := route("/key")
	withKey.APIKeyRequired = true
	withLambda := route("/lambda")
	withLambda.Authorization = &gateway.Authorization{Type: "CUSTOM", Authorizer: "lambda"}
	rest := &gateway.Deployment{Protocol: gateway.REST, Routes: append([]gateway.Route{route("/open"), withKey, withLambda}, bodyRoutes(integration)...),
		Models: bodyModels, RequestValidators: bodyValidators,
		Authorizers: []gateway.Authorizer{{Name: "lambda", Type: "TOKEN", URI: function, IdentitySources: []string{"method.request.header.Authorization"}}}}

	withToken, withScope := route("/token"), route("/scope")
	withToken.Authorization = &gateway.Authorization{Type: "JWT", Authorizer: "jwt"}
	withScope.Authorization = &gateway.Authorization{Type: "JWT", Authorizer: "jwt", Scopes: []string{"read", "write"}}
	opaque := route("/opaque")
	opaque.Authorization = &gateway.Authorization{Type: "JWT", Authorizer: "opaque", Scopes: []string{"read", "write"}}
	authorizer := func(name, issuer string) gateway.Authorizer {
		return gateway.Authorizer{Name: name, Type: "JWT", IdentitySources: []string{"$request.header.Authorization"}, JWTIssuer: issuer, JWTAudience: []string{"bench"}}
	}
	tokens := &gateway.Deployment{Protocol: gateway.HTTP, Routes: []gateway.Route{route("/open"), withToken, withScope, opaque},
		Authorizers: []gateway.Authorizer{authorizer("jwt", issuer), authorizer("opaque", opaqueIssuer)}}

	s := &gateway.Snapshot{
		APIs: []gateway.API{
			{ID: "rest", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: rest}, {Name: "counted", Deployment: rest}}},
			{ID: "http", Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: gateway.DefaultStage, Deployment: tokens}}},
		},
		Issuers: []gateway.Issuer{{URL: issuer, JWKS: jwks}, {URL: opaqueIssuer, Introspection: &gateway.Introspection{
			Endpoint: introspection, ClientID: "bench", ClientSecret: "bench", Auth: gateway.IntrospectionBasic, CacheMillis: time.Hour.Milliseconds(),
		}}},
	}
	plan := gateway.UsagePlan{Name: "all", Uncounted: true, Stages: []gateway.PlanStage{{API: "rest", Stage: "v1"}}}
	for i := range 10_000 {
		name := fmt.Sprintf("key%05d", i)
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret("0123456789-" + name)}})
		plan.Keys = append(plan.Keys, name)
	}
	s.UsagePlans = []gateway.UsagePlan{plan, {Name: "counted", Keys: plan.Keys, Stages: []gateway.PlanStage{{API: "rest", Stage: "counted"}}}}
	return s
}

// makeToken makes a key set and a token signed by it.
func makeToken(issuer string) (jwks, token string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", err
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "bench", Algorithm: "RS256", Use: "sig"}}})
	if err != nil {
		return "", "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "bench"))
	if err != nil {
		return "", "", err
	}
	claims, err := json.Marshal(map[string]any{"iss": issuer, "sub": "ann", "aud": "bench", "scope": "read", "exp": time.Now().Add(24 * time.Hour).Unix()})
	if err != nil {
		return "", "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", "", err
	}
	token, err = signed.CompactSerialize()
	return string(set), token, err
}

package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"unicode/utf8"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/management/restapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

// storedTest tries methods and authorizers of APIs as the management API keeps them. They
// are read as they would be for a stage, and requests go through the code of the services
// that would serve them, here in this process.
type storedTest struct {
	c      *controlPlane
	log    *slog.Logger
	trials *integration.Trials
}

func newStoredTest(c *controlPlane, log *slog.Logger) storedTest {
	return storedTest{c, log, integration.NewTrials(integration.Options{Log: log})}
}

var errNothingServed = errors.New("nothing is served yet that it could be tried beside: try again in a moment")

// load reads an API as it would be served.
func (t storedTest) load(ctx context.Context, r *restapi.TestRequest, content *restapi.Content, certificate string) (*gateway.Snapshot, error) {
	served := t.c.pipeline.Snapshot()
	if served == nil {
		return nil, errNothingServed
	}
	files, err := source.Trial(r.Region, content, integration.TrialStage, r.StageVariables, certificate)
	if err != nil {
		return nil, err
	}
	key := restapi.APIKeyOf(r.Region, content.API.ID)
	err = t.c.stored.store.View(ctx, func(reader store.Reader) error { return addBackends(&files, reader, key) })
	if err != nil {
		return nil, err
	}
	result := t.c.loadVirtual(ctx, &files, without(served, key, true))
	if result.Snapshot == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, told(result.Diagnostics, result.Diagnostics.Err())
	}
	return result.Snapshot, nil
}

// TestMethod implements restapi.Tester.
func (t storedTest) TestMethod(ctx context.Context, test *restapi.MethodTest) (*restapi.MethodAnswer, error) {
	snapshot, err := t.load(ctx, &test.TestRequest, test.Content, test.ClientCertificateID)
	if err != nil {
		return nil, err
	}
	trial := integration.Trial{
		Snapshot: snapshot, API: test.Content.API.ID, Stage: integration.TrialStage, Route: test.Method + " " + test.Resource,
		Method: test.RequestMethod, Target: test.Path, Header: test.Header, Body: []byte(test.Body),
	}
	check := trialOf(&test.TestRequest, snapshot, &trial)
	bodies, found := extauthz.NewTrial(check, extauthz.Options{Log: t.log})
	if found.HasErrors() {
		return nil, told(found, found.Err())
	}
	defer bodies.Close()
	trial.Check = func(ctx context.Context, id string) *integration.TrialAnswer {
		check.ID = id
		refused := bodies.CheckBody(ctx, check)
		if refused == nil {
			return nil
		}
		return &integration.TrialAnswer{Status: refused.Status, Header: refused.Header, Body: refused.Body, Reason: refused.Detail}
	}
	if !hasBodyModels(snapshot, &trial) {
		trial.Check = nil
	}
	answer, found, err := t.trials.Try(ctx, trial)
	if err != nil {
		return nil, told(found, err)
	}
	body := string(answer.Body)
	if !utf8.ValidString(body) {
		body = base64.StdEncoding.EncodeToString(answer.Body)
	}
	return &restapi.MethodAnswer{Status: answer.Status, Body: body, Header: answer.Header, Log: answer.Log, Latency: answer.Latency}, nil
}

// hasBodyModels reports whether there is anything that bodies are held to.
func hasBodyModels(s *gateway.Snapshot, trial *integration.Trial) bool {
	d := s.API(trial.API).Stage(trial.Stage).Deployment
	return slices.ContainsFunc(d.Routes, func(r gateway.Route) bool { return r.Key() == trial.Route && len(d.BodyModels(&r)) > 0 })
}

func trialOf(r *restapi.TestRequest, s *gateway.Snapshot, of *integration.Trial) *extauthz.Trial {
	return &extauthz.Trial{
		Snapshot: s, API: of.API, Stage: of.Stage, Route: of.Route, Method: of.Method, Target: r.Path, Header: r.Header, Body: of.Body,
	}
}

// TestAuthorizer implements restapi.Tester.
func (t storedTest) TestAuthorizer(ctx context.Context, test *restapi.AuthorizerTest) (*restapi.AuthorizerAnswer, error) {
	snapshot, err := t.load(ctx, &test.TestRequest, test.Content, "")
	if err != nil {
		return nil, err
	}
	trial := &extauthz.Trial{
		Snapshot: snapshot, API: test.Content.API.ID, Stage: integration.TrialStage, Route: "GET /", ID: integration.TrialID(),
		Method: "GET", Target: test.Path, Header: maps.Clone(test.Header), Body: []byte(test.Body),
	}
	server, found := extauthz.NewTrial(trial, extauthz.Options{Log: t.log})
	if found.HasErrors() {
		return nil, told(found, found.Err())
	}
	defer server.Close()
	var decision *extauthz.AuthorizerDecision
	if test.UserPool {
		decision = server.AskUserPool(ctx, trial, test.Authorizer, t.c.issuers.Keys)
	} else {
		decision = server.AskAuthorizer(ctx, trial, test.Authorizer)
	}
	answer := &restapi.AuthorizerAnswer{
		ClientStatus: decision.Status, Log: decision.Log, Latency: decision.Latency, PrincipalID: decision.Principal, Policy: decision.Policy,
		Claims: decision.Claims,
	}
	for name, value := range decision.Context {
		if name != "principalId" && name != "integrationLatency" {
			if answer.Authorization == nil {
				answer.Authorization = map[string][]string{}
			}
			answer.Authorization[name] = []string{value}
		}
	}
	return answer, nil
}

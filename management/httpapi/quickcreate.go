package httpapi

import (
	"context"
	"regexp"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// defaultStage is the stage whose name is not in its path, and defaultRoute the route
// of what no other takes.
const (
	defaultStage = "$default"
	defaultRoute = "$default"
)

// quick is what an HTTP API is created with that serves at once: an integration, a route
// to it and a stage, which the service itself manages.
type quick struct {
	target, routeKey, credentials string
}

func readQuick(in input) (quick, error) {
	var members struct {
		Target         string `json:"target"`
		RouteKey       string `json:"routeKey"`
		CredentialsARN string `json:"credentialsArn"`
	}
	err := in.into(&members)
	return quick{members.Target, members.RouteKey, members.CredentialsARN}, err
}

// check checks what a new API is created with.
func (q quick) check(p *problems, a *API) {
	if q == (quick{}) {
		return
	}
	if a.ProtocolType == protocolWebSocket {
		p.add("target, routeKey and credentialsArn are supported only for APIs with a protocol type of HTTP")
		return
	}
	if q.target == "" {
		p.add("routeKey and credentialsArn are supported only together with target")
		return
	}
	if q.routeKey != "" {
		checkRouteKey(p, protocolHTTP, q.routeKey)
	}
	checkIntegration(p, a, q.integration())
}

var lambdaARN = regexp.MustCompile(`^arn:[a-z-]+:(?:lambda:|apigateway:[a-z0-9-]+:lambda:path/)`)

// integration is what a target means: a function, or a URL.
func (q quick) integration() *Integration {
	i := &Integration{
		APIGatewayManaged: true, IntegrationURI: q.target, CredentialsARN: q.credentials,
		ConnectionType: connectionInternet, TimeoutInMillis: maxTimeout(protocolHTTP),
	}
	if strings.HasPrefix(q.target, "arn:") {
		i.IntegrationType, i.IntegrationMethod, i.PayloadFormatVersion = typeAWSProxy, "POST", "2.0"
	} else {
		i.IntegrationType, i.IntegrationMethod, i.PayloadFormatVersion = typeHTTPProxy, "ANY", "1.0"
	}
	return i
}

// quickCreate makes what the target of a new API asks for.
func (s *Service) quickCreate(ctx context.Context, tx store.Tx, key string, a *API, q quick) error {
	i := q.integration()
	i.IntegrationID = restjson.NewID(partIDLength)
	route := &Route{APIGatewayManaged: true, AuthorizationType: authorizationNone, RouteID: restjson.NewID(partIDLength), RouteKey: q.routeKey, Target: targetPrefix + i.IntegrationID}
	if route.RouteKey == "" {
		route.RouteKey = defaultRoute
	}
	stage := &Stage{APIGatewayManaged: true, AutoDeploy: true, StageName: defaultStage, CreatedDate: a.CreatedDate, LastUpdatedDate: a.CreatedDate}
	stage.fill(a)
	for _, document := range []struct {
		key      string
		document any
	}{
		{"/integrations/" + i.IntegrationID, i},
		{"/routes/" + route.RouteID, route},
		{"/stages/" + stage.StageName, stage},
	} {
		if err := store.WriteDocument(tx, key+document.key, document.document); err != nil {
			return err
		}
	}
	return s.changed(ctx, tx, key)
}

// updateQuick changes what quick create has made.
func (s *Service) updateQuick(tx store.Tx, key string, a *API, q quick, in input) error {
	if q == (quick{}) {
		return nil
	}
	integrations, err := store.ReadDocuments[Integration](tx, key+"/integrations/")
	if err != nil {
		return err
	}
	routes, err := store.ReadDocuments[Route](tx, key+"/routes/")
	if err != nil {
		return err
	}
	changed := false
	for _, i := range integrations {
		if !i.APIGatewayManaged || q.target == "" && q.credentials == "" {
			continue
		}
		next := i
		if q.target != "" {
			made := quick{q.target, "", i.CredentialsARN}.integration()
			next.IntegrationType, next.IntegrationURI = made.IntegrationType, made.IntegrationURI
			next.IntegrationMethod, next.PayloadFormatVersion = made.IntegrationMethod, made.PayloadFormatVersion
		}
		if in.has("credentialsArn") {
			next.CredentialsARN = q.credentials
		}
		var p problems
		checkIntegration(&p, a, &next)
		if err := p.err(); err != nil {
			return err
		}
		if err := store.WriteDocument(tx, key+"/integrations/"+i.IntegrationID, &next); err != nil {
			return err
		}
		changed = true
	}
	for _, r := range routes {
		if !r.APIGatewayManaged || q.routeKey == "" {
			continue
		}
		r.RouteKey = q.routeKey
		if err := checkRoute(tx, key, a, &r, input{"routeKey": nil}); err != nil {
			return err
		}
		if err := store.WriteDocument(tx, key+"/routes/"+r.RouteID, &r); err != nil {
			return err
		}
		changed = true
	}
	if !changed {
		return restjson.BadRequest("target, routeKey and credentialsArn are supported only for APIs that were created with a target")
	}
	return nil
}

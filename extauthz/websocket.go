package extauthz

import (
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// Callers of a WebSocket API are checked when they connect, by the route $connect. Who
// uses @connections signs for it, and needs a permission of its own.

// connections is the check of @connections, which no definition has a route for.
func (b *stageCompiler) connections() *route {
	return &route{
		key: gateway.ConnectionsRoute, path: gateway.ConnectionsRoute,
		evaluators: []evaluator{signature{}, permission{b.resourcePolicy}},
	}
}

// action is what policies call that which the caller wants.
func (c *check) action() string {
	if c.stage.protocol == gateway.WebSocket && c.route.key == gateway.ConnectionsRoute {
		return iampolicy.ManageConnections
	}
	return iampolicy.Invoke
}

// webSocketARN names what the caller wants as policies do: the route $connect, or
// METHOD/@connections/ID.
func (c *check) webSocketARN() string {
	method, path := gateway.ConnectRoute, ""
	if c.route.key == gateway.ConnectionsRoute {
		method, path = c.http.GetMethod(), lambdaevent.DecodePercent(c.below(c.base))
	}
	return strings.TrimSuffix(c.stage.identity.MethodARN(c.stage.name, method, path), "/")
}

// connectEvent is that of a WebSocket API's authorizer.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
type connectEvent struct {
	Type           string              `json:"type"`
	MethodARN      string              `json:"methodArn"`
	Headers        map[string]string   `json:"headers"`
	MultiHeaders   map[string][]string `json:"multiValueHeaders"`
	Query          map[string]string   `json:"queryStringParameters"`
	MultiQuery     map[string][]string `json:"multiValueQueryStringParameters"`
	StageVariables map[string]string   `json:"stageVariables"`
	Context        connectContext      `json:"requestContext"`
}

type connectContext struct {
	RouteKey          string          `json:"routeKey"`
	EventType         string          `json:"eventType"`
	ExtendedRequestID string          `json:"extendedRequestId"`
	RequestTime       string          `json:"requestTime"`
	Direction         string          `json:"messageDirection"`
	Stage             string          `json:"stage"`
	ConnectedAt       int64           `json:"connectedAt"`
	RequestTimeEpoch  int64           `json:"requestTimeEpoch"`
	Identity          requestIdentity `json:"identity"`
	RequestID         string          `json:"requestId"`
	DomainName        string          `json:"domainName"`
	ConnectionID      string          `json:"connectionId"`
	APIID             string          `json:"apiId"`
}

func (c *check) connectEvent() *connectEvent {
	name, _ := c.domain()
	e := &connectEvent{
		Type: "REQUEST", MethodARN: c.methodARN(), StageVariables: orEmpty(c.stage.variables),
		Context: connectContext{
			RouteKey: c.route.key, EventType: "CONNECT", Direction: "IN", Stage: c.stage.name,
			ExtendedRequestID: c.id(), RequestID: c.id(), RequestTime: c.now.UTC().Format(lambdaevent.TimeLayout),
			ConnectedAt: c.now.UnixMilli(), RequestTimeEpoch: c.now.UnixMilli(),
			Identity:   requestIdentity{SourceIP: c.sourceIP(), UserAgent: c.header("user-agent"), ClientCert: c.clientCertificate()},
			DomainName: name, ConnectionID: wire.ConnectionID(c.id()), APIID: c.stage.key.api,
		},
	}
	if c.route.keyRequired && !c.stage.keyFromAuthorizer {
		e.Context.Identity.APIKey = c.apiKey()
	}
	e.Headers, e.MultiHeaders = lastAndAll(c.eventHeaders())
	e.Query, e.MultiQuery = lastAndAll(c.queryParameters(false))
	return e
}

package gateway

import (
	"cmp"
	"slices"
)

// Protocol is the kind of an API.
type Protocol string

const (
	// REST is Amazon's "REST API" (apigateway, v1).
	REST Protocol = "REST"
	// HTTP is Amazon's "HTTP API" (apigatewayv2).
	HTTP Protocol = "HTTP"
	// WebSocket is Amazon's "WebSocket API" (apigatewayv2).
	WebSocket Protocol = "WEBSOCKET"
)

// DefaultStage is the stage of an HTTP API that has no segment in the path.
const DefaultStage = "$default"

// API is one REST, HTTP or WebSocket API with its stages.
type API struct {
	// ID is the first label of the API's own host name: {id}.execute-api.{suffix}.
	ID          string
	Name        string
	Description string
	Protocol    Protocol
	// Gateways names the gateways that serve the API; empty means all.
	Gateways []string
	// DisableExecuteAPIEndpoint leaves only custom domains to reach the API by.
	DisableExecuteAPIEndpoint bool
	// Region and AccountID are those of the API's ARNs; empty for DefaultRegion and
	// DefaultAccountID.
	Region, AccountID string
	Stages            []Stage
	Tags              map[string]string
	Source            Position
}

// Home is the region and the account of the API's ARNs.
func (a *API) Home() Home {
	return Home{cmp.Or(a.Region, DefaultRegion), cmp.Or(a.AccountID, DefaultAccountID)}
}

// Home is where an API belongs to, as ARNs tell it.
type Home struct{ Region, Account string }

// Stage finds a stage by name, or nil.
func (a *API) Stage(name string) *Stage {
	for i := range a.Stages {
		if a.Stages[i].Name == name {
			return &a.Stages[i]
		}
	}
	return nil
}

// Stage is a named, running version of an API: it pins a deployment.
type Stage struct {
	// Name is the first path segment of the stage's URLs, or DefaultStage.
	Name        string
	Description string
	Variables   map[string]string
	Deployment  *Deployment
	Canary      *Canary
	// Settings of routes, the most specific matching key wins per field:
	// "GET /pets/{id}", then "*".
	Settings []RouteSettings
	// Throttle bounds the requests of all routes of the stage together; nil means
	// unbounded.
	Throttle *Throttle
	// MCP shows the stage's operations to agents; nil means it does not.
	MCP *MCP
	// ClientCertificate is the id of the certificate that HTTPS backends are shown; empty
	// for none, or for their own.
	ClientCertificate string
	// IdleMillis and DurationMillis bound the connections of a WebSocket API: how long
	// nothing may happen on one, and how long it may last.
	IdleMillis, DurationMillis int64
	// Cache keeps answers of a REST API; nil means that none are kept.
	Cache *StageCache
	// AccessLog is nil where requests are not logged.
	AccessLog *StageAccessLog
	// ExecutionLog has accounts of requests written; nil has none but of routes whose
	// settings want it.
	ExecutionLog *ExecutionLog
	// DetailedMetrics has requests counted for each route, and not for the stage only,
	// where the settings of a route do not say otherwise.
	DetailedMetrics bool
	// Tracing is nil where requests are not traced.
	Tracing *StageTracing
	Source  Position
}

// Deployments are the stage's, and the one that its canary has of its own.
func (s *Stage) Deployments() []*Deployment {
	var list []*Deployment
	if s.Deployment != nil {
		list = append(list, s.Deployment)
	}
	if s.Canary != nil && s.Canary.Deployment != nil && s.Canary.Deployment != s.Deployment {
		list = append(list, s.Canary.Deployment)
	}
	return list
}

// HasRoute reports whether the stage, or its canary, has a route with the key.
func (s *Stage) HasRoute(key string) bool {
	return slices.ContainsFunc(s.Deployments(), func(d *Deployment) bool {
		return slices.ContainsFunc(d.Routes, func(r Route) bool { return r.Key() == key })
	})
}

// Canary sends a share of a stage's requests to another deployment.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/canary-release.html
type Canary struct {
	// Percent of requests: 0, or LeastCanaryPercent to 100.
	Percent float64
	// Header sends requests that have it to the canary in any case; nil sends none.
	Header *CanaryHeader
	// Deployment of the canary; the stage's own when only variables differ.
	Deployment *Deployment
	// Variables are merged over the stage's for canary requests.
	Variables map[string]string
	// UseStageCache has it share what is kept of the stage's own answers. Otherwise its
	// answers are kept apart.
	UseStageCache bool
	Source        Position
}

// LeastCanaryPercent is the smallest share that Envoy draws: a millionth.
const LeastCanaryPercent = 0.0001

// CanaryHeader is a header that requests for a canary have.
type CanaryHeader struct {
	Name string
	// Value that it must have; empty means any.
	Value string
}

// RouteSettings are a stage's options for one route, or for all with key "*".
type RouteSettings struct {
	// RouteKey is "METHOD /path", "$default", or "*" for every route.
	RouteKey string
	// MaxRequestBytes bounds the request body; nil means the default of 10 MiB
	// (Amazon's 10485760), 0 means unlimited.
	MaxRequestBytes *int64
	// TimeoutMillis replaces the integration's own timeout; 0 switches it off.
	TimeoutMillis *int64
	// Retry replaces the backend's policy.
	Retry *Retry
	// Throttle bounds the requests of the route; under the key "*", of each route for
	// itself.
	Throttle *Throttle
	// Cache is what the route says about the stage's cache; nil means nothing.
	Cache *CacheSettings
	// DetailedMetrics replaces the stage's.
	DetailedMetrics *bool
	// Execution replaces how much the stage's execution log tells; nil leaves it.
	Execution *ExecutionDetail
	Source    Position
}

// setting finds what a stage's settings say of a route: the route's own, else those of all
// routes; nil where they say nothing of it.
func setting[T any](s *Stage, routeKey string, of func(*RouteSettings) *T) *T {
	var found *T
	for i := range s.Settings {
		at := &s.Settings[i]
		said := of(at)
		switch {
		case said == nil:
		case at.RouteKey == routeKey:
			return said
		case at.RouteKey == "*":
			found = said
		}
	}
	return found
}

// RouteDetailed reports whether a route's requests are counted for themselves.
func (s *Stage) RouteDetailed(routeKey string) bool {
	if detailed := setting(s, routeKey, func(at *RouteSettings) *bool { return at.DetailedMetrics }); detailed != nil {
		return *detailed
	}
	return s.DetailedMetrics
}

// RouteThrottle is the throttle of one route: the route's own, or what the stage sets
// for each; nil means unbounded.
func (s *Stage) RouteThrottle(routeKey string) *Throttle {
	return setting(s, routeKey, func(at *RouteSettings) *Throttle { return at.Throttle })
}

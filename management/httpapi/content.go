package httpapi

// Content is a whole HTTP or WebSocket API: what an OpenAPI document tells of it, what
// a deployment keeps, and what is translated for the gateway. Its members are in the
// order of their keys, so that the same API gives the same bytes.
type Content struct {
	API          API                  `json:"api"`
	Routes       []RouteContent       `json:"routes"`
	Integrations []IntegrationContent `json:"integrations,omitempty"`
	Authorizers  []Authorizer         `json:"authorizers,omitempty"`
	Models       []Model              `json:"models,omitempty"`
}

// RouteContent is a route with its responses.
type RouteContent struct {
	Route     Route           `json:"route"`
	Responses []RouteResponse `json:"responses,omitempty"`
}

// IntegrationContent is an integration with its responses.
type IntegrationContent struct {
	Integration Integration           `json:"integration"`
	Responses   []IntegrationResponse `json:"responses,omitempty"`
}

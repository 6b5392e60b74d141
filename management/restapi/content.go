package restapi

// Content is a whole REST API: what an OpenAPI document tells of it, what a deployment
// keeps, and what is translated for the gateway. Its members are in the order of their
// keys, so that the same API gives the same bytes.
type Content struct {
	API                RestAPI             `json:"api"`
	Resources          []Resource          `json:"resources"`
	Authorizers        []Authorizer        `json:"authorizers,omitempty"`
	Models             []Model             `json:"models,omitempty"`
	RequestValidators  []RequestValidator  `json:"requestValidators,omitempty"`
	GatewayResponses   []GatewayResponse   `json:"gatewayResponses,omitempty"`
	DocumentationParts []DocumentationPart `json:"documentationParts,omitempty"`
}

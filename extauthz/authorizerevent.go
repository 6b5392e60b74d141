package extauthz

import (
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// event is what the function of an authorizer is called with.
func (a *lambdaAuthorizer) event(c *check, identity [][]string) ([]byte, error) {
	switch a.form {
	case tokenForm:
		return lambdaevent.Marshal(tokenEvent{"TOKEN", a.sources[0].identity(identity[0]), c.methodARN()})
	case httpForm2:
		return lambdaevent.Marshal(a.httpEvent(c, identity))
	case connectForm:
		return lambdaevent.Marshal(c.connectEvent())
	}
	event := c.requestEvent()
	if a.form == httpForm1 {
		given := strings.Join(a.identities(identity), ",")
		event.Version, event.IdentitySource, event.AuthorizationToken = "1.0", &given, &given
	}
	return lambdaevent.Marshal(event)
}

func (a *lambdaAuthorizer) identities(identity [][]string) []string {
	given := make([]string, len(identity))
	for i, values := range identity {
		given[i] = a.sources[i].identity(values)
	}
	return given
}

type tokenEvent struct {
	Type      string `json:"type"`
	Token     string `json:"authorizationToken"`
	MethodARN string `json:"methodArn"`
}

// requestEvent is that of a REST API's REQUEST authorizer, and of an HTTP API's with
// payload format 1.0, which adds three members.
type requestEvent struct {
	Version            string              `json:"version,omitempty"`
	Type               string              `json:"type"`
	MethodARN          string              `json:"methodArn"`
	IdentitySource     *string             `json:"identitySource,omitempty"`
	AuthorizationToken *string             `json:"authorizationToken,omitempty"`
	Resource           string              `json:"resource"`
	Path               string              `json:"path"`
	HTTPMethod         string              `json:"httpMethod"`
	Headers            map[string]string   `json:"headers"`
	MultiHeaders       map[string][]string `json:"multiValueHeaders"`
	Query              map[string]string   `json:"queryStringParameters"`
	MultiQuery         map[string][]string `json:"multiValueQueryStringParameters"`
	PathParameters     map[string]string   `json:"pathParameters"`
	StageVariables     map[string]string   `json:"stageVariables"`
	Context            requestContext      `json:"requestContext"`
}

type requestContext struct {
	ResourceID        string          `json:"resourceId"`
	ResourcePath      string          `json:"resourcePath"`
	HTTPMethod        string          `json:"httpMethod"`
	ExtendedRequestID string          `json:"extendedRequestId"`
	RequestTime       string          `json:"requestTime"`
	Path              string          `json:"path"`
	AccountID         string          `json:"accountId"`
	Protocol          string          `json:"protocol"`
	Stage             string          `json:"stage"`
	DomainPrefix      string          `json:"domainPrefix"`
	RequestTimeEpoch  int64           `json:"requestTimeEpoch"`
	RequestID         string          `json:"requestId"`
	Identity          requestIdentity `json:"identity"`
	DomainName        string          `json:"domainName"`
	APIID             string          `json:"apiId"`
}

type requestIdentity struct {
	APIKey     string                         `json:"apiKey,omitempty"`
	SourceIP   string                         `json:"sourceIp"`
	UserAgent  string                         `json:"userAgent,omitempty"`
	ClientCert *lambdaevent.ClientCertificate `json:"clientCert,omitempty"`
}

// requestEvent describes the request. Maps without entries are {}, as authorizers get
// them from Amazon (recall); it is the events of integrations that have null.
func (c *check) requestEvent() *requestEvent {
	name, prefix := c.domain()
	e := &requestEvent{
		Type:           "REQUEST",
		MethodARN:      c.methodARN(),
		Resource:       c.route.path,
		Path:           c.eventPath(),
		HTTPMethod:     c.http.GetMethod(),
		PathParameters: orEmpty(lambdaevent.PathVariables(c.route.template, c.below(c.base))),
		StageVariables: orEmpty(c.stage.variables),
		Context: requestContext{
			ResourceID:        c.route.resourceID,
			ResourcePath:      c.route.path,
			HTTPMethod:        c.http.GetMethod(),
			ExtendedRequestID: c.id(),
			RequestTime:       c.now.UTC().Format(lambdaevent.TimeLayout),
			Path:              c.request.path,
			AccountID:         c.stage.identity.Account,
			Protocol:          c.http.GetProtocol(),
			Stage:             c.stage.name,
			DomainPrefix:      prefix,
			RequestTimeEpoch:  c.now.UnixMilli(),
			RequestID:         c.id(),
			Identity:          requestIdentity{SourceIP: c.sourceIP(), UserAgent: c.header("user-agent"), ClientCert: c.clientCertificate()},
			DomainName:        name,
			APIID:             c.stage.key.api,
		},
	}
	if c.route.keyRequired && !c.stage.keyFromAuthorizer {
		e.Context.Identity.APIKey = c.apiKey()
	}
	e.Headers, e.MultiHeaders = lastAndAll(c.eventHeaders())
	e.Query, e.MultiQuery = lastAndAll(c.queryParameters(c.stage.protocol == gateway.REST))
	return e
}

// eventPath is the path without the stage; below a custom domain it keeps the base path
// of the mapping.
func (c *check) eventPath() string {
	if name, _ := c.domain(); c.stage.protocol == gateway.REST && strings.HasPrefix(name, c.stage.key.api+".execute-api.") {
		return c.below(c.base)
	}
	return c.request.path
}

// lastAndAll are the last value of each name, and all of them.
func lastAndAll(fields []header) (map[string]string, map[string][]string) {
	last, all := make(map[string]string, len(fields)), make(map[string][]string, len(fields))
	for _, f := range fields {
		last[f.name] = f.value
		all[f.name] = append(all[f.name], f.value)
	}
	return last, all
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// eventHeaders are the headers that a function is shown. They have the names that Spelled
// gives them; those of HTTP APIs are in lower case.
func (c *check) eventHeaders() []header {
	out := []header{{"host", c.http.GetHost()}}
	for _, h := range c.headers() {
		if h.name != "host" && !lambdaevent.Hidden(h.name) {
			out = append(out, h)
		}
	}
	if c.stage.protocol != gateway.HTTP {
		for i, h := range out {
			out[i].name = lambdaevent.Spelled(h.name)
		}
	}
	return out
}

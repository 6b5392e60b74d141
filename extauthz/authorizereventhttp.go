package extauthz

import (
	"strings"

	"gatehouse/internal/lambdaevent"
)

// httpEvent is that of an HTTP API's authorizer with payload format 2.0.
type httpEvent struct {
	Version        string            `json:"version"`
	Type           string            `json:"type"`
	RouteARN       string            `json:"routeArn"`
	IdentitySource []string          `json:"identitySource"`
	RouteKey       string            `json:"routeKey"`
	RawPath        string            `json:"rawPath"`
	RawQuery       string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies,omitempty"`
	Headers        map[string]string `json:"headers"`
	Query          map[string]string `json:"queryStringParameters,omitempty"`
	Context        httpContext       `json:"requestContext"`
	PathParameters map[string]string `json:"pathParameters"`
	StageVariables map[string]string `json:"stageVariables,omitempty"`
}

type httpContext struct {
	AccountID      string          `json:"accountId"`
	APIID          string          `json:"apiId"`
	Authentication *authentication `json:"authentication,omitempty"`
	DomainName     string          `json:"domainName"`
	DomainPrefix   string          `json:"domainPrefix"`
	HTTP           httpRequest     `json:"http"`
	RequestID      string          `json:"requestId"`
	RouteKey       string          `json:"routeKey"`
	Stage          string          `json:"stage"`
	Time           string          `json:"time"`
	TimeEpoch      int64           `json:"timeEpoch"`
}

type authentication struct {
	ClientCert *lambdaevent.ClientCertificate `json:"clientCert"`
}

type httpRequest struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func (a *lambdaAuthorizer) httpEvent(c *check, identity [][]string) *httpEvent {
	name, prefix := c.domain()
	e := &httpEvent{
		Version: "2.0", Type: "REQUEST",
		RouteARN:       c.methodARN(),
		IdentitySource: a.identities(identity),
		RouteKey:       c.route.key,
		RawPath:        c.request.path,
		RawQuery:       c.query,
		Query:          joined(c.queryParameters(false)),
		StageVariables: c.stage.variables,
		Context: httpContext{
			AccountID: c.stage.identity.Account, APIID: c.stage.key.api,
			DomainName: name, DomainPrefix: prefix,
			HTTP: httpRequest{
				Method: c.http.GetMethod(), Path: c.request.path, Protocol: c.http.GetProtocol(),
				SourceIP: c.sourceIP(), UserAgent: c.header("user-agent"),
			},
			RequestID: c.id(), RouteKey: c.route.key, Stage: c.stage.name,
			Time: c.now.UTC().Format(lambdaevent.TimeLayout), TimeEpoch: c.now.UnixMilli(),
		},
	}
	if certificate := c.clientCertificate(); certificate != nil {
		e.Context.Authentication = &authentication{certificate}
	}
	var plain []header
	for _, h := range c.eventHeaders() {
		if h.name != "cookie" {
			plain = append(plain, h)
			continue
		}
		for cookie := range strings.SplitSeq(h.value, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				e.Cookies = append(e.Cookies, cookie)
			}
		}
	}
	e.Headers = joined(plain)
	// HTTP APIs give variables decoded (recall), REST APIs as they stand in the path.
	if variables := lambdaevent.PathVariables(c.route.template, c.below(c.base)); variables != nil {
		e.PathParameters = make(map[string]string, len(variables))
		for name, value := range variables {
			e.PathParameters[name] = lambdaevent.DecodePercent(value)
		}
	}
	return e
}

// joined are the values of each name, with commas between.
func joined(fields []header) map[string]string {
	_, all := lastAndAll(fields)
	out := make(map[string]string, len(all))
	for name, values := range all {
		out[name] = strings.Join(values, ",")
	}
	return out
}

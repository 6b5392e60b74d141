package integration

import (
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// restEvent is what a REST API calls functions with. Its members stand in the order of
// those that Amazon sends.
func (x *exchange) restEvent(j *jsonText, headers []eventField, body []byte) {
	j.begin('{')
	x.eventHead(j, headers)
	j.textsOrNull("pathParameters", x.pathVariables())
	j.textsOrNull("stageVariables", x.route.stage.variables)
	j.object("requestContext")
	name, prefix := x.domain()
	j.text("resourceId", x.route.resourceID)
	j.text("resourcePath", x.route.Path)
	j.text("httpMethod", x.request.Method)
	j.text("extendedRequestId", x.id())
	j.text("requestTime", x.requestTime())
	j.text("path", x.path)
	j.text("accountId", x.route.stage.account)
	j.text("protocol", x.protocol)
	j.text("stage", x.route.stage.name)
	j.text("domainPrefix", prefix)
	j.number("requestTimeEpoch", x.began)
	j.text("requestId", x.id())
	x.restIdentity(j)
	j.text("domainName", name)
	j.text("apiId", x.route.stage.api)
	j.text("deploymentId", x.route.stage.deployment.Hash())
	if x.route.Authorization != nil {
		x.authorizer1(j)
	}
	j.end('}')
	x.eventBody(j, body)
	j.end('}')
}

// httpEvent1 is the payload format 1.0 of HTTP APIs, whose members stand in another order.
func (x *exchange) httpEvent1(j *jsonText, headers []eventField, body []byte) {
	j.begin('{')
	j.text("version", "1.0")
	x.eventHead(j, headers)
	j.object("requestContext")
	name, prefix := x.domain()
	j.text("accountId", x.route.stage.account)
	j.text("apiId", x.route.stage.api)
	x.authorizer1(j)
	j.text("domainName", name)
	j.text("domainPrefix", prefix)
	j.text("extendedRequestId", x.id())
	j.text("httpMethod", x.request.Method)
	x.httpIdentity1(j)
	j.text("path", x.path)
	j.text("protocol", x.protocol)
	j.text("requestId", x.id())
	j.text("requestTime", x.requestTime())
	j.number("requestTimeEpoch", x.began)
	j.null("resourceId")
	j.text("resourcePath", x.resourcePath())
	j.text("stage", x.route.stage.name)
	j.end('}')
	j.textsOrNull("pathParameters", x.decodedVariables())
	j.textsOrNull("stageVariables", x.route.stage.variables)
	x.eventBody(j, body)
	j.end('}')
}

// eventHead is what both have of the request line and the headers.
func (x *exchange) eventHead(j *jsonText, headers []eventField) {
	j.text("resource", x.resourcePath())
	j.text("path", x.eventPath())
	j.text("httpMethod", x.request.Method)
	j.lastValues("headers", headers)
	j.allValues("multiValueHeaders", headers)
	if query := x.queryFields(); len(query) > 0 {
		j.lastValues("queryStringParameters", query)
		j.allValues("multiValueQueryStringParameters", query)
	} else {
		j.null("queryStringParameters")
		j.null("multiValueQueryStringParameters")
	}
}

func (x *exchange) eventBody(j *jsonText, body []byte) {
	binary := len(body) > 0 && x.bodyIsBinary()
	if len(body) == 0 {
		j.null("body")
	} else {
		j.body(body, binary)
	}
	j.bool("isBase64Encoded", binary)
}

// resourcePath is the route's path; that of an HTTP API's catch-all is its key.
func (x *exchange) resourcePath() string { return x.route.Path }

// eventPath is a REST API's path without the stage; below a custom domain it keeps the base
// path of the mapping.
func (x *exchange) eventPath() string {
	if x.route.stage.rest() && strings.HasPrefix(x.request.Host, x.route.stage.api+".execute-api.") {
		return x.below()
	}
	return x.path
}

func (x *exchange) requestTime() string {
	return time.UnixMilli(x.began).UTC().Format(lambdaevent.TimeLayout)
}

// decodedVariables are the path's variables as HTTP APIs give them.
func (x *exchange) decodedVariables() map[string]string {
	variables := x.pathVariables()
	for name, value := range variables {
		variables[name] = lambdaevent.DecodePercent(value)
	}
	return variables
}

// restIdentity tells who calls: what is not known is null.
func (x *exchange) restIdentity(j *jsonText) {
	caller := x.callerIdentity()
	j.object("identity")
	j.textOrNull("cognitoIdentityPoolId", caller["cognitoIdentityPoolId"])
	j.textOrNull("accountId", caller["accountId"])
	j.textOrNull("cognitoIdentityId", caller["cognitoIdentityId"])
	j.textOrNull("caller", caller["caller"])
	j.text("sourceIp", x.address)
	j.textOrNull("principalOrgId", caller["principalOrgId"])
	j.textOrNull("accessKey", caller["accessKey"])
	j.textOrNull("cognitoAuthenticationType", caller["cognitoAuthenticationType"])
	j.textOrNull("cognitoAuthenticationProvider", caller["cognitoAuthenticationProvider"])
	j.textOrNull("userArn", caller["userArn"])
	if x.route.APIKeyRequired {
		j.textOrNull("apiKey", x.apiKey())
		j.textOrNull("apiKeyId", x.apiKeyID())
	}
	j.textOrNull("userAgent", x.header("User-Agent"))
	j.textOrNull("user", caller["user"])
	for _, name := range networkNames {
		if value := x.told(networkHeaders[name]); value != "" {
			j.text(name, value)
		}
	}
	x.clientCertificate(j)
	j.end('}')
}

func (x *exchange) httpIdentity1(j *jsonText) {
	caller := x.callerIdentity()
	j.object("identity")
	for _, name := range []string{
		"accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType", "cognitoIdentityId",
		"cognitoIdentityPoolId", "principalOrgId",
	} {
		j.textOrNull(name, caller[name])
	}
	j.text("sourceIp", x.address)
	j.textOrNull("user", caller["user"])
	j.textOrNull("userAgent", x.header("User-Agent"))
	j.textOrNull("userArn", caller["userArn"])
	x.clientCertificate(j)
	j.end('}')
}

// apiKey is the value that the client has sent, or that of the key that its authorizer
// named. Of several values the first counts, since that is the one that was checked.
func (x *exchange) apiKey() string {
	if x.route.stage.deployment.APIKeySource != gateway.APIKeyFromAuthorizer {
		return x.request.Header.Get("X-Api-Key")
	}
	return x.compiled.keys[x.apiKeyID()].Reveal()
}

// clientCertificate is there where domains ask for one (mutual TLS).
func (x *exchange) clientCertificate(j *jsonText) {
	c := lambdaevent.Certificate(x.told(wire.CertificateHeader))
	if c == nil {
		return
	}
	j.object("clientCert")
	j.text("clientCertPem", c.PEM)
	j.text("subjectDN", c.Subject)
	j.text("issuerDN", c.Issuer)
	j.text("serialNumber", c.Serial)
	j.object("validity")
	j.text("notBefore", c.Validity.NotBefore)
	j.text("notAfter", c.Validity.NotAfter)
	j.end('}')
	j.end('}')
}

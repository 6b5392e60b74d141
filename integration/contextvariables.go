package integration

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// contextVariables is $context of a template. It is made anew for each, since templates
// may change it.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
func (x *exchange) contextVariables() *vtl.Map {
	name, prefix := x.domain()
	c := vtl.NewMap(21).
		Put("accountId", x.route.stage.account).
		Put("apiId", x.route.stage.api).
		Put("deploymentId", x.route.stage.deployment.Hash()).
		Put("domainName", name).
		Put("domainPrefix", prefix).
		Put("extendedRequestId", x.id()).
		Put("httpMethod", x.request.Method).
		Put("identity", x.identityVariables()).
		Put("isCanaryRequest", x.route.stage.canary).
		Put("path", x.path).
		Put("protocol", x.protocol).
		Put("requestId", x.id()).
		Put("requestTime", x.requestTime()).
		Put("requestTimeEpoch", x.began).
		Put("resourceId", x.route.resourceID).
		Put("resourcePath", x.route.Path).
		Put("routeKey", x.route.key).
		Put("stage", x.route.stage.name)
	if x.route.Authorization != nil {
		c.Put("authorizer", x.authorizerVariables())
	}
	return c
}

// identityMembers are what a signature tells.
var identityMembers = []string{
	"accountId", "caller", "user", "userArn", "accessKey", "cognitoIdentityId", "cognitoIdentityPoolId",
	"cognitoAuthenticationType", "cognitoAuthenticationProvider", "principalOrgId",
}

// networkHeaders tell what the listener says that a request of a REST API came by.
var networkHeaders = map[string]string{"vpcId": wire.SourceVPCHeader, "vpceId": wire.SourceVPCEHeader}

var networkNames = []string{"vpcId", "vpceId"}

func (x *exchange) identityVariables() *vtl.Map {
	identity := vtl.NewMap(8).Put("sourceIp", x.address).Put("userAgent", x.header("User-Agent"))
	if caller := x.callerIdentity(); caller != nil {
		for _, member := range identityMembers {
			if value := caller[member]; value != "" {
				identity.Put(member, value)
			}
		}
	}
	if x.route.APIKeyRequired {
		identity.Put("apiKey", x.apiKey()).Put("apiKeyId", x.apiKeyID())
	}
	for _, name := range networkNames {
		if value := x.told(networkHeaders[name]); value != "" {
			identity.Put(name, value)
		}
	}
	if c := lambdaevent.Certificate(x.told(wire.CertificateHeader)); c != nil {
		identity.Put("clientCert", vtl.NewMap(5).
			Put("clientCertPem", c.PEM).Put("subjectDN", c.Subject).Put("issuerDN", c.Issuer).Put("serialNumber", c.Serial).
			Put("validity", vtl.NewMap(2).Put("notBefore", c.Validity.NotBefore).Put("notAfter", c.Validity.NotAfter)))
	}
	return identity
}

func (x *exchange) authorizerVariables() *vtl.Map {
	authorizer := vtl.NewMap(4)
	put := func(into *vtl.Map, object map[string]any) {
		for _, name := range sortedKeys(object) {
			if name != latencyName {
				into.Put(name, lambdaevent.ClaimText(object[name]))
			}
		}
	}
	switch x.route.Authorization.Type {
	case gateway.AuthorizationLambda:
		put(authorizer, x.object(wire.AuthorizerHeader))
	case gateway.AuthorizationUserPool, gateway.AuthorizationJWT:
		claims := vtl.NewMap(8)
		put(claims, x.object(wire.ClaimsHeader))
		authorizer.Put("claims", claims)
	}
	return authorizer
}

// contextText is a context variable for a mapping, "" for one that has no value.
func (m *mapping) contextText(name string) string {
	if m.variables == nil {
		m.variables = m.contextVariables()
	}
	return textAt(m.variables, name)
}

// textAt follows the dots of a name; names of claims may have dots themselves.
func textAt(of *vtl.Map, name string) string {
	if value, ok := of.Get(name); ok {
		switch v := value.(type) {
		case string:
			return v
		case bool:
			return strconv.FormatBool(v)
		case int32:
			return strconv.FormatInt(int64(v), 10)
		case int64:
			return strconv.FormatInt(v, 10)
		}
		return ""
	}
	first, rest, _ := strings.Cut(name, ".")
	if inner, ok := of.Get(first); ok {
		if m, ok := inner.(*vtl.Map); ok && rest != "" {
			return textAt(m, rest)
		}
	}
	return ""
}

var contextNames = []string{
	"accountId", "apiId", "deploymentId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod", "isCanaryRequest",
	"path", "protocol", "requestId", "requestTime", "requestTimeEpoch", "resourceId", "resourcePath", "routeKey", "stage",
}

var identityNames = append([]string{
	"sourceIp", "userAgent", "apiKey", "apiKeyId", "vpcId", "vpceId", "clientCert.clientCertPem", "clientCert.subjectDN", "clientCert.issuerDN",
	"clientCert.serialNumber", "clientCert.validity.notBefore", "clientCert.validity.notAfter",
}, identityMembers...)

// knownContext reports whether a context variable may have a value.
func knownContext(name string) bool {
	if member, ok := strings.CutPrefix(name, "identity."); ok {
		return slices.Contains(identityNames, member)
	}
	return strings.HasPrefix(name, "authorizer.") || slices.Contains(contextNames, name)
}

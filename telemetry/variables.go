package telemetry

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// value gives a variable's value for a request, "" where it has none.
type value func(*request) string

// requestTimeForm is Amazon's dd/MMM/yyyy:HH:mm:ss +0000.
const requestTimeForm = "02/Jan/2006:15:04:05 -0700"

// values are the variables that are no families. What gateway.AccessLogVariables has
// besides is in unset.
var values = map[string]value{
	"accountId":         func(r *request) string { return r.stage.api.Home().Account },
	"apiId":             func(r *request) string { return r.stage.api.ID },
	"stage":             func(r *request) string { return r.stage.name },
	"domainName":        (*request).host,
	"domainPrefix":      func(r *request) string { prefix, _, _ := strings.Cut(r.host(), "."); return prefix },
	"requestId":         requestID,
	"extendedRequestId": requestID,
	"path":              func(r *request) string { return r.path },
	"httpMethod":        func(r *request) string { return r.method },
	"protocol":          protocol,
	"status":            func(r *request) string { return positive(uint64(r.status)) },
	"requestTime":       func(r *request) string { return r.began().Format(requestTimeForm) },
	"requestTimeEpoch":  func(r *request) string { return strconv.FormatInt(r.began().UnixMilli(), 10) },
	"responseLength":    func(r *request) string { return strconv.FormatUint(number(r.entry.ResponseBodySize), 10) },
	"responseLatency":   func(r *request) string { return milliseconds(r.latency()) },
	"dataProcessed":     func(r *request) string { return strconv.FormatUint(r.dataProcessed(), 10) },

	"resourceId":   ofRoute(func(r *route) string { return r.resourceID }),
	"resourcePath": ofRoute(func(r *route) string { return r.Path }),
	"routeKey":     ofRoute(func(r *route) string { return r.key }),
	"deploymentId": func(r *request) string { return r.stage.deployment(r.logged.Canary).Hash() },
	"endpointType": func(*request) string { return "REGIONAL" },
	"cipherSuite":  func(r *request) string { return r.tlsCipher },
	"tlsVersion":   tlsVersion,
	"isCanaryRequest": func(r *request) string {
		if r.stage.canary == nil {
			return ""
		}
		return strconv.FormatBool(r.logged.Canary)
	},
	// Amazon tells of what has led to the stage, a rule or a mapping, and leaves out the other.
	// See https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-routing-rules-troubleshoot.html
	"customDomain.routingRuleIdMatched": func(r *request) string { return r.logged.Rule },
	"customDomain.basePathMatched": func(r *request) string {
		if r.logged.Rule != "" {
			return ""
		}
		base, ok := r.compiled.basePath(r.host(), r.path)
		if ok && base == "" {
			return "(none)"
		}
		return base
	},

	"integrationLatency":                     integrationLatency,
	"integration.latency":                    integrationLatency,
	"integrationStatus":                      integrationStatus,
	"integration.status":                     backendStatus,
	"integration.integrationStatus":          integrationStatus,
	"integration.error":                      integrationError,
	"integrationErrorMessage":                integrationError,
	"integration.requestId":                  awsRequestID,
	"awsEndpointRequestId":                   awsRequestID,
	"awsEndpointRequestId2":                  func(r *request) string { return r.passedOn(wire.AWSStorageID2Header) },
	"integration.responseTransferMode":       transferMode,
	"integration.timeToFirstContent":         integrationLatency,
	"integration.timeToAllHeaders":           integrationLatency,
	"authenticate.error":                     func(r *request) string { return r.signature().failure },
	"authenticate.status":                    func(r *request) string { return r.signature().status },
	"authenticate.latency":                   func(r *request) string { return r.asked(r.signature()) },
	"authorize.error":                        func(r *request) string { return r.permission().failure },
	"authorize.status":                       func(r *request) string { return r.permission().status },
	"authorize.latency":                      func(r *request) string { return r.asked(r.permission()) },
	"authorizer.principalId":                 func(r *request) string { return r.authorization(wire.AnswerAuthorizer, "principalId") },
	"authorizer.requestId":                   func(r *request) string { return r.authorization(wire.AnswerFunctionRequest) },
	"authorizer.error":                       func(r *request) string { return r.authorizer().failure },
	"authorizer.status":                      func(r *request) string { return r.authorizer().status },
	"authorizer.integrationStatus":           func(r *request) string { return r.authorizer().status },
	"authorizer.latency":                     func(r *request) string { return r.asked(r.authorizer()) },
	"authorizer.integrationLatency":          func(r *request) string { return r.asked(r.authorizer()) },
	"error.responseType":                     func(r *request) string { return string(r.responseType()) },
	"error.message":                          (*request).errorMessage,
	"error.validationErrorString":            validationError,
	"identity.sourceIp":                      func(r *request) string { return r.entry.Client },
	"identity.vpcId":                         func(r *request) string { return r.entry.SourceVPC },
	"identity.vpceId":                        func(r *request) string { return r.entry.SourceVPCE },
	"identity.userAgent":                     func(r *request) string { return r.userAgent },
	"identity.apiKeyId":                      (*request).keyName,
	"identity.apiKey":                        apiKey,
	"responseOverride.status":                overridden("responseOverride.status"),
	"xrayTraceId":                            func(r *request) string { return plain(r.trace.find(wire.TraceID)) },
	"identity.clientCert.clientCertPem":      ofCertificate(func(c *lambdaevent.ClientCertificate) string { return c.PEM }),
	"identity.clientCert.subjectDN":          ofCertificate(func(c *lambdaevent.ClientCertificate) string { return c.Subject }),
	"identity.clientCert.issuerDN":           ofCertificate(func(c *lambdaevent.ClientCertificate) string { return c.Issuer }),
	"identity.clientCert.serialNumber":       ofCertificate(func(c *lambdaevent.ClientCertificate) string { return c.Serial }),
	"identity.clientCert.validity.notBefore": ofCertificate(func(c *lambdaevent.ClientCertificate) string { return c.Validity.NotBefore }),
	"identity.clientCert.validity.notAfter":  ofCertificate(func(c *lambdaevent.ClientCertificate) string { return c.Validity.NotAfter }),
}

// identityMembers are what a signature tells, behind "identity.".
var identityMembers = []string{
	"accountId", "caller", "principalOrgId", "user", "userArn",
	"cognitoAuthenticationProvider", "cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId",
}

func init() {
	for _, member := range identityMembers {
		values["identity."+member] = func(r *request) string { return r.authorization(wire.AnswerIdentity, member) }
	}
}

// unset are the variables of Amazon's that nothing here can have a value of: of a firewall.
// Those of WebSocket APIs have one there: see ofConnection.
var unset = map[string]bool{
	"waf.error": true, "waf.latency": true, "waf.status": true, "wafResponseCode": true, "webaclArn": true,
	"connectedAt": true, "connectionId": true, "eventType": true, "messageId": true,
}

// valueOf finds the value of a variable; nil for one that never has any.
func valueOf(name string) value {
	if v := values[name]; v != nil {
		return v
	}
	if claim, ok := strings.CutPrefix(name, "authorizer.claims."); ok {
		return func(r *request) string {
			if v := r.tokens.find(wire.TokenClaims, claim); v != nil {
				return plain(v)
			}
			return r.authorization(wire.AnswerClaims, claim)
		}
	}
	if strings.HasPrefix(name, "requestOverride.") || strings.HasPrefix(name, "responseOverride.") {
		return overridden(name)
	}
	if member, ok := strings.CutPrefix(name, "authorizer."); ok && !unset[name] {
		return func(r *request) string { return r.authorization(wire.AnswerAuthorizer, member) }
	}
	return nil
}

// overridden is what the templates of the integration have put in the place of what is mapped.
func overridden(name string) value {
	return func(r *request) string { return r.integrationTold(name) }
}

func requestID(r *request) string { return r.entry.RequestID }

// began is when the request's first byte came, by Envoy's clock.
func (r *request) began() time.Time { return r.entry.began }

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func positive(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// protocol is the version of HTTP as Amazon writes it.
func protocol(r *request) string {
	switch p := r.httpVersion; p {
	case "HTTP/2", "HTTP/3":
		return p + ".0"
	default:
		return p
	}
}

func ofRoute(of func(*route) string) value {
	return func(r *request) string {
		if r.route == nil {
			return ""
		}
		return of(r.route)
	}
}

func ofCertificate(of func(*lambdaevent.ClientCertificate) string) value {
	return func(r *request) string {
		if c := r.clientCertificate(); c != nil {
			return of(c)
		}
		return ""
	}
}

// apiKey stands for the key's value, which is a secret: that there was a known one is all
// that is told. identity.apiKeyId names it.
func apiKey(r *request) string {
	if r.keyName() == "" {
		return ""
	}
	return gateway.Secret("").String()
}

func tlsVersion(r *request) string {
	if r.tlsVersion == "TLSv1" {
		return "TLSv1.0"
	}
	return r.tlsVersion
}

func integrationLatency(r *request) string {
	if took, ok := r.integrationLatency(); ok {
		return milliseconds(took)
	}
	return ""
}

// integrationStatus is what the integration answered; for a function that is the status
// of its call.
func integrationStatus(r *request) string {
	if told := r.integrationTold(wire.ToldStatus); told != "" {
		return told
	}
	if !r.integrated() {
		return ""
	}
	switch in := r.route.Integration; {
	case in == nil:
		return ""
	case in.Type == gateway.IntegrationAWSProxy:
		return "200"
	}
	return backendStatus(r)
}

// backendStatus is the status of the backend itself, or the one that a function gave.
func backendStatus(r *request) string {
	if r.route == nil || r.route.Integration == nil {
		return ""
	}
	if told := r.integrationTold(wire.ToldStatus); told != "" && r.route.Integration.Type != gateway.IntegrationAWSProxy {
		return told
	}
	if !r.integrated() {
		return ""
	}
	switch r.route.Integration.Type {
	case gateway.IntegrationHTTPProxy, gateway.IntegrationAWSProxy:
		return positive(uint64(r.status))
	}
	return ""
}

// integrationError says why the integration gave no answer, or not all of it.
func integrationError(r *request) string {
	switch r.responseType() {
	case gateway.IntegrationFailure, gateway.IntegrationTimeout:
	case gateway.APIConfigurationError:
		return r.misconfigured()
	default:
		if r.cutShort() {
			return r.details()
		}
		return ""
	}
	if why := r.upstreamFailure(); why != "" {
		return why
	}
	details := r.details()
	if strings.HasPrefix(details, customPrefix) || details == "via_upstream" {
		return cmp.Or(r.integrationTold(wire.ToldError), r.errorMessage())
	}
	return details
}

// misconfigured says why the definition of an integration has it give no answer.
func (r *request) misconfigured() string {
	switch {
	case r.servedByService():
		return cmp.Or(r.integrationTold(wire.ToldError), r.errorMessage())
	case r.details() == "direct_response":
		// Envoy answers so by itself where a MOCK can have no other answer.
		return "the request template of the MOCK gives no status that an integration response is for"
	}
	return ""
}

// awsRequestID is the id that a service of Amazon's has given the request. REST APIs put their
// own in the place of one of the headers, and pass it on by another name.
func awsRequestID(r *request) string {
	if id := r.integrationTold(wire.ToldRequestID); id != "" {
		return id
	}
	header := wire.AWSRequestIDHeader
	if r.stage.api.Protocol == gateway.REST {
		header = wire.RemappedRequestIDHeader
	}
	return cmp.Or(r.passedOn(header), r.passedOn(wire.AWSStorageIDHeader))
}

// passedOn is the value of one of the headers that are kept of a backend's response, if the
// backend has given it and nobody else.
func (r *request) passedOn(header string) string {
	if !r.integrated() || r.route.Integration == nil || r.route.Integration.Type != gateway.IntegrationHTTPProxy {
		return ""
	}
	return plain(r.told.find(header))
}

func transferMode(r *request) string {
	if r.route == nil || r.route.Integration == nil {
		return ""
	}
	if r.route.Integration.ResponseTransferMode == "STREAM" {
		return "STREAMED"
	}
	return "BUFFERED"
}

func validationError(r *request) string {
	text := r.authorization(wire.AnswerDetail)
	if text == "" {
		return ""
	}
	// It is told as it stands inside of a JSON string.
	var plain string
	if json.Unmarshal([]byte(`"`+text+`"`), &plain) != nil {
		return text
	}
	return plain
}

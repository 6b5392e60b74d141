package gateway

import (
	"regexp"
	"slices"
	"strings"
)

// DestinationStdout is the destination of access logs that the process which receives
// them writes to its standard output.
const DestinationStdout = "stdout"

// DestinationOTLP is the destination of logs whose lines become records of the collector that
// the process which receives access logs reports to.
const DestinationOTLP = "otlp"

// MaxAccessLogFormat is how many bytes a format may have: Amazon's limit.
const MaxAccessLogFormat = 3 << 10

// StageAccessLog has a line written for each request of a stage, in a format of the
// stage's own. (AccessLog has Envoy write lines that all have one form.)
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
type StageAccessLog struct {
	// Format is a text with $context variables.
	Format string
	// FormatSource is where it is written.
	FormatSource TextSource
	// Destination is DestinationStdout, DestinationOTLP or the absolute path of a file, on the
	// machine of the process that receives access logs.
	Destination string
	// MaxBytes is how large the file becomes before another is begun, MaxFiles how many
	// old ones are kept; 0 means 100 MiB, and 5.
	MaxBytes int64
	MaxFiles int
	Source   Position
}

// LogPart is a piece of a format: a variable, or the text between two.
type LogPart struct {
	Text string
	// Variable is the name behind "$context.", empty for text.
	Variable string
}

// A LogMistake is what is wrong with a format, and where in it.
type LogMistake struct {
	// Offset is in bytes from the beginning of the format, -1 for the format as a whole.
	Offset        int
	Code          string
	Message, Hint string
}

var (
	logReference = regexp.MustCompile(`\$(\{)?context\.` + VariableName)
	// otherReference is what looks like a variable and is none in a format.
	otherReference = regexp.MustCompile(`\$\{?(context|stageVariables|input|util)\b`)
)

// ParseAccessLogFormat takes a format apart, and tells what in it has no meaning in an
// API of this kind. An empty protocol takes the variables of all kinds.
func ParseAccessLogFormat(format string, protocol Protocol) ([]LogPart, []LogMistake) {
	var parts []LogPart
	var mistakes []LogMistake
	unknown := func(offset int, message, hint string) {
		mistakes = append(mistakes, LogMistake{Offset: offset, Code: "unknown-log-variable", Message: message, Hint: hint})
	}
	if len(format) > MaxAccessLogFormat {
		return nil, []LogMistake{{Offset: -1, Code: "log-format-too-long", Message: "the format has more than 3,072 bytes"}}
	}
	if at := strings.IndexAny(format, "\n\r"); at >= 0 {
		mistakes = append(mistakes, LogMistake{
			Offset: at, Code: "log-format-lines",
			Message: "the format has several lines, and a request is one line of a log", Hint: "write it folded, with >- in place of |",
		})
	}
	text := func(from, to int) {
		if from == to {
			return
		}
		for _, m := range otherReference.FindAllStringIndex(format[from:to], -1) {
			unknown(from+m[0], format[from+m[0]:from+m[1]]+" is no variable of access logs", "variables are $context.name or ${context.name}")
		}
		parts = append(parts, LogPart{Text: format[from:to]})
	}
	last, identified := 0, false
	for _, m := range logReference.FindAllStringSubmatchIndex(format, -1) {
		end := m[1]
		text(last, m[0])
		if m[2] >= 0 {
			if !strings.HasPrefix(format[end:], "}") {
				last = end
				unknown(m[0], "a brace is not closed behind "+format[m[0]:end], "write ${context.name}")
				continue
			}
			end++
		}
		last = end
		name := logVariableName(format, m)
		if message, hint := logVariableMistake(name, protocol); message != "" {
			unknown(m[0], message, hint)
			continue
		}
		identified = identified || name == "requestId" || name == "extendedRequestId"
		parts = append(parts, LogPart{Variable: name})
	}
	text(last, len(format))
	if !identified && len(mistakes) == 0 {
		mistakes = append(mistakes, LogMistake{
			Offset: -1, Code: "log-format-without-id",
			Message: "the format has neither $context.requestId nor $context.extendedRequestId", Hint: "add one: without it no line can be found again",
		})
	}
	return parts, mistakes
}

// logVariableName is the name in a match of logReference, what stands in brackets included.
func logVariableName(format string, match []int) string {
	name := format[match[4]:match[5]]
	for group := 6; group <= 8; group += 2 {
		if match[group] >= 0 {
			name += "." + format[match[group]:match[group+1]]
		}
	}
	return name
}

// logVariableMistake tells why there is no such variable; empty if there is.
func logVariableMistake(name string, protocol Protocol) (message, hint string) {
	in, known := AccessLogVariable(name)
	switch {
	case !known:
		return "$context." + name + " is no variable of access logs", "variables are listed in docs/access-logs.md"
	case protocol == "" || slices.Contains(in, protocol):
		return "", ""
	}
	var kinds []string
	for _, kind := range in {
		kinds = append(kinds, string(kind))
	}
	return "$context." + name + " is no variable of " + string(protocol) + " APIs", "it is one of " + strings.Join(kinds, " and ") + " APIs"
}

// AccessLogVariable gives the kinds of APIs whose access logs have a variable.
func AccessLogVariable(name string) ([]Protocol, bool) {
	if in, ok := logVariables[name]; ok {
		return in, true
	}
	for _, family := range logFamilies {
		if member, ok := strings.CutPrefix(name, family.prefix); ok && member != "" {
			return family.in, true
		}
	}
	return nil, false
}

// logFamilies are variables whose last part is a name of the API's own.
var logFamilies = []struct {
	prefix string
	in     []Protocol
}{
	{"authorizer.claims.", []Protocol{REST, HTTP}},
	{"authorizer.", []Protocol{REST, HTTP, WebSocket}},
	{"requestOverride.header.", []Protocol{REST}},
	{"requestOverride.path.", []Protocol{REST}},
	{"requestOverride.querystring.", []Protocol{REST}},
	{"responseOverride.header.", []Protocol{REST}},
}

// logVariables are Amazon's, by the kinds of APIs that have them.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
var logVariables = logVariableTable(map[string]string{
	"RHW": `apiId domainName stage requestId extendedRequestId status requestTime requestTimeEpoch
		integrationLatency integrationStatus integration.error integration.integrationStatus integration.latency
		integration.requestId integration.status authorizer.error awsEndpointRequestId error.message error.messageString error.responseType
		identity.accountId identity.caller identity.principalOrgId identity.sourceIp identity.user identity.userAgent identity.userArn
		identity.cognitoAuthenticationProvider identity.cognitoAuthenticationType identity.cognitoIdentityId identity.cognitoIdentityPoolId`,
	"RH": `accountId domainPrefix path protocol httpMethod responseLength responseLatency
		customDomain.basePathMatched identity.clientCert.clientCertPem identity.clientCert.subjectDN identity.clientCert.issuerDN
		identity.clientCert.serialNumber identity.clientCert.validity.notBefore identity.clientCert.validity.notAfter`,
	"RW": `authenticate.error authenticate.latency authenticate.status authorize.error authorize.latency authorize.status
		authorizer.integrationLatency authorizer.integrationStatus authorizer.latency authorizer.requestId authorizer.status authorizer.principalId
		error.validationErrorString identity.apiKey identity.apiKeyId waf.error waf.latency waf.status`,
	"HW": `routeKey`,
	"R": `resourceId resourcePath deploymentId endpointType isCanaryRequest cipherSuite tlsVersion
		integration.responseTransferMode integration.timeToAllHeaders integration.timeToFirstContent
		customDomain.routingRuleIdMatched identity.vpcId identity.vpceId responseOverride.status
		wafResponseCode webaclArn xrayTraceId`,
	"H": `dataProcessed integrationErrorMessage awsEndpointRequestId2`,
	"W": `connectedAt connectionId eventType messageId`,
})

func logVariableTable(kinds map[string]string) map[string][]Protocol {
	table := map[string][]Protocol{}
	for letters, names := range kinds {
		var in []Protocol
		for _, kind := range []struct {
			letter   string
			protocol Protocol
		}{{"R", REST}, {"H", HTTP}, {"W", WebSocket}} {
			if strings.Contains(letters, kind.letter) {
				in = append(in, kind.protocol)
			}
		}
		for _, name := range strings.Fields(names) {
			table[name] = in
		}
	}
	return table
}

// neverLogged are variables that Amazon has and that have no value here, and why.
var neverLogged = map[string]string{
	"waf.error": noFirewall, "waf.latency": noFirewall, "waf.status": noFirewall, "wafResponseCode": noFirewall, "webaclArn": noFirewall,
}

const noFirewall = "there is no web application firewall"

// emptyLogVariables finds the variables of a format, which is a good one, that never have a
// value.
func emptyLogVariables(format string) (found []LogMistake) {
	for _, m := range logReference.FindAllStringSubmatchIndex(format, -1) {
		name := logVariableName(format, m)
		if why := neverLogged[name]; why != "" {
			found = append(found, LogMistake{
				Offset: m[0], Code: "empty-log-variable", Message: "$context." + name + " is always -: " + why, Hint: "remove it",
			})
		}
	}
	return found
}

// overridePrefixes begin the variables that only an integration's templates know.
var overridePrefixes = []string{"requestOverride.", "responseOverride."}

// Overrides are the variables of the format that tell what templates override, each once; none
// where l is nil.
func (l *StageAccessLog) Overrides() []string {
	if l == nil {
		return nil
	}
	var names []string
	for _, m := range logReference.FindAllStringSubmatchIndex(l.Format, -1) {
		name := logVariableName(l.Format, m)
		of := slices.ContainsFunc(overridePrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if of && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// integrationStatuses are the variables that tell what the integration has answered.
var integrationStatuses = []string{"integrationStatus", "integration.status", "integration.integrationStatus"}

// integrationErrors are those that tell why it has not.
var integrationErrors = []string{"integration.error", "integrationErrorMessage"}

// errorResponseTypes is the one that tells which gateway response was given.
var errorResponseTypes = []string{"error.responseType"}

// integrationRequestIDs are those of the id that a service of AWS has given.
var integrationRequestIDs = []string{"integration.requestId", "awsEndpointRequestId", "awsEndpointRequestId2"}

// IntegrationRequestID reports whether the format has one of them; false where l is nil.
func (l *StageAccessLog) IntegrationRequestID() bool { return l.hasOneOf(integrationRequestIDs) }

// IntegrationStatus reports whether the format has one of them; false where l is nil.
func (l *StageAccessLog) IntegrationStatus() bool { return l.hasOneOf(integrationStatuses) }

// IntegrationError reports whether the format tells why an integration has not answered; false
// where l is nil.
func (l *StageAccessLog) IntegrationError() bool { return l.hasOneOf(integrationErrors) }

// ErrorResponseType reports whether the format tells which gateway response a request got; false
// where l is nil.
func (l *StageAccessLog) ErrorResponseType() bool { return l.hasOneOf(errorResponseTypes) }

func (l *StageAccessLog) hasOneOf(names []string) bool {
	if l == nil {
		return false
	}
	return slices.ContainsFunc(logReference.FindAllStringSubmatchIndex(l.Format, -1), func(m []int) bool {
		return slices.Contains(names, logVariableName(l.Format, m))
	})
}

// AccessLogVariables are the names of all variables that are no families, sorted.
func AccessLogVariables() []string {
	names := make([]string, 0, len(logVariables))
	for name := range logVariables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

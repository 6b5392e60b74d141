package httpapi

import (
	"net/http"
	"slices"
)

// Responses are selected by the status, those of functions by the error that they tell.
const (
	defaultResponseSelection  = "${integration.response.statuscode}"
	functionResponseSelection = "${integration.response.body.errorMessage}"
)

var passthroughBehaviors = []string{"WHEN_NO_MATCH", "NEVER", "WHEN_NO_TEMPLATES"}

// ignore drops what Amazon takes, and then does not have. Terraform's provider sends
// passthroughBehavior with every integration.
func (i *Integration) ignore(a *API) {
	if i.TLSConfig != nil && *i.TLSConfig == (TLSConfig{}) {
		i.TLSConfig = nil
	}
	if a.ProtocolType != protocolHTTP {
		return
	}
	if slices.Contains(passthroughBehaviors, i.PassthroughBehavior) {
		i.PassthroughBehavior = ""
	}
	if i.ConnectionType != connectionVPCLink {
		i.TLSConfig = nil
	}
}

// fill sets what Amazon sets of an integration when its creator does not, as the acceptance tests
// of Terraform's provider find it.
func (i *Integration) fill(a *API) {
	set := func(member *string, value string) {
		if *member == "" {
			*member = value
		}
	}
	set(&i.ConnectionType, connectionInternet)
	set(&i.PayloadFormatVersion, "1.0")
	if i.TimeoutInMillis == 0 {
		i.TimeoutInMillis = maxTimeout(a.ProtocolType)
	}
	if a.ProtocolType == protocolWebSocket {
		set(&i.PassthroughBehavior, "WHEN_NO_MATCH")
		switch {
		case i.IntegrationType == typeAWS && lambdaARN.MatchString(i.IntegrationURI):
			set(&i.IntegrationResponseSelectionExpression, functionResponseSelection)
		case i.IntegrationType == typeAWS, i.IntegrationType == typeHTTP, i.IntegrationType == typeMock:
			set(&i.IntegrationResponseSelectionExpression, defaultResponseSelection)
		}
	}
	if i.IntegrationType == typeAWSProxy && i.IntegrationSubtype == "" || i.IntegrationType == typeAWS && lambdaARN.MatchString(i.IntegrationURI) {
		set(&i.IntegrationMethod, http.MethodPost)
	}
}

// maxTimeout is the longest that an integration can take, in milliseconds, and how long
// it takes unless something else is set.
func maxTimeout(protocol string) int {
	if protocol == protocolWebSocket {
		return 29000
	}
	return 30000
}

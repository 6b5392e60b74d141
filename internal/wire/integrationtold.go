package wire

import (
	"net/url"
	"strings"
)

// What an integration answers is mapped before Envoy passes it on. Where somebody who is told
// about requests wants more of it, Envoy asks the integration service, is answered in a header
// that no client sees, and keeps it as metadata of the request. Where mapping.lua maps, that
// puts it there.
const (
	// IntegrationToldHeader names in the request what is wanted, and has in the response what
	// there is of that, both in the form of a query.
	IntegrationToldHeader = InternalHeaderPrefix + "integration-told"
	// IntegrationMetadata has the response's as IntegrationTold.
	IntegrationMetadata = "gw.integration"
	IntegrationTold     = "told"
)

// What may be wanted, beside requestOverride.… and responseOverride.…, which are named as the
// variables of access logs.
const (
	// ToldStatus is the status that the integration answered with, before it was mapped; of a
	// function that its call has failed with.
	ToldStatus = "integrationStatus"
	// ToldRequestID is the id that Lambda, or another service of AWS, has given the call.
	ToldRequestID = "integrationRequestId"
	// ToldError and ToldResponseType are there where the gateway has answered in the place of the
	// integration: why, and the gateway response. HTTP APIs do not tell clients which it is.
	ToldError        = "integrationError"
	ToldResponseType = "responseType"
	// ToldCache is what the stage's cache did: CacheAnswered or CacheRefused, or nothing where
	// the integration was asked.
	ToldCache = "cache"
	// CacheAnswered: the answer was kept from another request.
	CacheAnswered = "hit"
	// CacheRefused: the caller may not have a new one made.
	CacheRefused = "refused"
)

// MaxIntegrationTold is how long what is told may be: Envoy keeps no more of a header.
const MaxIntegrationTold = 8 << 10

// AskIntegration asks for values of these names.
func AskIntegration(names []string) string {
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = url.QueryEscape(name)
	}
	return strings.Join(escaped, "&")
}

// TellIntegration answers what AskIntegration asks, with what value knows of each name. What
// there is no room for is replaced by instead.
func TellIntegration(asked, instead string, value func(name string) string) string {
	var told []byte
	for escaped := range strings.SplitSeq(asked, "&") {
		name, err := url.QueryUnescape(escaped)
		if err != nil {
			continue
		}
		v := value(name)
		if v == "" {
			continue
		}
		for _, text := range []string{v, instead} {
			member := "&" + escaped + "=" + url.QueryEscape(text)
			if len(told)+len(member) <= MaxIntegrationTold {
				told = append(told, member...)
				break
			}
		}
	}
	return strings.TrimPrefix(string(told), "&")
}

// ToldByIntegration is the value of a name in what TellIntegration gives.
func ToldByIntegration(told, name string) string {
	if told == "" {
		return ""
	}
	values, _ := url.ParseQuery(told)
	return values.Get(name)
}

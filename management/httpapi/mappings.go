package httpapi

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// subtypeParameters are the subtypes of integrations, which call an action of a service,
// with the parameters that each needs.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
var subtypeParameters = map[string][]string{
	"EventBridge-PutEvents":            {"Detail", "DetailType", "Source"},
	"SQS-SendMessage":                  {"QueueUrl", "MessageBody"},
	"SQS-ReceiveMessage":               {"QueueUrl"},
	"SQS-DeleteMessage":                {"ReceiptHandle", "QueueUrl"},
	"SQS-PurgeQueue":                   {"QueueUrl"},
	"AppConfig-GetConfiguration":       {"Application", "Environment", "Configuration", "ClientId"},
	"Kinesis-PutRecord":                {"StreamName", "Data", "PartitionKey"},
	"StepFunctions-StartExecution":     {"StateMachineArn"},
	"StepFunctions-StartSyncExecution": {"StateMachineArn"},
	"StepFunctions-StopExecution":      {"ExecutionArn"},
}

func checkSubtype(p *problems, i *Integration) {
	if i.IntegrationSubtype == "" {
		return
	}
	if i.IntegrationType != typeAWSProxy {
		p.add("integrationSubtype is supported only for an integration type of AWS_PROXY")
	}
	needed, ok := subtypeParameters[i.IntegrationSubtype]
	if !ok {
		p.add("Invalid integrationSubtype %s. Must be one of [%s]", shorten(i.IntegrationSubtype), strings.Join(slices.Sorted(maps.Keys(subtypeParameters)), ", "))
		return
	}
	for _, name := range needed {
		if i.RequestParameters[name] == "" {
			p.add("Parameter %s is required for the integration subtype %s", name, i.IntegrationSubtype)
		}
	}
	if i.CredentialsARN == "" {
		p.add("credentialsArn is required for an integration with a subtype")
	}
	for _, name := range slices.Sorted(maps.Keys(i.RequestParameters)) {
		checkMappedValue(p, i.RequestParameters[name])
	}
}

var (
	requestTarget  = regexp.MustCompile(`^(?:(?:append|overwrite|remove):(?:header|querystring)\.[^\x00-\x20\x7f]+|overwrite:path)$`)
	responseTarget = regexp.MustCompile(`^(?:(?:append|overwrite|remove):header\.[^\x00-\x20\x7f]+|overwrite:statuscode)$`)
	responseStatus = regexp.MustCompile(`^[2-5][0-9][0-9]$`)
)

// checkRequestMappings checks what an integration of an HTTP API changes of requests.
func checkRequestMappings(p *problems, mappings map[string]string) {
	checkMappings(p, mappings, requestTarget)
}

// checkResponseMappings checks what it changes of answers.
func checkResponseMappings(p *problems, byStatus map[string]map[string]string) {
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		if !responseStatus.MatchString(status) {
			p.add("Invalid response parameters key %s: must be a HTTP status code from 200 to 599", shorten(status))
		}
		checkMappings(p, byStatus[status], responseTarget)
	}
}

func checkMappings(p *problems, mappings map[string]string, target *regexp.Regexp) {
	for _, key := range slices.Sorted(maps.Keys(mappings)) {
		if !target.MatchString(key) {
			p.add("Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: %s]", shorten(key))
		}
		if !strings.HasPrefix(key, "remove:") {
			checkMappedValue(p, mappings[key])
		}
	}
}

func checkMappedValue(p *problems, value string) {
	if _, err := gateway.ParseHTTPValue(value); err != nil {
		p.add("Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: %s]", shorten(value))
	}
}

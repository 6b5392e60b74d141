package restapi

import (
	"gatehouse/management/domain"
	"gatehouse/management/restjson"
)

// Why members have no effect that several have for the same reason.
const (
	listenersSay = "the gateway's listeners say how it is reached"
	noEndpoints  = "there are no VPC endpoints; requests of one are told by the listener that they come to (`sourceVpce`)"
)

// NoEffect is what is kept of REST APIs and of the account, and has no effect on what is served.
var NoEffect = []restjson.NoEffect{
	{
		Operations: []string{"UpdateAccount"}, Member: "cloudwatchRoleArn",
		Why: "logs go to the standard output of the role `telemetry`",
	},
	{
		Operations: []string{"CreateApiKey", "UpdateApiKey"}, Member: "stageKeys", Asked: "stage",
		Why: "plans let keys in",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "endpointConfiguration.types", Harmless: []string{domain.Edge, domain.Regional},
		Why: "a PRIVATE domain name is not served",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "endpointConfiguration.ipAddressType", Harmless: []string{domain.DefaultIPAddressType},
		Why: listenersSay,
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "endpointConfiguration.vpcEndpointIds",
		Why: noEndpoints,
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "endpointAccessMode",
		Why: listenersSay,
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "policy",
		Why: "it is of PRIVATE domain names, which are not served",
	},
	{
		Operations: []string{"UpdateDomainName"}, Member: "managementPolicy",
		Why: "it is of PRIVATE domain names; the policies of a key say what it may change",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "certificateName",
		Why: "certificates are found by their ARN, or are sent along",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "regionalCertificateName",
		Why: "certificates are found by their ARN, or are sent along",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "ownershipVerificationCertificateArn",
		Why: "nobody verifies whose a domain is",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "mutualTlsAuthentication.truststoreVersion",
		Why: "the file in `truststores` is read as it is, and again when it is replaced",
	},
	{
		Operations: []string{"PutIntegration", "UpdateIntegration"}, Member: "integrationTarget",
		Why: "a VPC link leads to the backend that `connectionId` names",
	},
	{
		Operations: []string{"CreateRestApi", "UpdateRestApi"}, Member: "endpointConfiguration.types", Harmless: []string{domain.Edge, domain.Regional},
		Why: "a PRIVATE API is served as others are: resource policies say who may call it",
	},
	{
		Operations: []string{"CreateRestApi", "UpdateRestApi"}, Member: "endpointConfiguration.ipAddressType", Harmless: []string{"ipv4"},
		Why: listenersSay,
	},
	{
		Operations: []string{"CreateRestApi", "UpdateRestApi"}, Member: "endpointConfiguration.vpcEndpointIds",
		Why: noEndpoints,
	},
	{
		Operations: []string{"CreateRestApi", "UpdateRestApi"}, Member: "securityPolicy",
		Why: listenersSay,
	},
	{
		Operations: []string{"CreateRestApi", "UpdateRestApi"}, Member: "endpointAccessMode",
		Why: listenersSay,
	},
	{
		Operations: []string{"CreateStage", "UpdateStage"}, Member: "cacheClusterSize",
		Why: "every process keeps 512 MiB of a stage at most, or Redis keeps all",
	},
	{
		Operations: []string{"UpdateStage"}, Member: "accessLogSettings.destinationArn",
		Why: "the lines go to the standard output of the role `telemetry`",
	},
	{
		Operations: []string{"UpdateStage"}, Member: "methodSettings.*.cacheDataEncrypted", Asked: "dataEncrypted",
		Why: "what is cached is in the memory of the processes, or in Redis",
	},
	{
		Operations: []string{"CreateUsagePlan", "UpdateUsagePlan"}, Member: "productCode",
		Why: "nothing is sold in Amazon's marketplace",
	},
}

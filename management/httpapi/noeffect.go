package httpapi

import "gatehouse/management/restjson"

// NoEffect is what is kept of HTTP and WebSocket APIs, and has no effect on what is served.
var NoEffect = []restjson.NoEffect{
	{
		Operations: []string{"CreateApi", "UpdateApi"}, Member: "ipAddressType", Harmless: []string{defaultIPAddressType},
		Why: "the addresses of the gateway's listeners say how it is reached",
	},
	{
		Operations: []string{"CreateApi", "UpdateApi"}, Member: "disableSchemaValidation",
		Why: "the models that messages are held to are checked in any case",
	},
	{
		Operations: []string{"CreateAuthorizer", "UpdateAuthorizer"}, Member: "identityValidationExpression",
		Why: "Amazon has no use for it, either: it belongs to the TOKEN authorizers of REST APIs",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "domainNameConfigurations.*.ipAddressType", Harmless: []string{"ipv4"},
		Why: "the addresses of the gateway's listeners say how it is reached",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "domainNameConfigurations.*.certificateName",
		Why: "it names an uploaded certificate in Amazon's list; certificateArn is looked up in `certificates`",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "domainNameConfigurations.*.ownershipVerificationCertificateArn",
		Why: "nobody verifies whose a domain is",
	},
	{
		Operations: []string{"CreateDomainName", "UpdateDomainName"}, Member: "mutualTlsAuthentication.truststoreVersion",
		Why: "the file in `truststores` is read as it is, and again when it is replaced",
	},
	{
		Operations: []string{"CreateIntegrationResponse", "UpdateIntegrationResponse"}, Member: "templateSelectionExpression",
		Why: "the template `$default` is taken",
	},
	{
		Operations: []string{"CreateIntegrationResponse", "UpdateIntegrationResponse"}, Member: "responseParameters",
		Why: "messages have no headers",
	},
	{
		Operations: []string{"CreatePortal", "UpdatePortal"}, Member: "endpointConfiguration.certificateArn",
		Why: "the domain that leads to the portal has its own",
	},
	{
		Operations: []string{"CreatePortal", "UpdatePortal"}, Member: "portalContent.theme.logoLastUploaded", Asked: "logoUri",
		Why: "pages of portals load nothing from elsewhere",
	},
	{
		Operations: []string{"CreatePortal", "UpdatePortal"}, Member: "rumAppMonitorName",
		Why: "pages of portals report to nobody",
	},
	{
		Operations: []string{"CreateRoute", "UpdateRoute"}, Member: "requestParameters",
		Why: "what connects is not held to parameters: let an authorizer ask for them",
	},
	{
		Operations: []string{"CreateRouteResponse", "UpdateRouteResponse"}, Member: "modelSelectionExpression",
		Why: "answers are not held to models",
	},
	{
		Operations: []string{"CreateRouteResponse", "UpdateRouteResponse"}, Member: "responseModels",
		Why: "answers are not held to models",
	},
	{
		Operations: []string{"CreateRouteResponse", "UpdateRouteResponse"}, Member: "responseParameters",
		Why: "messages have no headers",
	},
	{
		Operations: []string{"CreateStage", "UpdateStage"}, Member: "accessLogSettings.destinationArn",
		Why: "the lines go to the standard output of the roles `telemetry` and, of WebSocket APIs, `integration`",
	},
	{
		Operations: []string{"CreateVpcLink"}, Member: "subnetIds",
		Why: "a VPC link leads to a backend",
	},
	{
		Operations: []string{"CreateVpcLink"}, Member: "securityGroupIds",
		Why: "a VPC link leads to a backend",
	},
}

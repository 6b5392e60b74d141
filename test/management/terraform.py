"""Makes, changes, imports and destroys what apigatewayv2 has as Terraform does, whose plans have to
find nothing to do after each of these. The server is the first argument."""

import json

import sys

import boto3

from terraformprovider import (REGION, ROUTE_SETTINGS, Api, ApiMapping, Authorizer, Deployment, DomainName, Integration, IntegrationResponse, Model, Route,
                               RouteResponse, RoutingRule, Stage, VpcLink)

FUNCTION = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/arn:aws:lambda:{REGION}:000000000000:function:f/invocations"
ROLE = "arn:aws:iam::000000000000:role/gateway"

# An HTTP API: as little as possible, then all there is, then as little again.
least = {"Name": "pets", "ProtocolType": "HTTP"}
api = Api(**least)
cors = {"AllowHeaders": ["Authorization"], "AllowMethods": ["GET", "put"], "AllowOrigins": ["https://www.example.com"]}
api.update(**least, CorsConfiguration=cors, Description="of a shop", DisableExecuteApiEndpoint=True, Version="v1", Tags={"a": "1", "b": "2"})
api.update(Name="animals", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["HTTP://WWW.EXAMPLE.ORG", "https://example.io"], "AllowMethods": ["*"], "ExposeHeaders": ["X-Api-Id"], "AllowCredentials": True, "MaxAge": 500},
           IpAddressType="dualstack", Version="v2", Tags={"b": "3"})
api.update(**least)
document = {"openapi": "3.0.1", "info": {"title": "pets", "version": "1.0"}, "x-amazon-apigateway-cors": {"allowOrigins": ["*"]},
            "paths": {"/test": {"get": {"x-amazon-apigateway-integration": {"type": "HTTP_PROXY", "httpMethod": "GET", "payloadFormatVersion": "1.0", "uri": "https://example.com/"}}}}}
api.document(json.dumps(document), **least, Version="1.0")
api.document(json.dumps(document), **least, Version="1.0", CorsConfiguration=cors)
here = {"ApiId": api["ApiId"]}

link = VpcLink(Name="inside", SecurityGroupIds=["sg-1"], SubnetIds=["subnet-2", "subnet-1"], Tags={"a": "1"})
link.update(Name="within", SecurityGroupIds=["sg-1"], SubnetIds=["subnet-1", "subnet-2"], Tags={"a": "2"})

least = {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": "http://www.example.com"}
integration = Integration(**here, **least, RequestParameters={"append:header.header1": "$context.requestId", "remove:querystring.qs1": "''"},
                          ResponseParameters={"500": {"append:header.header1": "$context.requestId", "overwrite:statuscode": "403"}, "404": {"append:header.error": "$stageVariables.environmentId"}})
integration.update(**least, RequestParameters={"append:header.header1": "$context.accountId", "overwrite:header.header2": "$stageVariables.environmentId"},
                   ResponseParameters={"500": {"append:header.header1": "$context.requestId", "overwrite:statuscode": "403"}}, TimeoutInMillis=5000)
integration.update(**least)
private = {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "GET", "ConnectionType": "VPC_LINK", "ConnectionId": link["VpcLinkId"],
           "IntegrationUri": f"arn:aws:elasticloadbalancing:{REGION}:000000000000:listener/app/pets/1/2"}
inside = Integration(**here, **private, Description="inside", TimeoutInMillis=29001, TlsConfig={"ServerNameToVerify": "www.example.com"})
inside.update(**private, Description="inside", TimeoutInMillis=29001, TlsConfig={"ServerNameToVerify": "www.example.org"})
inside.update(**private)
inside.update(**least)
function = Integration(**here, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion="2.0", CredentialsArn=ROLE)
function.update(IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, PayloadFormatVersion="1.0", IntegrationMethod="POST")
service = {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage", "CredentialsArn": ROLE}
message = {"QueueUrl": "https://queue.example.com/1", "MessageBody": "$request.body"}
queue = Integration(**here, **service, RequestParameters={**message, "DelaySeconds": "1"})
queue.update(**service, Description="a queue", RequestParameters={**message, "DelaySeconds": "1"})
queue.update(**service, RequestParameters=message)
document_of_issuer = {"Audience": ["pets"], "Issuer": "https://id.example.com"}
token = Authorizer(**here, Name="users", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"], JwtConfiguration=document_of_issuer)
token.update(Name="callers", AuthorizerType="JWT", IdentitySource=["$request.querystring.token"], JwtConfiguration={"Audience": ["b", "a"], "Issuer": "https://id.example.org"})
asked = {"AuthorizerType": "REQUEST", "AuthorizerUri": FUNCTION, "AuthorizerPayloadFormatVersion": "2.0"}
request = Authorizer(**here, **asked, Name="asked", EnableSimpleResponses=True, IdentitySource=["$request.querystring.User", "$context.routeKey"], AuthorizerResultTtlInSeconds=300)
request.update(**asked, Name="asked", IdentitySource=["$request.querystring.User"], AuthorizerResultTtlInSeconds=0, AuthorizerCredentialsArn=ROLE)
request.update(**asked, Name="asked", AuthorizerResultTtlInSeconds=0)
least = {"RouteKey": "GET /pets", "Target": f"integrations/{integration['IntegrationId']}"}
route = Route(**here, **least, AuthorizationType="JWT", AuthorizerId=token["AuthorizerId"], AuthorizationScopes=["write", "read"], OperationName="pets")
route.update(**least, AuthorizationType="JWT", AuthorizerId=token["AuthorizerId"])
route.update(**least, AuthorizationType="CUSTOM", AuthorizerId=request["AuthorizerId"])
route.update(RouteKey="$default", Target=f"integrations/{function['IntegrationId']}", AuthorizationType="AWS_IAM")
route.update(**least)

deployment = Deployment(**here)
deployment.update(Description="first")
log = {"DestinationArn": f"arn:aws:logs:{REGION}:000000000000:log-group:pets", "Format": "$context.identity.sourceIp $context.requestId"}
stage = Stage(**here, StageName="live")
stage.update(StageName="live", DeploymentId=deployment["DeploymentId"], AccessLogSettings=log, DefaultRouteSettings={"DetailedMetricsEnabled": True, "ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 7.5},
             Description="for all", RouteSettings={"GET /pets": {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 2}, "GET /test": {"DetailedMetricsEnabled": True}},
             StageVariables={"a": "1", "b": "2"}, Tags={"a": "1"})
stage.update(StageName="live", DeploymentId=deployment["DeploymentId"], AccessLogSettings={**log, "Format": "$context.requestId"}, DefaultRouteSettings={"ThrottlingBurstLimit": 6, "ThrottlingRateLimit": 7},
             RouteSettings={"GET /test": {"ThrottlingBurstLimit": 3}}, StageVariables={"b": "3", "c": "4"})
stage.update(StageName="live", DeploymentId=deployment["DeploymentId"])
default = Stage(**here, StageName="$default", AutoDeploy=True)
default.update(StageName="$default")

certificate = {"CertificateArn": f"arn:aws:acm:{REGION}:000000000000:certificate/1", "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
named = {"DomainName": "pets.example.com", "DomainNameConfigurations": [certificate]}
domain = DomainName(**named, Tags={"a": "1"})
domain.update(**named, MutualTlsAuthentication={"TruststoreUri": "s3://trust/store", "TruststoreVersion": "1"})
domain.update(**named, MutualTlsAuthentication={"TruststoreUri": "s3://trust/store", "TruststoreVersion": "2"})
domain.update(**named, MutualTlsAuthentication={"TruststoreUri": "s3://trust/other", "TruststoreVersion": "2"})
domain.update(DomainName="pets.example.com", DomainNameConfigurations=[{**certificate, "CertificateArn": certificate["CertificateArn"] + "2"}])
mapping = ApiMapping(DomainName="pets.example.com", ApiId=api["ApiId"], Stage="live")
mapping.update(ApiId=api["ApiId"], Stage="$default", ApiMappingKey="v1/pets")
mapping.update(ApiId=api["ApiId"], Stage="live")

# Rules lead to REST APIs, which another client makes.
rest = boto3.client("apigateway", endpoint_url=sys.argv[1], region_name=REGION)
ruled = rest.create_rest_api(name="ruled")["id"]
root = rest.get_resources(restApiId=ruled)["items"][0]["id"]
rest.put_method(restApiId=ruled, resourceId=root, httpMethod="GET", authorizationType="NONE")
rest.put_integration(restApiId=ruled, resourceId=root, httpMethod="GET", type="MOCK")
rest.create_deployment(restApiId=ruled, stageName="live")
by_rule = DomainName(**{**named, "DomainName": "rules.example.com"}, RoutingMode="ROUTING_RULE_ONLY")
by_rule.update(**{**named, "DomainName": "rules.example.com"}, RoutingMode="ROUTING_RULE_THEN_API_MAPPING")
leads = [{"InvokeApi": {"ApiId": ruled, "Stage": "live"}}]
rule = RoutingRule(DomainName="rules.example.com", Priority=1, Conditions=[{"MatchBasePaths": {"AnyOf": ["shop"]}}], Actions=leads)
rule.update(Priority=2, Actions=[{"InvokeApi": {"ApiId": ruled, "Stage": "live", "StripBasePath": True}}],
            Conditions=[{"MatchHeaders": {"AnyOf": [{"Header": "x-tenant", "ValueGlob": "*gold*"}]}}, {"MatchHeaders": {"AnyOf": [{"Header": "Host", "ValueGlob": "*"}]}}])
rule.update(Priority=2, Actions=leads, Conditions=[])

# A WebSocket API.
chat = Api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
chat.update(Name="talk", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.service", ApiKeySelectionExpression="$context.authorizer.usageIdentifierKey",
            Description="of a shop", DisableExecuteApiEndpoint=True, Version="v1", Tags={"a": "1"})
chat.update(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
here = {"ApiId": chat["ApiId"]}
model = Model(**here, Name="message", ContentType="application/json", Schema='{ "type": "object", "title": "message" }')
model.update(Name="said", ContentType="application/x-json", Description="what was said", Schema='{"type": "string"}')
mock = Integration(**here, IntegrationType="MOCK")
assert mock.read()[1]["IntegrationResponseSelectionExpression"] == "${integration.response.statuscode}"
mapped = {"IntegrationType": "HTTP", "IntegrationMethod": "GET", "IntegrationUri": "http://www.example.com"}
http = Integration(**here, **mapped, ContentHandlingStrategy="CONVERT_TO_TEXT", Description="Test HTTP", RequestParameters={"integration.request.querystring.stage": "'value1'"},
                   RequestTemplates={"application/json": ""}, TemplateSelectionExpression="$request.body.name", TimeoutInMillis=28999)
http.update(**mapped, ContentHandlingStrategy="CONVERT_TO_BINARY", PassthroughBehavior="WHEN_NO_TEMPLATES",
            RequestParameters={"integration.request.header.x-userid": "'value2'", "integration.request.path.op": "'value3'"},
            RequestTemplates={"application/json": "#set($number=42)", "application/xml": "#set($percent=$number/100)"}, TemplateSelectionExpression="$request.body.id")
http.update(**mapped, RequestTemplates={"application/json": "#set($number=43)"})
http.update(**mapped)
custom = Integration(**here, IntegrationType="AWS", IntegrationUri=FUNCTION, ContentHandlingStrategy="CONVERT_TO_TEXT")
assert custom.read()[1]["IntegrationResponseSelectionExpression"] == "${integration.response.body.errorMessage}"
proxy = Integration(**here, **{**private, "IntegrationUri": "http://www.example.net", "PassthroughBehavior": "NEVER"})
assert "IntegrationResponseSelectionExpression" not in proxy.read()[1]
answered = {"ApiId": chat["ApiId"], "IntegrationId": http["IntegrationId"]}
response = IntegrationResponse(**answered, IntegrationResponseKey="/200/")
response.update(IntegrationResponseKey="$default", ContentHandlingStrategy="CONVERT_TO_TEXT", TemplateSelectionExpression="$request.body.name", ResponseTemplates={"application/json": ""})
response.update(IntegrationResponseKey="/404/", ContentHandlingStrategy="CONVERT_TO_BINARY", ResponseTemplates={"application/json": "#set($number=42)", "application/xml": "x"})
response.update(IntegrationResponseKey="/404/", ResponseTemplates={"application/xml": "x"})
decided = {"AuthorizerType": "REQUEST", "AuthorizerUri": FUNCTION}
decides = Authorizer(**here, **decided, Name="decides", IdentitySource=["route.request.header.Auth"])
decides.update(**decided, Name="decides", IdentitySource=["route.request.header.Auth", "route.request.querystring.Name"], AuthorizerCredentialsArn=ROLE)
decides.update(**decided, Name="decides")
key = {"RouteKey": "$connect", "Target": f"integrations/{mock['IntegrationId']}"}
connect = Route(**here, **key)
connect.update(**key, ApiKeyRequired=True, AuthorizationType="CUSTOM", AuthorizerId=decides["AuthorizerId"], ModelSelectionExpression="action", OperationName="connect",
               RequestModels={"$default": "said", "test": "said"}, RouteResponseSelectionExpression="$default",
               RequestParameters={"route.request.header.authorization": {"Required": True}, "route.request.querystring.authToken": {"Required": False}})
connect.update(**key, RequestModels={"test": "said"}, RequestParameters={"route.request.querystring.authToken": {"Required": True}})
connect.update(**key)
said = RouteResponse(ApiId=chat["ApiId"], RouteId=connect["RouteId"], RouteResponseKey="$default")
said.update(RouteResponseKey="$default", ModelSelectionExpression="action", ResponseModels={"test": "said", "other": "said"})
said.update(RouteResponseKey="$default", ResponseModels={"test": "said"})
said.update(RouteResponseKey="$default")
live = Stage(**here, StageName="live")
assert live.read()[0]["DefaultRouteSettings"] == {**ROUTE_SETTINGS, "LoggingLevel": "OFF"}
live.update(StageName="live", DefaultRouteSettings={"DataTraceEnabled": True, "LoggingLevel": "ERROR", "ThrottlingBurstLimit": 2222, "ThrottlingRateLimit": 8888})
live.update(StageName="live", DefaultRouteSettings={"DetailedMetricsEnabled": True, "LoggingLevel": "INFO", "ThrottlingBurstLimit": 1111, "ThrottlingRateLimit": 9999},
            RouteSettings={"$connect": {"DataTraceEnabled": True, "LoggingLevel": "INFO"}})
live.update(StageName="live", DefaultRouteSettings={"LoggingLevel": "INFO", "ThrottlingBurstLimit": 1111, "ThrottlingRateLimit": 9999})

# What depends on something goes before it.
for resource in [live, said, connect, decides, response, custom, proxy, http, mock, model, chat, rule, by_rule, mapping, domain, default, stage, deployment, route,
                 request, token, queue, function, inside, integration, link, api]:
    resource.destroy()

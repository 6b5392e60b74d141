"""Walks through apigatewayv2 with boto3: every operation, what it answers, and what it
refuses. The server is the first argument."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

from answers import refusals, same, status

client = boto3.client("apigatewayv2", endpoint_url=sys.argv[1], region_name="eu-west-1")
refused = refusals(client)
called = set()
client.meta.events.register("before-call.*", lambda model, **_: called.add(model.name))


# An HTTP API.
api = same(client.create_api(Name="pets", ProtocolType="HTTP", Tags={"team": "a"}), Name="pets", ProtocolType="HTTP",
           RouteSelectionExpression="$request.method $request.path", ApiKeySelectionExpression="$request.header.x-api-key", DisableExecuteApiEndpoint=False)
i = api["ApiId"]
assert status(api) == 201 and len(i) == 10 and api["CreatedDate"].year > 2000
same(api, ApiEndpoint=f"https://{i}.execute-api.example.com")
ages = same(client.create_api(Name="ages", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["*"], "MaxAge": 0}), CorsConfiguration={"AllowOrigins": ["*"], "MaxAge": 0})
client.delete_api(ApiId=ages["ApiId"])
cors = {"AllowOrigins": ["https://www.example.com"], "AllowMethods": ["GET"], "AllowHeaders": ["authorization"], "AllowCredentials": True, "MaxAge": 60}
same(client.update_api(ApiId=i, CorsConfiguration=cors, Description="of a shop"), CorsConfiguration=cors, Description="of a shop", Name="pets")
same(client.get_api(ApiId=i), CorsConfiguration=cors, Tags={"team": "a"})
assert status(client.delete_cors_configuration(ApiId=i)) == 204
assert "CorsConfiguration" not in client.get_api(ApiId=i)
refused("BadRequestException", "allow-credentials is not supported if 'allow-origin' is *", "update_api", ApiId=i, CorsConfiguration={"AllowOrigins": ["*"], "AllowCredentials": True})
assert refused("NotFoundException", "Invalid API identifier specified 000000000000:nothing123", "get_api", ApiId="nothing123")["ResponseMetadata"]["HTTPStatusCode"] == 404

# An integration, an authorizer and a route.
n = same(client.create_integration(ApiId=i, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", IntegrationUri="https://pets.example.com/{id}", PayloadFormatVersion="1.0",
                                   RequestParameters={"append:header.x": "$context.requestId"}, ResponseParameters={"404": {"overwrite:statuscode": "200"}}),
         ConnectionType="INTERNET", TimeoutInMillis=30000, PayloadFormatVersion="1.0")["IntegrationId"]
same(client.update_integration(ApiId=i, IntegrationId=n, TimeoutInMillis=500, RequestParameters={"append:header.x": "", "overwrite:path": "/y"}),
     TimeoutInMillis=500, RequestParameters={"overwrite:path": "/y"}, ResponseParameters={"404": {"overwrite:statuscode": "200"}})
same(client.get_integration(ApiId=i, IntegrationId=n), IntegrationUri="https://pets.example.com/{id}")
assert [x["IntegrationId"] for x in client.get_integrations(ApiId=i)["Items"]] == [n]
jwt = {"Audience": ["pets"], "Issuer": "https://id.example.com/"}
a = same(client.create_authorizer(ApiId=i, Name="users", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"], JwtConfiguration=jwt), JwtConfiguration=jwt)["AuthorizerId"]
same(client.update_authorizer(ApiId=i, AuthorizerId=a, Name="callers"), Name="callers", JwtConfiguration=jwt)
same(client.get_authorizer(ApiId=i, AuthorizerId=a), Name="callers", AuthorizerType="JWT")
assert [x["AuthorizerId"] for x in client.get_authorizers(ApiId=i)["Items"]] == [a]
r = same(client.create_route(ApiId=i, RouteKey="GET /pets/{id}", Target=f"integrations/{n}", AuthorizationType="JWT", AuthorizerId=a, AuthorizationScopes=["read"]),
         RouteKey="GET /pets/{id}", AuthorizationType="JWT", AuthorizationScopes=["read"], ApiKeyRequired=False)["RouteId"]
same(client.update_route(ApiId=i, RouteId=r, OperationName="pet"), OperationName="pet", Target=f"integrations/{n}")
same(client.get_route(ApiId=i, RouteId=r), OperationName="pet")
assert [x["RouteKey"] for x in client.get_routes(ApiId=i)["Items"]] == ["GET /pets/{id}"]
refused("ConflictException", "Route with key GET /pets/{id} already exists for this API", "create_route", ApiId=i, RouteKey="GET /pets/{id}")
refused("BadRequestException", "Invalid Integration identifier specified: nothing", "create_route", ApiId=i, RouteKey="GET /", Target="integrations/nothing")
refused("ConflictException", f"Cannot delete Integration because it is referenced by the following Routes with Ids: [{r}]", "delete_integration", ApiId=i, IntegrationId=n)
refused("ConflictException", f"Cannot delete authorizer '{a}', is referenced in route: GET /pets/{{id}}", "delete_authorizer", ApiId=i, AuthorizerId=a)

# Deployments and stages.
d = same(client.create_deployment(ApiId=i, Description="first"), DeploymentStatus="DEPLOYED", Description="first")["DeploymentId"]
same(client.update_deployment(ApiId=i, DeploymentId=d, Description="one"), Description="one")
same(client.get_deployment(ApiId=i, DeploymentId=d), Description="one")
log = {"DestinationArn": "arn:aws:logs:eu-west-1:000000000000:log-group:pets", "Format": "$context.requestId"}
same(client.create_stage(ApiId=i, StageName="v1", DeploymentId=d, StageVariables={"host": "a"}, AccessLogSettings=log,
                         RouteSettings={"GET /pets/{id}": {"ThrottlingRateLimit": 5.5, "ThrottlingBurstLimit": 3}}),
     DeploymentId=d, StageVariables={"host": "a"}, AccessLogSettings=log, Tags={})
same(client.update_stage(ApiId=i, StageName="v1", StageVariables={"host": "b"}, DefaultRouteSettings={"ThrottlingRateLimit": 100, "ThrottlingBurstLimit": 50}), StageVariables={"host": "b"})
assert client.get_stage(ApiId=i, StageName="v1")["RouteSettings"]["GET /pets/{id}"]["ThrottlingRateLimit"] == 5.5
client.delete_route_settings(ApiId=i, StageName="v1", RouteKey="GET /pets/{id}")
client.delete_access_log_settings(ApiId=i, StageName="v1")
client.reset_authorizers_cache(ApiId=i, StageName="v1")
stage = same(client.get_stage(ApiId=i, StageName="v1"), RouteSettings={})
assert "AccessLogSettings" not in stage
same(client.create_stage(ApiId=i, StageName="$default", AutoDeploy=True), AutoDeploy=True)
before = client.get_stage(ApiId=i, StageName="$default")["DeploymentId"]
client.update_route(ApiId=i, RouteId=r, AuthorizationType="NONE")
after = client.get_stage(ApiId=i, StageName="$default")
assert after["DeploymentId"] != before and after["DeploymentId"] in after["LastDeploymentStatusMessage"]
assert {x["StageName"] for x in client.get_stages(ApiId=i)["Items"]} == {"v1", "$default"}
assert {x["DeploymentId"] for x in client.get_deployments(ApiId=i)["Items"]} >= {d, after["DeploymentId"]}
refused("BadRequestException", "Active stages pointing to this deployment must be moved or deleted", "delete_deployment", ApiId=i, DeploymentId=d)

# Documents.
exported = client.export_api(ApiId=i, Specification="OAS30", OutputType="JSON", StageName="v1")["body"].read()
assert "/pets/{id}" in json.loads(exported)["paths"]
imported = client.import_api(Body=exported.decode())
assert status(imported) == 201 and [x["RouteKey"] for x in client.get_routes(ApiId=imported["ApiId"])["Items"]] == ["GET /pets/{id}"]
same(client.reimport_api(ApiId=imported["ApiId"], Body=exported.decode()), ApiId=imported["ApiId"])
assert len(client.get_routes(ApiId=imported["ApiId"])["Items"]) == 1

# Domain names.
certificate = {"CertificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/1", "EndpointType": "REGIONAL"}
domain = client.create_domain_name(DomainName="pets.example.com", DomainNameConfigurations=[certificate])
same(domain, DomainName="pets.example.com", ApiMappingSelectionExpression="$request.basepath")
same(domain["DomainNameConfigurations"][0], DomainNameStatus="AVAILABLE", SecurityPolicy="TLS_1_2")
same(client.update_domain_name(DomainName="pets.example.com", MutualTlsAuthentication={"TruststoreUri": "s3://trust/b"}), MutualTlsAuthentication={"TruststoreUri": "s3://trust/b"})
assert [x["DomainName"] for x in client.get_domain_names()["Items"]] == ["pets.example.com"]
m = same(client.create_api_mapping(DomainName="pets.example.com", ApiId=i, Stage="v1", ApiMappingKey="a/b"), ApiMappingKey="a/b")["ApiMappingId"]
same(client.update_api_mapping(DomainName="pets.example.com", ApiMappingId=m, ApiId=i, Stage="$default"), Stage="$default", ApiMappingKey="a/b")
same(client.get_api_mapping(DomainName="pets.example.com", ApiMappingId=m), ApiId=i)
assert [x["ApiMappingId"] for x in client.get_api_mappings(DomainName="pets.example.com")["Items"]] == [m]
refused("BadRequestException", "Deleting the API failed. Please remove all API mappings related to the API in your domains: pets.example.com", "delete_api", ApiId=i)
client.delete_api_mapping(DomainName="pets.example.com", ApiMappingId=m)
same(client.get_domain_name(DomainName="pets.example.com"), DomainName="pets.example.com")

# Routing rules, which lead to REST APIs only.
rest = boto3.client("apigateway", endpoint_url=sys.argv[1], region_name="eu-west-1")
f = rest.create_rest_api(name="ruled")["id"]
root = rest.get_resources(restApiId=f)["items"][0]["id"]
rest.put_method(restApiId=f, resourceId=root, httpMethod="GET", authorizationType="NONE")
rest.put_integration(restApiId=f, resourceId=root, httpMethod="GET", type="MOCK")
rest.create_deployment(restApiId=f, stageName="live")
headers = {"MatchHeaders": {"AnyOf": [{"Header": "x-tenant", "ValueGlob": "gold-*"}]}}
asked = {"DomainName": "pets.example.com", "Priority": 10, "Conditions": [headers, {"MatchBasePaths": {"AnyOf": ["shop"]}}], "Actions": [{"InvokeApi": {"ApiId": f, "Stage": "live", "StripBasePath": True}}]}
told = {name: asked[name] for name in ("Priority", "Conditions", "Actions")}
made = same(client.create_routing_rule(**asked), **told)
u = made["RoutingRuleId"]
assert status(made) == 201 and made["RoutingRuleArn"] == f"arn:aws:apigateway:eu-west-1:000000000000:/domainnames/pets.example.com/routingrules/{u}"
same(client.get_routing_rule(DomainName="pets.example.com", RoutingRuleId=u), **told)
refused("ConflictException", "A routing rule with priority 10 already exists for this domain name", "create_routing_rule", **asked)
refused("BadRequestException", "Invalid REST API identifier specified", "create_routing_rule", **{**asked, "Priority": 20, "Actions": [{"InvokeApi": {"ApiId": i, "Stage": "v1"}}]})
refused("BadRequestException", "Invalid stage identifier specified", "create_routing_rule", **{**asked, "Priority": 20, "Actions": [{"InvokeApi": {"ApiId": f, "Stage": "dead"}}]})
for wrong, message in [
    ([headers, headers], "A routing rule can be about a header once: x-tenant"),
    ([{"MatchBasePaths": {"AnyOf": ["a", "b"]}}], "A condition must have either matchBasePaths or matchHeaders, with exactly one value in anyOf"),
    ([{"MatchBasePaths": {"AnyOf": ["a"]}}, {"MatchBasePaths": {"AnyOf": ["b"]}}], "A routing rule can have up to two matchHeaders conditions and one matchBasePaths condition"),
    ([{"MatchHeaders": {"AnyOf": [{"Header": "authorization", "ValueGlob": "x"}]}}], "Invalid header in a condition: the header authorization cannot decide where a request goes"),
]:
    refused("BadRequestException", message, "create_routing_rule", **{**asked, "Priority": 20, "Conditions": wrong})
told = same(client.put_routing_rule(**{**asked, "RoutingRuleId": u, "Priority": 1000000, "Conditions": []}), Priority=1000000, Conditions=[])
v = client.create_routing_rule(**asked)["RoutingRuleId"]
assert {x["RoutingRuleId"] for x in client.list_routing_rules(DomainName="pets.example.com")["RoutingRules"]} == {u, v}
try:
    rest.delete_stage(restApiId=f, stageName="live")
    raise AssertionError("a stage that rules lead to was deleted")
except ClientError as e:
    assert "pets.example.com" in e.response["Error"]["Message"], e
same(client.update_domain_name(DomainName="pets.example.com", RoutingMode="ROUTING_RULE_THEN_API_MAPPING"), RoutingMode="ROUTING_RULE_THEN_API_MAPPING")
client.delete_routing_rule(DomainName="pets.example.com", RoutingRuleId=u)
refused("NotFoundException", "Invalid routing rule identifier specified", "get_routing_rule", DomainName="pets.example.com", RoutingRuleId=u)
client.delete_domain_name(DomainName="pets.example.com")
rest.delete_rest_api(restApiId=f)  # The rules went with the domain.
refused("NotFoundException", "Invalid domain name identifier specified", "get_domain_name", DomainName="pets.example.com")

# VPC links and tags.
v = same(client.create_vpc_link(Name="inside", SubnetIds=["subnet-1"]), VpcLinkStatus="AVAILABLE", VpcLinkVersion="V2")["VpcLinkId"]
same(client.update_vpc_link(VpcLinkId=v, Name="within"), Name="within")
same(client.get_vpc_link(VpcLinkId=v), Name="within", SubnetIds=["subnet-1"])
assert [x["VpcLinkId"] for x in client.get_vpc_links()["Items"]] == [v]
for arn in [f"arn:aws:apigateway:eu-west-1::/apis/{i}", f"arn:aws:apigateway:eu-west-1::/apis/{i}/stages/$default", f"arn:aws:apigateway:eu-west-1::/vpclinks/{v}"]:
    client.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    client.untag_resource(ResourceArn=arn, TagKeys=["a", "team"])
    assert client.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}

# A link stays as long as a stage is served by it: that of a REST API, or that of an API whose
# integration has gone since.
kept = "Cannot delete vpc link. Vpc link '%s', is referenced in [%s]"
f = rest.create_rest_api(name="linked")
root = dict(restApiId=f["id"], resourceId=f["rootResourceId"], httpMethod="GET")
rest.put_method(**root, authorizationType="NONE")
rest.put_integration(**root, type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://pets.internal/", connectionType="VPC_LINK", connectionId=v,
                     integrationTarget="arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/pets/0a1b2c3d4e5f6071")
rest.create_deployment(restApiId=f["id"], stageName="live")
refused("BadRequestException", kept % (v, f"GET:{f['rootResourceId']}:live") + " in format of [Method:Resource:Stage].", "delete_vpc_link", VpcLinkId=v)
rest.delete_rest_api(restApiId=f["id"])
h = client.create_api(Name="linked", ProtocolType="HTTP")["ApiId"]
link = client.create_integration(ApiId=h, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", ConnectionType="VPC_LINK", ConnectionId="${stageVariables.link}", PayloadFormatVersion="1.0",
                              IntegrationUri="arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/pets/1/2")["IntegrationId"]
linked = client.create_route(ApiId=h, RouteKey="GET /", Target="integrations/" + link)["RouteId"]
client.create_deployment(ApiId=h)
client.create_stage(ApiId=h, StageName="live", DeploymentId=client.get_deployments(ApiId=h)["Items"][0]["DeploymentId"], StageVariables={"link": v})
client.delete_route(ApiId=h, RouteId=linked)
client.delete_integration(ApiId=h, IntegrationId=link)
refused("BadRequestException", kept % (v, f"{link}:{h}:live") + " in format of [Integration:Api:Stage].", "delete_vpc_link", VpcLinkId=v)
client.delete_stage(ApiId=h, StageName="live")
assert status(client.delete_vpc_link(VpcLinkId=v)) == 202
client.delete_api(ApiId=h)

# A WebSocket API.
w = client.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
same(w, ApiEndpoint=f"wss://{w['ApiId']}.execute-api.example.com")
w = w["ApiId"]
o = client.create_model(ApiId=w, Name="Message", Schema='{"type": "object", "properties": {"text": {"type": "string"}}}')["ModelId"]
same(client.update_model(ApiId=w, ModelId=o, Description="a message"), Description="a message", Name="Message", ContentType="application/json")
same(client.get_model(ApiId=w, ModelId=o), Name="Message")
assert len(client.get_models(ApiId=w)["Items"]) == 1 and "$inputRoot.text" in client.get_model_template(ApiId=w, ModelId=o)["Value"]
x = same(client.create_integration(ApiId=w, IntegrationType="MOCK", RequestTemplates={"200": '{"statusCode": 200}'}, TemplateSelectionExpression="200"), TimeoutInMillis=29000, PassthroughBehavior="WHEN_NO_MATCH")["IntegrationId"]
y = same(client.create_integration_response(ApiId=w, IntegrationId=x, IntegrationResponseKey="/200/", ResponseTemplates={"$default": "ok"}), IntegrationResponseKey="/200/")["IntegrationResponseId"]
same(client.update_integration_response(ApiId=w, IntegrationId=x, IntegrationResponseId=y, IntegrationResponseKey="$default"), IntegrationResponseKey="$default", ResponseTemplates={"$default": "ok"})
same(client.get_integration_response(ApiId=w, IntegrationId=x, IntegrationResponseId=y), IntegrationResponseKey="$default")
assert len(client.get_integration_responses(ApiId=w, IntegrationId=x)["Items"]) == 1
s = client.create_route(ApiId=w, RouteKey="$connect", Target=f"integrations/{x}", ApiKeyRequired=True, RequestModels={"$default": "Message"},
                        RequestParameters={"route.request.querystring.room": {"Required": True}})["RouteId"]
client.delete_route_request_parameter(ApiId=w, RouteId=s, RequestParameterKey="route.request.querystring.room")
assert not client.get_route(ApiId=w, RouteId=s).get("RequestParameters")
p = same(client.create_route_response(ApiId=w, RouteId=s, RouteResponseKey="$default"), RouteResponseKey="$default")["RouteResponseId"]
same(client.update_route_response(ApiId=w, RouteId=s, RouteResponseId=p, ResponseModels={"$default": "Message"}), ResponseModels={"$default": "Message"})
same(client.get_route_response(ApiId=w, RouteId=s, RouteResponseId=p), RouteResponseKey="$default")
assert len(client.get_route_responses(ApiId=w, RouteId=s)["Items"]) == 1
refused("ConflictException", "Cannot delete model 'Message', is referenced in route request: $connect", "delete_model", ApiId=w, ModelId=o)
client.delete_route_response(ApiId=w, RouteId=s, RouteResponseId=p)
client.delete_integration_response(ApiId=w, IntegrationId=x, IntegrationResponseId=y)
client.delete_route(ApiId=w, RouteId=s)
client.delete_model(ApiId=w, ModelId=o)
client.delete_integration(ApiId=w, IntegrationId=x)

# Quick create, pages, and the end.
q = client.create_api(Name="quick", ProtocolType="HTTP", Target="https://pets.example.com")["ApiId"]
same(client.get_stages(ApiId=q)["Items"][0], StageName="$default", AutoDeploy=True, ApiGatewayManaged=True)
everything = {i, w, q, imported["ApiId"]}
assert {x["ApiId"] for page in client.get_paginator("get_apis").paginate(PaginationConfig={"PageSize": 1}) for x in page["Items"]} == everything
client.delete_stage(ApiId=i, StageName="v1")
client.delete_deployment(ApiId=i, DeploymentId=d)
client.delete_route(ApiId=i, RouteId=r)
client.delete_authorizer(ApiId=i, AuthorizerId=a)
for api in everything:
    assert status(client.delete_api(ApiId=api)) == 204
assert client.get_apis()["Items"] == []

# Nothing was forgotten. Portals are portals.py's and served_portals.py's.
forgotten = {name for name in set(client.meta.service_model.operation_names) - called if "Portal" not in name and "Product" not in name}
assert not forgotten, forgotten

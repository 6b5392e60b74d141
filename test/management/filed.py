"""Looks with boto3 at all that APIs consist of which files define, tries one of their methods,
and is refused to change anything. The argument is the server."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
rest = boto3.client("apigateway", endpoint_url=endpoint, region_name="us-east-1")
ireland = boto3.client("apigateway", endpoint_url=endpoint, region_name="eu-west-1")
http = boto3.client("apigatewayv2", endpoint_url=endpoint, region_name="us-east-1")


def refused(file, operation, **arguments):
    try:
        operation(**arguments)
    except ClientError as e:
        got = e.response["Error"]
        assert got["Code"] == "BadRequestException" and "is defined by the file" in got["Message"] and file in got["Message"], got
        return
    raise AssertionError(f"{arguments} was not refused")


# A REST API.
api = rest.get_rest_api(restApiId="parcels")
assert api["name"] == "parcels" and api["tags"]["gatehouse:file"].endswith("gatehouse.yaml"), api
resources = rest.get_resources(restApiId="parcels", embed=["methods"], limit=500)["items"]
by_path = {r["path"]: r for r in resources}
assert by_path["/"]["id"] == api["rootResourceId"] and len(resources) > 3, by_path.keys()
methods = 0
for r in resources:
    assert r["path"] == "/" or r["parentId"] in [p["id"] for p in resources], r
    assert rest.get_resource(restApiId="parcels", resourceId=r["id"])["path"] == r["path"]
    for name, embedded in r.get("resourceMethods", {}).items():
        methods += 1
        at = {"restApiId": "parcels", "resourceId": r["id"], "httpMethod": name}
        method = rest.get_method(**at)
        assert {k: method[k] for k in embedded} == embedded and method["httpMethod"] == name, method
        assert rest.get_integration(**at)["type"] == embedded["methodIntegration"]["type"]
        refused("gatehouse.yaml", rest.delete_method, **at)
assert methods > 3
for lists, one, key, argument in ((ireland.get_authorizers, ireland.get_authorizer, "id", "authorizerId"), (ireland.get_models, ireland.get_model, "name", "modelName"),
                                  (ireland.get_request_validators, ireland.get_request_validator, "id", "requestValidatorId")):
    items = lists(restApiId="mocks")["items"]
    assert items, lists
    for item in items:
        assert one(restApiId="mocks", **{argument: item[key]})["name"] == item["name"]
assert any(not r["defaultResponse"] for r in ireland.get_gateway_responses(restApiId="mocks")["items"])
method = ireland.get_resources(restApiId="mocks", embed=["methods"])["items"][-1]["resourceMethods"]["GET"]
assert ireland.get_authorizer(restApiId="mocks", authorizerId=method["authorizerId"])["name"] == "door" and method["authorizationType"] == "CUSTOM", method
assert ireland.get_request_validator(restApiId="mocks", requestValidatorId=method["requestValidatorId"])["name"] == "all"
stage = rest.get_stage(restApiId="parcels", stageName="prod")
assert stage["variables"]["backend"] == "127.0.0.1:1" and rest.get_deployment(restApiId="parcels", deploymentId=stage["deploymentId"])["id"] == stage["deploymentId"]

# What is exported of it can be imported, and is the same then.
for kind in ("oas30", "swagger"):
    document = rest.get_export(restApiId="parcels", stageName="prod", exportType=kind, parameters={"extensions": "apigateway"})["body"].read()
    copy = rest.import_rest_api(body=document)["id"]
    copied = {r["path"]: sorted(r.get("resourceMethods", {})) for r in rest.get_resources(restApiId=copy, embed=["methods"], limit=500)["items"]}
    assert copied == {path: sorted(r.get("resourceMethods", {})) for path, r in by_path.items()}, copied
    assert sorted(a["name"] for a in rest.get_authorizers(restApiId=copy)["items"]) == sorted(a["name"] for a in rest.get_authorizers(restApiId="parcels")["items"])

# An API is of the region that its file says.
assert "mocks" not in [a["id"] for a in rest.get_rest_apis()["items"]] and [a["id"] for a in ireland.get_rest_apis()["items"]] == ["mocks"]
refused("gatehouse.yaml", ireland.delete_rest_api, restApiId="mocks")

# Its methods may be tried, which changes nothing.
mock = ireland.get_resources(restApiId="mocks", embed=["methods"])["items"][-1]
tried = ireland.test_invoke_method(restApiId="mocks", resourceId=mock["id"], httpMethod="GET")
assert tried["status"] == 200 and tried["body"] == "hello", tried
for operation, arguments in ((rest.update_rest_api, {"patchOperations": []}), (rest.create_deployment, {}), (rest.create_resource, {"parentId": api["rootResourceId"], "pathPart": "x"}),
                             (rest.put_rest_api, {"body": document}), (rest.create_authorizer, {"name": "x", "type": "TOKEN"}), (rest.delete_rest_api, {})):
    refused("gatehouse.yaml", operation, restApiId="parcels", **arguments)

# An HTTP API.
routes = http.get_routes(ApiId="pets-http")["Items"]
assert routes and http.get_api(ApiId="pets-http")["ProtocolType"] == "HTTP"
for r in routes:
    assert http.get_route(ApiId="pets-http", RouteId=r["RouteId"])["RouteKey"] == r["RouteKey"]
    assert http.get_integration(ApiId="pets-http", IntegrationId=r["Target"].removeprefix("integrations/"))["IntegrationType"] == "HTTP_PROXY", r
document = http.export_api(ApiId="pets-http", Specification="OAS30", OutputType="JSON", StageName="$default")["body"].read()
copy = http.import_api(Body=document.decode())["ApiId"]
assert sorted(r["RouteKey"] for r in http.get_routes(ApiId=copy)["Items"]) == sorted(r["RouteKey"] for r in routes)
refused("gatehouse.yaml", http.update_route, ApiId="pets-http", RouteId=routes[0]["RouteId"], OperationName="other")

# A WebSocket API.
assert http.get_api(ApiId="chat")["RouteSelectionExpression"] == "$request.body.action"
routes = {r["RouteKey"]: r for r in http.get_routes(ApiId="chat")["Items"]}
assert set(routes) == {"$connect", "say"}, routes
assert http.get_authorizers(ApiId="chat")["Items"][0]["AuthorizerId"] == routes["$connect"]["AuthorizerId"]
integration = http.get_integration(ApiId="chat", IntegrationId=routes["say"]["Target"].removeprefix("integrations/"))
assert integration["IntegrationType"] == "MOCK" and integration["RequestTemplates"] == {"$default": '{"statusCode": 200}'}, integration
answers = http.get_integration_responses(ApiId="chat", IntegrationId=integration["IntegrationId"])["Items"]
assert answers[0]["IntegrationResponseKey"] == "$default" and answers[0]["ResponseTemplates"] == {"$default": "said"}, answers
assert http.get_route_responses(ApiId="chat", RouteId=routes["say"]["RouteId"])["Items"][0]["RouteResponseKey"] == "$default"
refused("gatehouse.yaml", http.delete_api, ApiId="chat")

# Ids stay as long as what they are of.
print(json.dumps({"resources": {r["path"]: r["id"] for r in resources}, "routes": {key: r["RouteId"] for key, r in routes.items()}}))

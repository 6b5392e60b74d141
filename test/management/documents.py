"""Imports and exports APIs with boto3. The server is the first argument, the second a
document that API Gateway exported."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

rest = boto3.client("apigateway", endpoint_url=sys.argv[1], region_name="eu-west-1")
http = boto3.client("apigatewayv2", endpoint_url=sys.argv[1], region_name="eu-west-1")
with open(sys.argv[2], "rb") as file:
    exported = file.read()


def refused(kind, message, operation, **arguments):
    try:
        operation(**arguments)
    except ClientError as e:
        got = e.response["Error"]
        assert got["Code"] == kind and message in got["Message"], f"{got}, want {kind} {message!r}"
        return
    raise AssertionError(f"{arguments} was not refused")


def unordered(value):
    """A document's value with the lists whose order says nothing sorted."""
    if isinstance(value, dict):
        return {k: unordered(v) for k, v in value.items()}
    if isinstance(value, list):
        return sorted((unordered(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    return value


# What AWS exported is imported, deployed, and exported as AWS did.
api = rest.import_rest_api(body=exported, failOnWarnings=True, parameters={"endpointConfigurationTypes": "REGIONAL"})
assert api["name"] == "parcels" and api["endpointConfiguration"]["types"] == ["REGIONAL"], api
i = api["id"]
paths = {r["path"]: r for r in rest.get_resources(restApiId=i, limit=100, embed=["methods"])["items"]}
assert paths["/parcels/{parcelId}"]["parentId"] == paths["/parcels"]["id"], paths
assert set(paths["/parcels"]["resourceMethods"]) == {"GET", "POST", "OPTIONS"}, paths
method = rest.get_method(restApiId=i, resourceId=paths["/parcels"]["id"], httpMethod="POST")
assert method["requestParameters"] == {"method.request.header.Idempotency-Key": True}, method
assert method["methodIntegration"]["timeoutInMillis"] == 15000 and method["methodIntegration"]["type"] == "HTTP_PROXY", method
assert "NewParcel" in {m["name"] for m in rest.get_models(restApiId=i, limit=100)["items"]}
rest.create_deployment(restApiId=i, stageName="prod", variables={"backend": "127.0.0.1:9101"})
answer = rest.get_export(restApiId=i, stageName="prod", exportType="oas30", parameters={"extensions": "apigateway"}, accepts="application/json")
assert answer["contentType"] == "application/json" and "oas30" in answer["contentDisposition"], answer
document, original = json.loads(answer["body"].read()), json.loads(exported)
del document["servers"], original["servers"]
assert unordered(document) == unordered(original), json.dumps(document, indent=1)

# An export lacks what was not asked for, and is that of the deployment.
rest.put_rest_api(restApiId=i, mode="overwrite", body=b'{"swagger": "2.0", "info": {"title": "less", "version": "1"}, "paths": {"/": {"get": {}}}}')
assert rest.get_rest_api(restApiId=i)["name"] == "less"
assert [r["path"] for r in rest.get_resources(restApiId=i)["items"]] == ["/"]
plain = rest.get_export(restApiId=i, stageName="prod", exportType="swagger", accepts="application/yaml")["body"].read().decode()
assert 'swagger: "2.0"' in plain and "/parcels/{parcelId}:" in plain and "x-amazon-apigateway-integration" not in plain, plain
merged = rest.put_rest_api(restApiId=i, mode="merge", body=exported, failOnWarnings=True)
assert merged["name"] == "parcels" and len(rest.get_resources(restApiId=i, limit=100)["items"]) == len(paths), merged
refused("BadRequestException", "Invalid OpenAPI input.", rest.put_rest_api, restApiId=i, body=b"}{")
refused("NotFoundException", "Invalid API identifier specified 000000000000:nothing123", rest.put_rest_api, restApiId="nothing123", body=exported)
refused("NotFoundException", "Invalid stage identifier specified", rest.get_export, restApiId=i, stageName="none", exportType="oas30")
refused("BadRequestException", "Invalid export type specified", rest.get_export, restApiId=i, stageName="prod", exportType="raml")

# Documentation has documents of its own.
parts = {"swagger": "2.0", "info": {"title": "x", "version": "1"}, "paths": {}, "x-amazon-apigateway-documentation": {"documentationParts": [
    {"location": {"type": "METHOD", "path": "/parcels", "method": "GET"}, "properties": {"summary": "All parcels"}}]}}
ids = rest.import_documentation_parts(restApiId=i, mode="merge", body=json.dumps(parts).encode())["ids"]
assert len(ids) == 1
part = rest.get_documentation_part(restApiId=i, documentationPartId=ids[0])
assert json.loads(part["properties"]) == {"summary": "All parcels"} and part["location"]["path"] == "/parcels", part
refused("BadRequestException", "Unable to build importer with provided input.", rest.import_documentation_parts, restApiId=i, body=b"x")

# HTTP APIs.
proxy = {"type": "http_proxy", "httpMethod": "ANY", "payloadFormatVersion": "1.0"}
notes = {"openapi": "3.0.1", "info": {"title": "notes", "version": "1"}, "paths": {
    "/notes/{id}": {"get": {"operationId": "read", "x-amazon-apigateway-integration": proxy | {"uri": "http://127.0.0.1:9101/{id}"}}},
    "/$default": {"x-amazon-apigateway-any-method": {"isDefaultRoute": True, "x-amazon-apigateway-integration": proxy | {"uri": "http://127.0.0.1:9102"}}}},
    "x-amazon-apigateway-cors": {"allowOrigins": ["https://example.com"]}}
made = http.import_api(Body=json.dumps(notes), FailOnWarnings=True)
a = made["ApiId"]
assert made["Name"] == "notes" and made["ProtocolType"] == "HTTP" and made["CorsConfiguration"]["AllowOrigins"] == ["https://example.com"], made
routes = {r["RouteKey"]: r for r in http.get_routes(ApiId=a)["Items"]}
assert set(routes) == {"GET /notes/{id}", "$default"} and routes["GET /notes/{id}"]["OperationName"] == "read", routes
integration = http.get_integration(ApiId=a, IntegrationId=routes["$default"]["Target"].split("/")[1])
assert integration["IntegrationUri"] == "http://127.0.0.1:9102" and integration["TimeoutInMillis"] == 30000, integration
http.create_stage(ApiId=a, StageName="$default", AutoDeploy=True)
notes["paths"]["/notes"] = {"post": {"operationId": "write", "x-amazon-apigateway-integration": proxy | {"uri": "http://127.0.0.1:9101"}}}
http.reimport_api(ApiId=a, Body=json.dumps(notes))
again = {r["RouteKey"]: r for r in http.get_routes(ApiId=a)["Items"]}
assert set(again) == {*routes, "POST /notes"} and again["$default"]["RouteId"] == routes["$default"]["RouteId"], again
document = json.loads(http.export_api(ApiId=a, Specification="OAS30", OutputType="JSON", StageName="$default")["body"].read())
assert set(document["paths"]) == {"/notes", "/notes/{id}", "/$default"}, document
assert document["x-amazon-apigateway-cors"] == {"allowOrigins": ["https://example.com"]}, document
yaml = http.export_api(ApiId=a, Specification="OAS30", OutputType="YAML", IncludeExtensions=False)["body"].read().decode()
assert 'openapi: "3.0.1"' in yaml and "x-amazon-apigateway" not in yaml.replace("x-amazon-apigateway-any-method", ""), yaml
refused("BadRequestException", "Invalid OpenAPI input.", http.import_api, Body="x")
refused("NotFoundException", "Invalid API identifier specified", http.reimport_api, ApiId="nothing123", Body=json.dumps(notes))

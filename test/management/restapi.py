"""Walks through what belongs to a REST API with boto3: every operation, what it answers, and
what it refuses. The server is the first argument."""

import json
import sys

import boto3

from answers import refusals, same

client = boto3.client("apigateway", endpoint_url=sys.argv[1], region_name="eu-west-1")
refused = refusals(client)


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


# The API itself.
api = client.create_rest_api(name="pets", description="of a shop", binaryMediaTypes=["image/png"], tags={"team": "animals"})
same(api, name="pets", apiKeySource="HEADER", disableExecuteApiEndpoint=False, endpointConfiguration={"types": ["EDGE"], "ipAddressType": "ipv4"})
assert len(api["id"]) == 10 and len(api["rootResourceId"]) == 10 and api["createdDate"].year > 2000
i = api["id"]
same(client.get_rest_api(restApiId=i), name="pets", tags={"team": "animals"})
updated = client.update_rest_api(restApiId=i, patchOperations=[
    replace("/name", "animals"), {"op": "add", "path": "/binaryMediaTypes/image~1gif"}, {"op": "remove", "path": "/binaryMediaTypes/image~1png"},
    replace("/minimumCompressionSize", "100"), replace("/apiKeySource", "AUTHORIZER"), replace("/endpointConfiguration/types/EDGE", "REGIONAL")])
same(updated, name="animals", binaryMediaTypes=["image/gif"], minimumCompressionSize=100, apiKeySource="AUTHORIZER")
same(updated["endpointConfiguration"], types=["REGIONAL"])
refused("BadRequestException", "Invalid patch path /nothing", "update_rest_api", restApiId=i, patchOperations=[replace("/nothing", "x")])
refused("BadRequestException", "Invalid minimum compression size, must be between 0 and 10485760", "update_rest_api", restApiId=i, patchOperations=[replace("/minimumCompressionSize", "-1")])
refused("NotFoundException", "Invalid API identifier specified 000000000000:nothing123", "get_rest_api", restApiId="nothing123")
refused("BadRequestException", "Cannot create an api with multiple Endpoint Types.", "create_rest_api", name="x", endpointConfiguration={"types": ["EDGE", "REGIONAL"]})
others = [client.create_rest_api(name=f"n{n}")["id"] for n in range(3)]
first = client.get_rest_apis(limit=3)
second = client.get_rest_apis(limit=3, position=first["position"])
assert {a["id"] for a in first["items"] + second["items"]} == {i, *others} and "position" not in second
assert len([a for page in client.get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 2}) for a in page["items"]]) == 4
for other in others:
    client.delete_rest_api(restApiId=other)

# Resources.
root = api["rootResourceId"]
pets = same(client.create_resource(restApiId=i, parentId=root, pathPart="pets"), path="/pets", pathPart="pets", parentId=root)["id"]
pet = same(client.create_resource(restApiId=i, parentId=pets, pathPart="{id}"), path="/pets/{id}")["id"]
proxy = client.create_resource(restApiId=i, parentId=pet, pathPart="{proxy+}")["id"]
refused("BadRequestException", "A sibling ({id}) of this resource already has a variable path part -- only one is allowed", "create_resource", restApiId=i, parentId=pets, pathPart="{name}")
refused("BadRequestException", "Cannot create a child of a resource with a greedy path variable: {proxy+}", "create_resource", restApiId=i, parentId=proxy, pathPart="x")
refused("ConflictException", "Another resource with the same parent already has this name: pets", "create_resource", restApiId=i, parentId=root, pathPart="pets")
refused("BadRequestException", "Root resource cannot update its pathPart.", "update_resource", restApiId=i, resourceId=root, patchOperations=[replace("/pathPart", "x")])
refused("BadRequestException", "Resources cannot be cyclical.", "update_resource", restApiId=i, resourceId=pets, patchOperations=[replace("/parentId", pet)])
refused("BadRequestException", "Invalid patch path  '/path' specified for op 'replace'. Must be one of: [/parentId, /pathPart]", "update_resource", restApiId=i, resourceId=pet, patchOperations=[replace("/path", "x")])
same(client.update_resource(restApiId=i, resourceId=pets, patchOperations=[replace("/pathPart", "animals")]), path="/animals")
same(client.get_resource(restApiId=i, resourceId=proxy), path="/animals/{id}/{proxy+}")
client.delete_resource(restApiId=i, resourceId=proxy)
assert [r["path"] for r in client.get_resources(restApiId=i)["items"]] == ["/", "/animals", "/animals/{id}"]

# Models and validators.
assert sorted(m["name"] for m in client.get_models(restApiId=i)["items"]) == ["Empty", "Error"]
reference = f"https://apigateway.amazonaws.com/restapis/{i}/models/Toy"
client.create_model(restApiId=i, name="Toy", contentType="application/json", schema='{"type":"object","properties":{"name":{"type":"string"}}}')
client.create_model(restApiId=i, name="Pet", contentType="application/json",
                    schema=json.dumps({"type": "object", "properties": {"toys": {"type": "array", "items": {"$ref": reference}}}}))
flat = json.loads(client.get_model(restApiId=i, modelName="Pet", flatten=True)["schema"])
assert flat["definitions"]["Toy"]["properties"]["name"] == {"type": "string"}, flat
assert "#foreach" in client.get_model_template(restApiId=i, modelName="Pet")["value"]
same(client.update_model(restApiId=i, modelName="Pet", patchOperations=[replace("/description", "a pet")]), description="a pet")
refused("ConflictException", "Model name already exists for this REST API", "create_model", restApiId=i, name="Pet", contentType="application/json", schema='{"type":"object"}')
refused("ConflictException", "Cannot delete model 'Toy', is referenced in model: Pet", "delete_model", restApiId=i, modelName="Toy")
refused("BadRequestException", "Model schema must have at least 1 property or array items defined", "create_model", restApiId=i, name="None", contentType="application/json", schema="{}")
refused("NotFoundException", "Invalid model name specified: Nothing", "get_model", restApiId=i, modelName="Nothing")
validator = same(client.create_request_validator(restApiId=i, name="all", validateRequestBody=True), validateRequestBody=True, validateRequestParameters=False)["id"]
same(client.update_request_validator(restApiId=i, requestValidatorId=validator, patchOperations=[replace("/validateRequestParameters", "true")]), validateRequestParameters=True)
assert len(client.get_request_validators(restApiId=i)["items"]) == 1
same(client.get_request_validator(restApiId=i, requestValidatorId=validator), name="all")

# Authorizers.
uri = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:auth/invocations"
authorizer = same(client.create_authorizer(restApiId=i, name="auth", type="TOKEN", authorizerUri=uri, identitySource="method.request.header.Authorization"), authType="custom")
assert "authorizerResultTtlInSeconds" not in authorizer
authorizer = authorizer["id"]
same(client.update_authorizer(restApiId=i, authorizerId=authorizer, patchOperations=[replace("/authorizerResultTtlInSeconds", "60")]), authorizerResultTtlInSeconds=60)
same(client.get_authorizer(restApiId=i, authorizerId=authorizer), name="auth")
assert len(client.get_authorizers(restApiId=i)["items"]) == 1

# Methods.
at = {"restApiId": i, "resourceId": pet, "httpMethod": "GET"}
refused("BadRequestException", "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer.",
        "put_method", authorizationType="CUSTOM", **at)
same(client.put_method(authorizationType="CUSTOM", authorizerId=authorizer, requestValidatorId=validator, requestModels={"application/json": "Pet"},
                       requestParameters={"method.request.path.id": True}, operationName="getPet", **at),
     httpMethod="GET", apiKeyRequired=False, requestParameters={"method.request.path.id": True})
refused("ConflictException", "Method already exists for this resource", "put_method", authorizationType="NONE", **at)
refused("ConflictException", "Cannot delete model 'Pet', is referenced in method request: /animals/{id}/GET", "delete_model", restApiId=i, modelName="Pet")
same(client.update_method(patchOperations=[replace("/apiKeyRequired", "true"), {"op": "add", "path": "/requestParameters/method.request.header.X-Color", "value": "false"}], **at),
     apiKeyRequired=True, requestParameters={"method.request.path.id": True, "method.request.header.X-Color": False})
refused("NotFoundException", "Invalid parameter name specified", "update_method", patchOperations=[{"op": "remove", "path": "/requestParameters/method.request.header.None"}], **at)
refused("NotFoundException", "Content-Type specified was not found", "update_method", patchOperations=[{"op": "remove", "path": "/requestModels/text~1plain"}], **at)
refused("BadRequestException", "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY", "put_method", restApiId=i, resourceId=pet, httpMethod="TRACE", authorizationType="NONE")
same(client.put_method_response(statusCode="200", responseParameters={"method.response.header.X-Kind": False}, responseModels={"application/json": "Pet"}, **at), statusCode="200")
same(client.update_method_response(statusCode="200", patchOperations=[{"op": "add", "path": "/responseParameters/method.response.header.X-Age", "value": "true"}], **at),
     responseParameters={"method.response.header.X-Kind": False, "method.response.header.X-Age": True})
same(client.get_method_response(statusCode="200", **at), responseModels={"application/json": "Pet"})

# Integrations.
refused("NotFoundException", "Invalid Integration identifier specified", "get_integration", **at)
refused("BadRequestException", "Enumeration value for HttpMethod must be non-empty", "put_integration", type="HTTP", uri="http://pets.example/", **at)
refused("BadRequestException", "Invalid HTTP endpoint specified for URI", "put_integration", type="HTTP", integrationHttpMethod="GET", uri="pets", **at)
refused("BadRequestException", "AWS ARN for integration must contain path or action", "put_integration", type="AWS", integrationHttpMethod="POST", uri="arn:aws:apigateway:eu-west-1:sqs:other/x", **at)
refused("BadRequestException", "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.", "put_integration",
        type="AWS_PROXY", integrationHttpMethod="POST", uri="arn:aws:apigateway:eu-west-1:sqs:path/000000000000/queue", **at)
stream = dict(type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://pets.example/", responseTransferMode="STREAM")
same(client.put_integration(timeoutInMillis=900000, **stream, **at), responseTransferMode="STREAM", timeoutInMillis=900000)
refused("BadRequestException", "Timeout should be between 50 ms and 300000 ms", "update_integration", patchOperations=[replace("/responseTransferMode", "BUFFERED")], **at)
same(client.put_integration(type="HTTP", integrationHttpMethod="GET", uri="http://pets.example/{id}", requestParameters={"integration.request.path.id": "method.request.path.id"}, **at),
     type="HTTP", passthroughBehavior="WHEN_NO_MATCH", timeoutInMillis=29000, cacheNamespace=pet, cacheKeyParameters=[], connectionType="INTERNET")
same(client.update_integration(patchOperations=[replace("/timeoutInMillis", "5000"), {"op": "add", "path": "/cacheKeyParameters/method.request.path.id"},
                                                {"op": "add", "path": "/requestTemplates/application~1json", "value": "{}"}], **at),
     timeoutInMillis=5000, cacheKeyParameters=["method.request.path.id"], requestTemplates={"application/json": "{}"})
same(client.put_integration_response(statusCode="200", responseParameters={"method.response.header.X-Kind": "integration.response.header.Kind"}, **at), statusCode="200")
same(client.update_integration_response(statusCode="200", patchOperations=[{"op": "add", "path": "/responseTemplates/application~1json", "value": "$input.json('$')"}], **at),
     responseTemplates={"application/json": "$input.json('$')"})
same(client.get_integration_response(statusCode="200", **at), statusCode="200")
refused("NotFoundException", "Invalid Response status code specified", "put_integration_response", statusCode="404", **at)
method = client.get_method(**at)
assert method["methodIntegration"]["integrationResponses"]["200"]["statusCode"] == "200" and method["methodResponses"]["200"]["statusCode"] == "200"
embedded = client.get_resources(restApiId=i, embed=["methods"])["items"]
assert embedded[-1]["resourceMethods"]["GET"]["operationName"] == "getPet" and client.get_resources(restApiId=i)["items"][-1]["resourceMethods"] == {"GET": {}}
refused("ConflictException", "Cannot delete authorizer 'auth', is referenced in method: /animals/{id}/GET", "delete_authorizer", restApiId=i, authorizerId=authorizer)
refused("BadRequestException", "This process tries no methods: it has no part of the gateway that could serve them", "test_invoke_method", **at)
refused("NotFoundException", "Invalid Method identifier specified", "test_invoke_method", restApiId=i, resourceId=pet, httpMethod="POST")
refused("BadRequestException", "Invalid path specified: 'animals'. It has to begin with a slash", "test_invoke_method", pathWithQueryString="animals", **at)
refused("NotFoundException", "Invalid Authorizer identifier specified", "test_invoke_authorizer", restApiId=i, authorizerId="none")

# Gateway responses.
all_responses = client.get_gateway_responses(restApiId=i)["items"]
assert len(all_responses) == 21 and all(r["defaultResponse"] for r in all_responses) and all_responses[0]["responseType"] == "ACCESS_DENIED"
same(client.put_gateway_response(restApiId=i, responseType="THROTTLED", statusCode="503", responseParameters={"gatewayresponse.header.X-Slow": "'yes'"}), statusCode="503", defaultResponse=False)
same(client.update_gateway_response(restApiId=i, responseType="THROTTLED", patchOperations=[replace("/responseTemplates/text~1plain", "slow")]),
     responseTemplates={"application/json": '{"message":$context.error.messageString}', "text/plain": "slow"})
client.delete_gateway_response(restApiId=i, responseType="THROTTLED")
same(client.get_gateway_response(restApiId=i, responseType="THROTTLED"), statusCode="429", defaultResponse=True)
refused("NotFoundException", "Gateway response type not defined on api", "delete_gateway_response", restApiId=i, responseType="THROTTLED")

# Documentation.
part = same(client.create_documentation_part(restApiId=i, location={"type": "METHOD", "path": "/animals/{id}"}, properties='{"summary":"one animal"}'),
            location={"type": "METHOD", "path": "/animals/{id}", "method": "*"})["id"]
same(client.update_documentation_part(restApiId=i, documentationPartId=part, patchOperations=[replace("/properties", '{"summary":"an animal"}')]), properties='{"summary":"an animal"}')
assert len(client.get_documentation_parts(restApiId=i, type="METHOD")["items"]) == 1 and client.get_documentation_parts(restApiId=i, type="MODEL")["items"] == []
same(client.get_documentation_part(restApiId=i, documentationPartId=part), id=part)
client.create_documentation_version(restApiId=i, documentationVersion="1", description="first")
same(client.update_documentation_version(restApiId=i, documentationVersion="1", patchOperations=[replace("/description", "the first")]), description="the first")
same(client.get_documentation_version(restApiId=i, documentationVersion="1"), version="1")
assert len(client.get_documentation_versions(restApiId=i)["items"]) == 1

# Deployments and stages.
refused("BadRequestException", "The REST API doesn't contain any methods", "create_deployment", restApiId=client.create_rest_api(name="empty")["id"])
deployment = client.create_deployment(restApiId=i, description="first")["id"]
summary = client.get_deployment(restApiId=i, deploymentId=deployment, embed=["apisummary"])["apiSummary"]
assert summary == {"/animals/{id}": {"GET": {"authorizationType": "CUSTOM", "apiKeyRequired": True}}}, summary
same(client.update_deployment(restApiId=i, deploymentId=deployment, patchOperations=[replace("/description", "1st")]), description="1st")
same(client.create_stage(restApiId=i, stageName="prod", deploymentId=deployment, variables={"color": "blue"}, documentationVersion="1"),
     cacheClusterEnabled=False, cacheClusterStatus="NOT_AVAILABLE", methodSettings={}, tracingEnabled=False, variables={"color": "blue"})
refused("ConflictException", "Stage already exists", "create_stage", restApiId=i, stageName="prod", deploymentId=deployment)
same(client.update_stage(restApiId=i, stageName="prod", patchOperations=[
    replace("/cacheClusterEnabled", "true"), replace("/cacheClusterSize", "0.5"), replace("/variables/size", "small"), {"op": "remove", "path": "/variables/color"},
    replace("/accessLogSettings/format", "$context.requestId"), replace("/*/*/throttling/rateLimit", "10")]),
    cacheClusterStatus="AVAILABLE", variables={"size": "small"}, accessLogSettings={"format": "$context.requestId"})
assert [s["stageName"] for s in client.get_stages(restApiId=i)["item"]] == ["prod"] and client.get_stages(restApiId=i, deploymentId="none")["item"] == []
same(client.get_stage(restApiId=i, stageName="prod"), documentationVersion="1")
client.flush_stage_cache(restApiId=i, stageName="prod")
client.flush_stage_authorizers_cache(restApiId=i, stageName="prod")
refused("BadRequestException", "Active stages pointing to this deployment must be moved or deleted", "delete_deployment", restApiId=i, deploymentId=deployment)
refused("ConflictException", "Cannot delete documentation version '1', it is used by stage: prod", "delete_documentation_version", restApiId=i, documentationVersion="1")

# Documents.
for kind, accept, member in (("oas30", "application/json", "openapi"), ("swagger", "application/json", "swagger")):
    export = client.get_export(restApiId=i, stageName="prod", exportType=kind, parameters={"extensions": "integrations,authorizers"}, accepts=accept)
    document = json.loads(export["body"].read())
    assert member in document and "/animals/{id}" in document["paths"], document
    imported = client.import_rest_api(body=json.dumps(document), parameters={"endpointConfigurationTypes": "REGIONAL"})
    same(client.get_rest_api(restApiId=imported["id"]), name="animals")
    assert "/animals/{id}" in [r["path"] for r in client.get_resources(restApiId=imported["id"])["items"]]
    document["paths"] = {"/toys": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}}
    client.put_rest_api(restApiId=imported["id"], mode="merge", body=json.dumps(document))
    assert [r["path"] for r in client.get_resources(restApiId=imported["id"])["items"]] == ["/", "/animals", "/animals/{id}", "/toys"]
    client.put_rest_api(restApiId=imported["id"], mode="overwrite", body=json.dumps(document))
    assert [r["path"] for r in client.get_resources(restApiId=imported["id"])["items"]] == ["/", "/toys"]
    client.delete_rest_api(restApiId=imported["id"])
parts = {"openapi": "3.0.1", "info": {"title": "x", "version": "1"}, "paths": {}, "x-amazon-apigateway-documentation": {
    "documentationParts": [{"location": {"type": "API"}, "properties": {"description": "animals of a shop"}}]}}
assert len(client.import_documentation_parts(restApiId=i, mode="merge", body=json.dumps(parts))["ids"]) == 1
assert len(client.get_documentation_parts(restApiId=i)["items"]) == 2

# Tags.
arn = f"arn:aws:apigateway:eu-west-1::/restapis/{i}"
client.tag_resource(resourceArn=arn, tags={"cost": "7"})
client.untag_resource(resourceArn=arn, tagKeys=["team"])
assert client.get_tags(resourceArn=arn)["tags"] == {"cost": "7"}
client.tag_resource(resourceArn=arn + "/stages/prod", tags={"a": "b"})
same(client.get_stage(restApiId=i, stageName="prod"), tags={"a": "b"})

# Away with everything, from the inside out.
client.delete_stage(restApiId=i, stageName="prod")
client.delete_deployment(restApiId=i, deploymentId=deployment)
assert client.get_deployments(restApiId=i)["items"] == []
client.delete_documentation_version(restApiId=i, documentationVersion="1")
client.delete_documentation_part(restApiId=i, documentationPartId=part)
client.delete_integration_response(statusCode="200", **at)
client.delete_integration(**at)
client.delete_method_response(statusCode="200", **at)
client.delete_method(**at)
client.delete_authorizer(restApiId=i, authorizerId=authorizer)
client.delete_request_validator(restApiId=i, requestValidatorId=validator)
client.delete_model(restApiId=i, modelName="Pet")
copy = client.create_rest_api(name="copy", cloneFrom=i)
assert [r["path"] for r in client.get_resources(restApiId=copy["id"])["items"]] == ["/", "/animals", "/animals/{id}"]
client.delete_rest_api(restApiId=i)
refused("NotFoundException", f"Invalid API identifier specified 000000000000:{i}", "get_resources", restApiId=i)

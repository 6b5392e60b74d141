"""Tries methods and authorizers of a REST API with boto3 before anything of it is deployed,
and holds what they answer to what the gateway answers once it is. The arguments are the
server, the gateway's port, a backend that tells what it was asked for and is the functions,
too, and tokens of a user pool, by what is wrong with them."""

import json
import sys
import time
import urllib.error
import urllib.request

import boto3
import botocore.exceptions

endpoint, port, backend, tokens = sys.argv[1:]
tokens = json.loads(tokens)
client = boto3.client("apigateway", endpoint_url=endpoint, region_name="eu-west-1")
api = client.create_rest_api(name="pets")
i, root = api["id"], api["rootResourceId"]
LAMBDA = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:%s/invocations"


def method(path, **integration):
    """Makes a method GET, or what is said, that has an integration; gives its place."""
    resource = client.create_resource(restApiId=i, parentId=root, pathPart=path)["id"]
    name = integration.pop("method", "GET")
    at = {"restApiId": i, "resourceId": resource, "httpMethod": name}
    client.put_method(authorizationType="NONE", **integration.pop("settings", {}), **at)
    if "proxy" not in integration["type"].lower():
        client.put_method_response(statusCode="200", responseParameters=integration.pop("declared", {}), **at)
    responses = integration.pop("responses", [])
    client.put_integration(**integration, **at)
    for response in responses:
        client.put_integration_response(**response, **at)
    return at


def fetch(path, body=None, name="GET", headers={}):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_aws/execute-api/{i}/prod{path}", data=body and body.encode(), method=name, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def lines(answer, *wanted):
    """Holds a log to lines that it must have, in their order, and no others between them."""
    log = answer["log"].splitlines()
    assert log[0].startswith("Execution log for request "), log
    texts = [line.split(" : ", 1)[-1] for line in log[1:]]
    at = 0
    for text in wanted:
        found = [n for n in range(at, len(texts)) if texts[n].startswith(text)]
        assert found, f"{text!r} is not behind line {at} of:\n" + answer["log"]
        at = found[0] + 1
    return answer


mock = method("mock", type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, declared={"method.response.header.X-Color": False},
              responses=[{"statusCode": "200", "responseTemplates": {"application/json": "$context.stage $stageVariables.color $input.params('n') $context.identity.sourceIp $context.domainName"},
                          "responseParameters": {"method.response.header.X-Color": "'blue'"}}])
plain = method("plain", type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, responses=[{"statusCode": "200", "responseTemplates": {"application/json": "{}"}}])
proxied = method("proxied", type="HTTP_PROXY", integrationHttpMethod="GET", uri=backend + "/behind", requestParameters={"integration.request.header.X-Kind": "method.request.header.X-Kind"},
                 settings={"requestParameters": {"method.request.header.X-Kind": True}})
http = method("http", type="HTTP", integrationHttpMethod="POST", uri="http://${stageVariables.host}/mapped", requestTemplates={"application/json": '{"n": "$input.params(\'n\')"}'},
              responses=[{"statusCode": "200", "responseTemplates": {"application/json": '{"asked": $input.json("$.body")}'}}])
called = method("called", type="AWS_PROXY", integrationHttpMethod="POST", uri=LAMBDA % "events", method="ANY")
custom = method("custom", type="AWS", integrationHttpMethod="POST", uri=LAMBDA % "events", requestTemplates={"application/json": '{"kind": "custom"}'},
                responses=[{"statusCode": "200", "responseTemplates": {"application/json": "$input.path('$.statusCode')"}}])
gone = method("gone", type="HTTP_PROXY", integrationHttpMethod="GET", uri="http://127.0.0.1:1/")
client.create_model(restApiId=i, name="Pet", contentType="application/json", schema=json.dumps({"type": "object", "required": ["name"]}))
validator = client.create_request_validator(restApiId=i, name="all", validateRequestBody=True, validateRequestParameters=True)["id"]
valid = method("valid", type="HTTP_PROXY", integrationHttpMethod="POST", uri=backend + "/valid", method="POST",
               settings={"requestValidatorId": validator, "requestModels": {"application/json": "Pet"}, "apiKeyRequired": True,
                         "requestParameters": {"method.request.header.X-One": True, "method.request.querystring.two": True}})
checked = method("checked", type="HTTP_PROXY", integrationHttpMethod="POST", uri=backend + "/checked", method="POST",
                 settings={"requestValidatorId": validator, "requestModels": {"application/json": "Pet"}, "requestParameters": {"method.request.querystring.two": True}})
variables = {"color": "blue", "host": backend.removeprefix("http://")}

# Nothing is deployed. Nobody needs an API key.
answer = client.test_invoke_method(pathWithQueryString="/mock?n=7", stageVariables=variables, **mock)
assert answer["status"] == 200 and answer["body"] == "test-invoke-stage blue 7 test-invoke-source-ip testPrefix.testDomainName", answer
assert answer["headers"]["X-Color"] == "blue" and answer["multiValueHeaders"]["X-Color"] == ["blue"] and answer["latency"] >= 0, answer
lines(answer, "Starting execution for request: ", "HTTP Method: GET, Resource Path: /mock", "Method request path: {}", "Method request query string: {n=7}", "Method request headers: {}",
      "Method request body before transformations: ", "Method response body after transformations: test-invoke-stage blue", "Method response headers: {", "Successfully completed execution",
      "Method completed with status: 200")
assert client.test_invoke_method(**plain)["body"] == "{}"

answer = client.test_invoke_method(pathWithQueryString="/proxied?a=1&a=2", headers={"X-Kind": "one", "Authorization": "Bearer 0123456789-secret"}, **proxied)
asked = json.loads(answer["body"])
assert asked["path"] == "/behind" and asked["query"] == "a=1&a=2" and asked["headers"]["X-Kind"] == ["one"] and asked["headers"]["Authorization"] == ["Bearer 0123456789-secret"], asked
lines(answer, "Endpoint request URI: " + backend + "/behind?a=1&a=2", "Endpoint request headers: {", "Sending request to " + backend, "Received response. Status: 200, Integration latency: ",
      "Endpoint response headers: {", "Endpoint response body before transformations: {", "Method completed with status: 200")
assert "Authorization=Bearer" not in answer["log"] and answer["log"].count("Authorization=******************secret") == 2, answer["log"]

answer = client.test_invoke_method(pathWithQueryString="/http?n=7", stageVariables=variables, **http)
assert answer["status"] == 200 and json.loads(answer["body"]) == {"asked": '{"n": "7"}'}, answer
lines(answer, "Endpoint request URI: " + backend + "/mapped", 'Endpoint request body after transformations: {"n": "7"}', "Method response body after transformations: ")
try:
    client.test_invoke_method(**http)
    raise SystemExit("a stage variable that is not set was taken for one")
except botocore.exceptions.ClientError as e:
    assert e.response["Error"]["Code"] == "BadRequestException" and "host" in e.response["Error"]["Message"], e

# ANY stands for all of them.
for name, path in (("GET", "/called?x=1"), ("PATCH", "/called")):
    answer = client.test_invoke_method(**{**called, "httpMethod": name}, pathWithQueryString=path, body="text", multiValueHeaders={"X-List": ["a", "b"]})
    event = json.loads(answer["body"])
    assert event["httpMethod"] == name and event["body"] == "text" and event["multiValueHeaders"]["x-list"] == ["a", "b"], event
    assert event["requestContext"]["stage"] == "test-invoke-stage" and event["path"] == "/called" and event["requestContext"]["identity"]["sourceIp"] == "test-invoke-source-ip", event
lines(answer, "Endpoint request URI: ", 'Endpoint request body after transformations: {"resource":"/called"', "Received response. Status: 200", "Endpoint response body before transformations: {")
assert json.loads(client.test_invoke_method(**called)["body"])["httpMethod"] == "GET"
answer = client.test_invoke_method(**custom)
assert answer["body"] == "200", answer
lines(answer, 'Endpoint request body after transformations: {"kind": "custom"}')

answer = client.test_invoke_method(**gone)
assert answer["status"] == 504 or answer["status"] == 500, answer
lines(answer, "Execution failed due to configuration error: asking the backend: ", "Method completed with status: 5")

# Requests are held to what the method asks for, as on their way to a stage.
answer = client.test_invoke_method(body="{}", **valid)
assert answer["status"] == 400 and json.loads(answer["body"]) == {"message": "Missing required request parameters: [X-One, two]"}, answer
good = {"headers": {"X-One": "1", "Content-Type": "application/json"}, "pathWithQueryString": "/valid?two=2"}
answer = client.test_invoke_method(body="{}", **good, **valid)
assert answer["status"] == 400 and json.loads(answer["body"]) == {"message": "Invalid request body"}, answer
lines(answer, "Request body does not match model schema: ", "Method completed with status: 400")
answer = client.test_invoke_method(body='{"name": "Rex"}', **good, **valid)
assert answer["status"] == 200 and json.loads(answer["body"])["body"] == '{"name": "Rex"}', answer

# What the gateway answers itself is what the API wants it to be.
client.put_gateway_response(restApiId=i, responseType="INTEGRATION_FAILURE", statusCode="503",
                            responseParameters={"gatewayresponse.header.X-Why": "'gone'", "gatewayresponse.header.X-Asked": "method.request.querystring.n", "gatewayresponse.header.X-Color": "stageVariables.color"},
                            responseTemplates={"application/json": '{"error": $context.error.messageString, "type": "$context.error.responseType", "path": "$context.resourcePath"}'})
client.put_gateway_response(restApiId=i, responseType="BAD_REQUEST_BODY", statusCode="422", responseTemplates={"application/problem+json": '{"wrong": "$context.error.validationErrorString", "n": "$method.request.querystring.n"}'})
client.put_gateway_response(restApiId=i, responseType="DEFAULT_4XX", responseParameters={"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"})
answer = client.test_invoke_method(pathWithQueryString="/gone?n=7", stageVariables=variables, **gone)
assert answer["status"] == 503 and json.loads(answer["body"]) == {"error": "Internal server error", "type": "INTEGRATION_FAILURE", "path": "/gone"}, answer
assert {k: answer["headers"].get(k) for k in ("X-Why", "X-Asked", "X-Color")} == {"X-Why": "gone", "X-Asked": "7", "X-Color": "blue"}, answer
lines(answer, "Execution failed due to configuration error: ", "Gateway response type: INTEGRATION_FAILURE with status code: 503", "Gateway response body: {", "Gateway response headers: {", "Method completed with status: 503")
assert "Successfully" not in answer["log"] and "Method response" not in answer["log"], answer["log"]
answer = client.test_invoke_method(pathWithQueryString="/checked", **checked)
assert answer["status"] == 400 and json.loads(answer["body"]) == {"message": "Missing required request parameters: [two]"} and answer["headers"]["Access-Control-Allow-Origin"] == "*", answer
lines(answer, "Gateway response type: BAD_REQUEST_PARAMETERS with status code: 400")
refused = {"gone": (gone, "/gone?n=7", "GET", None), "checked": (checked, "/checked?two=2&n=7", "POST", "{}"), "missing": (checked, "/checked", "POST", "{}")}

# Authorizers.
token = client.create_authorizer(restApiId=i, name="token", type="TOKEN", authorizerUri=LAMBDA % "auth", identitySource="method.request.header.Authorization",
                                 identityValidationExpression="allow.*")["id"]
answer = client.test_invoke_authorizer(restApiId=i, authorizerId=token, headers={"Authorization": "allow-0123456789"})
assert answer["clientStatus"] == 200 and answer["principalId"] == "me" and answer["authorization"] == {"tenant": ["t1"]}, answer
assert json.loads(answer["policy"])["Statement"][0]["Effect"] == "Allow", answer
lines(answer, "Starting authorizer: token for request: ", "Incoming identity: **********456789", "Endpoint request URI: ", 'Endpoint request body after transformations: {"type":"TOKEN"',
      "Authorizer result body before parsing: {", "Using valid authorizer policy for principal: ", "Successfully completed authorizer execution")
assert "allow-0123456789" not in answer["log"] and f":{i}/test-invoke-stage/GET/" in answer["log"], answer["log"]
for headers in ({}, {"Authorization": "deny-this"}):
    answer = client.test_invoke_authorizer(restApiId=i, authorizerId=token, headers=headers)
    assert answer["clientStatus"] == 401 and "policy" not in answer, answer
    lines(answer, "Unauthorized request: ")
answer = client.test_invoke_authorizer(restApiId=i, authorizerId=token, headers={"Authorization": "allow-nonsense"})
assert answer["clientStatus"] == 500, answer

pool = client.create_authorizer(restApiId=i, name="pool", type="COGNITO_USER_POOLS", providerARNs=["arn:aws:cognito-idp:eu-west-1:000000000000:userpool/eu-west-1_test"],
                                identitySource="method.request.header.Authorization", identityValidationExpression="client-1")["id"]
for name in ("good", "ec"):
    for text in (tokens[name], "Bearer " + tokens[name]):
        answer = client.test_invoke_authorizer(restApiId=i, authorizerId=pool, headers={"Authorization": text})
        assert answer["clientStatus"] == 200 and "policy" not in answer and "principalId" not in answer, answer
        claims = answer["claims"]
        assert claims["cognito:username"] == "ann" and claims["cognito:groups"] == "[admins staff]" and claims["email_verified"] == "true" and claims["aud"] == "client-1" and claims["exp"].isdigit(), claims
        lines(answer, "Starting authorizer: pool for request: ", "Incoming identity: *", "Successfully completed authorizer execution")
        assert tokens[name] not in answer["log"] and tokens[name].split(".")[2] not in answer["log"], answer["log"]
for name, why in (("access", "no id token"), ("expired", "has expired"), ("early", "not valid yet"), ("endless", "when it expires"), ("elsewhere", "identityValidationExpression"),
                  ("foreign", "none of the issuers"), ("forged", "no key of"), ("nonsense", "no signed JWT"), (None, "no token in authorization")):
    answer = client.test_invoke_authorizer(restApiId=i, authorizerId=pool, headers={"Authorization": tokens[name]} if name else {})
    assert answer["clientStatus"] == 401 and "claims" not in answer, (name, answer)
    lines(answer, "The token is not valid: ", "Unauthorized request: ")
    assert why in answer["log"], (name, answer["log"])

# Once they are deployed, requests are answered the same.
client.create_deployment(restApiId=i, stageName="prod", variables=variables)
end = time.time() + 60
while fetch("/plain") != (200, "{}"):
    assert time.time() < end, fetch("/plain")
    time.sleep(0.05)
for at, path, headers in ((http, "/http?n=7", {}), (custom, "/custom", {}), (plain, "/plain", {})):
    tried = client.test_invoke_method(pathWithQueryString=path, stageVariables=variables, headers=headers, **at)
    assert fetch(path, headers=headers) == (tried["status"], tried["body"]), (path, tried)
for at, path, name, body in refused.values():
    tried = client.test_invoke_method(pathWithQueryString=path, stageVariables=variables, headers={"Content-Type": "application/json"}, body=body or "", **at)
    assert fetch(path, body, name, {"Content-Type": "application/json"}) == (tried["status"], tried["body"]), (path, tried, fetch(path, body, name, {"Content-Type": "application/json"}))
    assert tried["status"] >= 400, tried

"""Holds what is served of APIs to the region that they were created in, and to the account. The
arguments are the server and the gateway's port."""

import json
import sys
import time
import urllib.error
import urllib.request

import boto3

endpoint, port = sys.argv[1:]
FUNCTION = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:111122223333:function:f/invocations"


def fetch(api, path):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_aws/execute-api/{api}/prod{path}", headers={"Authorization": "token"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def becomes(want, what):
    end = time.time() + 60
    while (got := what()) != want:
        assert time.time() < end, f"{got}, want {want}"
        time.sleep(0.05)


def statement(effect, resource):
    return {"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource}


for region in ("eu-west-1", "us-east-1"):
    client = boto3.client("apigateway", endpoint_url=endpoint, region_name=region)
    policy = {"Version": "2012-10-17", "Statement": [
        statement("Allow", f"arn:aws:execute-api:{region}:111122223333:*"), statement("Deny", f"arn:aws:execute-api:{region}:111122223333:*/prod/GET/denied")]}
    api = client.create_rest_api(name="pets", policy=json.dumps(policy))
    i, root = api["id"], api["rootResourceId"]
    authorizer = client.create_authorizer(restApiId=i, name="auth", type="TOKEN", authorizerUri=FUNCTION, identitySource="method.request.header.Authorization", authorizerResultTtlInSeconds=0)["id"]
    for path, settings in (("open", {"authorizationType": "NONE"}), ("denied", {"authorizationType": "NONE"}), ("asked", {"authorizationType": "CUSTOM", "authorizerId": authorizer})):
        at = {"restApiId": i, "resourceId": client.create_resource(restApiId=i, parentId=root, pathPart=path)["id"], "httpMethod": "GET"}
        client.put_method(**settings, **at)
        client.put_method_response(statusCode="200", **at)
        client.put_integration(type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, **at)
        client.put_integration_response(statusCode="200", responseTemplates={"application/json": "$context.accountId $context.authorizer.arn" if path == "asked" else "$context.accountId"}, **at)
    at = {"restApiId": i, "resourceId": client.create_resource(restApiId=i, parentId=root, pathPart="called")["id"], "httpMethod": "GET"}
    client.put_method(authorizationType="NONE", **at)
    client.put_integration(type="AWS_PROXY", integrationHttpMethod="POST", uri=FUNCTION, **at)
    client.create_deployment(restApiId=i, stageName="prod")
    becomes((200, "111122223333"), lambda: fetch(i, "/open"))
    assert fetch(i, "/denied")[0] == 403, fetch(i, "/denied")
    want = f"arn:aws:execute-api:{region}:111122223333:{i}/prod/GET/asked"
    assert fetch(i, "/asked") == (200, "111122223333 " + want), fetch(i, "/asked")
    assert json.loads(fetch(i, "/called")[1])["accountId"] == "111122223333"
    tried = client.test_invoke_authorizer(restApiId=i, authorizerId=authorizer, headers={"Authorization": "token"})
    assert tried["authorization"]["arn"] == [f"arn:aws:execute-api:{region}:111122223333:{i}/test-invoke-stage/GET/"], tried

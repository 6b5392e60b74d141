"""Makes a REST API with boto3, from nothing to a canary, and asks the gateway what has become
of it at each step. The arguments are the server, the gateway's port, and where
the calls of the authorizer are counted."""

import json
import sys
import time
import urllib.error
import urllib.request

import boto3

endpoint, port, counter = sys.argv[1:]
client = boto3.client("apigateway", endpoint_url=endpoint, region_name="eu-west-1")


def fetch(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def becomes(want, what, seconds=60):
    """Asks until the answer is as wanted."""
    end = time.time() + seconds
    while (got := what()) != want:
        assert time.time() < end, f"{got}, want {want}"
        time.sleep(0.05)


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


def update(*operations):
    return client.update_stage(restApiId=i, stageName="prod", patchOperations=list(operations))


api = client.create_rest_api(name="pets")
i, root = api["id"], api["rootResourceId"]
pets = client.create_resource(restApiId=i, parentId=root, pathPart="pets")["id"]
url = f"http://127.0.0.1:{port}/_aws/execute-api/{i}/prod/pets"
at = {"restApiId": i, "resourceId": pets, "httpMethod": "GET"}
color = {"application/json": '{"statusCode": 200}'}


def answers(text):
    """Has the method answer a text, with the color of the stage."""
    client.put_integration(type="MOCK", requestTemplates=color, **at)
    client.put_integration_response(statusCode="200", responseTemplates={"application/json": text + " $stageVariables.color"}, **at)


client.put_method(authorizationType="NONE", **at)
client.put_method_response(statusCode="200", **at)
answers("first")
assert fetch(url)[0] in (403, 404)
first = client.create_deployment(restApiId=i, stageName="prod", variables={"color": "blue"})["id"]
becomes((200, "first blue"), lambda: fetch(url))
# What is edited is not served before it is deployed; a variable is.
answers("second")
update(replace("/variables/color", "green"))
becomes((200, "first green"), lambda: fetch(url))
# A canary has its own deployment and its own variables; promoted, it is the stage.
second = client.create_deployment(restApiId=i, stageName="prod", canarySettings={"percentTraffic": 100, "stageVariableOverrides": {"color": "red"}})["id"]
becomes((200, "second red"), lambda: fetch(url))
update(replace("/canarySettings/percentTraffic", "0"))
becomes((200, "first green"), lambda: fetch(url))
update({"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"}, {"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"},
       {"op": "remove", "path": "/canarySettings"})
becomes((200, "second red"), lambda: fetch(url))
# Back to what was served before.
update(replace("/deploymentId", first))
becomes((200, "first red"), lambda: fetch(url))
update(replace("/*/*/throttling/rateLimit", "0"), replace("/*/*/throttling/burstLimit", "0"))
becomes(429, lambda: fetch(url)[0])
client.update_stage(restApiId=i, stageName="prod", patchOperations=[{"op": "remove", "path": "/*/*"}])
becomes(200, lambda: fetch(url)[0])

# What the authorizer answered is kept, until it is flushed.
authorizer = client.create_authorizer(
    restApiId=i, name="auth", type="TOKEN", identitySource="method.request.header.Authorization", authorizerResultTtlInSeconds=3600,
    authorizerUri="arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:auth/invocations")["id"]
client.update_method(patchOperations=[replace("/authorizationType", "CUSTOM"), replace("/authorizerId", authorizer)], **at)
client.put_gateway_response(restApiId=i, responseType="UNAUTHORIZED", statusCode="401", responseTemplates={"application/json": "who are you?"})
client.create_deployment(restApiId=i, stageName="prod")
becomes((401, "who are you?"), lambda: fetch(url))
for _ in range(3):
    assert fetch(url, Authorization="me") == (200, "second red")
assert fetch(counter)[1] == "1"
client.flush_stage_authorizers_cache(restApiId=i, stageName="prod")
becomes("2", lambda: fetch(url, Authorization="me") == (200, "second red") and fetch(counter)[1])

client.delete_stage(restApiId=i, stageName="prod")
becomes(True, lambda: fetch(url)[0] in (403, 404))

"""Has a canary of a REST API promoted with boto3, and rolled back, under load. The arguments
are the management API, Envoy's port, and two backends that answer with their names."""

import collections
import http.client
import json
import sys
import threading
import time

import boto3

endpoint, port, blue, green = sys.argv[1:]
client = boto3.client("apigateway", endpoint_url=endpoint, region_name="eu-west-1")


def document(path):
    return json.dumps({"openapi": "3.0.1", "info": {"title": "who", "version": path}, "paths": {"/who": {"get": {"x-amazon-apigateway-integration": {
        "type": "http_proxy", "httpMethod": "GET", "uri": "http://${stageVariables.backend}" + path}}}}})


api = client.import_rest_api(body=document("/1"))["id"]
first = client.create_deployment(restApiId=api, stageName="prod", variables={"backend": blue})["id"]


def call(connection):
    connection.request("GET", "/prod/who", headers={"host": f"{api}.execute-api.localhost"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def seen(count=300):
    """Which versions some requests got, on a connection of their own."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    answers = collections.Counter(call(connection)[1] for _ in range(count))
    connection.close()
    return answers


def until(what, ok):
    end = time.monotonic() + 60
    while not ok(answers := seen()):
        assert time.monotonic() < end, f"{what}: {answers}"
        time.sleep(0.02)


until("the first version is served", lambda a: set(a) == {"blue /1"})
failures, done, total = [], threading.Event(), collections.Counter()


def load():
    connection = http.client.HTTPConnection("127.0.0.1", int(port))
    while not done.is_set():
        try:
            status, body = call(connection)
            if status != 200:
                failures.append((status, body))
            total[body] += 1
        except Exception as e:
            failures.append(e)
            connection.close()


threads = [threading.Thread(target=load) for _ in range(4)]
for thread in threads:
    thread.start()
try:
    client.put_rest_api(restApiId=api, mode="overwrite", body=document("/2"))
    second = client.create_deployment(restApiId=api, stageName="prod", canarySettings={
        "percentTraffic": 30, "stageVariableOverrides": {"backend": green}, "useStageCache": False})["id"]
    stage = client.get_stage(restApiId=api, stageName="prod")
    assert stage["deploymentId"] == first and stage["canarySettings"]["deploymentId"] == second, stage
    until("some requests go to the canary", lambda a: set(a) == {"blue /1", "green /2"} and 40 < a["green /2"] < 150)
    client.update_stage(restApiId=api, stageName="prod", patchOperations=[
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
        {"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"},
        {"op": "replace", "path": "/canarySettings/percentTraffic", "value": "0.0"}])
    until("the canary is everybody's", lambda a: set(a) == {"green /2"})
    client.update_stage(restApiId=api, stageName="prod", patchOperations=[{"op": "remove", "path": "/canarySettings"}])
    stage = client.get_stage(restApiId=api, stageName="prod")
    assert stage["deploymentId"] == second and stage["variables"] == {"backend": green} and "canarySettings" not in stage, stage
    # Back to the first deployment, with the variable of then.
    client.update_stage(restApiId=api, stageName="prod", patchOperations=[
        {"op": "replace", "path": "/deploymentId", "value": first}, {"op": "replace", "path": "/variables/backend", "value": blue}])
    until("the first version is served again", lambda a: set(a) == {"blue /1"})
finally:
    done.set()
    for thread in threads:
        thread.join()
assert not failures, f"{len(failures)} of {sum(total.values())} requests failed: {failures[:3]}"
assert sum(total.values()) > 100 and set(total) == {"blue /1", "green /2"}, total

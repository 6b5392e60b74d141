"""Creates a WebSocket API with boto3, talks to it through Envoy, and sends to its connections.
The arguments are the management API, Envoy's port and a backend that echoes."""

import json
import socket
import sys
import time

import boto3
import botocore.exceptions
import websockets.exceptions
from botocore.config import Config
from websockets.sync.client import connect

endpoint, port, backend = sys.argv[1:]
client = boto3.client("apigatewayv2", endpoint_url=endpoint, region_name="eu-west-1")


def connections(api, key="AKIDPUSHER", secret="secret-of-the-pusher"):
    return boto3.client("apigatewaymanagementapi", endpoint_url=f"http://127.0.0.1:{port}/_aws/execute-api/{api}/v1", region_name="eu-west-1",
                        aws_access_key_id=key, aws_secret_access_key=secret, config=Config(retries={"max_attempts": 1}))


def dial(api, query=""):
    """Connects, as soon as Envoy knows of the API."""
    end = time.monotonic() + 60
    while True:
        try:
            sock = socket.create_connection(("127.0.0.1", int(port)))
            return connect(f"ws://{api}.execute-api.localhost:{port}/v1{query}", sock=sock, open_timeout=30)
        except websockets.exceptions.InvalidStatus as e:
            assert time.monotonic() < end and e.response.status_code in (403, 404), e.response
            time.sleep(0.02)


def refused(call):
    try:
        call()
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
    return "not refused"


def integrate(api, key, responses=True, **integration):
    """Makes a route with an integration whose answer is sent back."""
    made = client.create_integration(ApiId=api, **integration)["IntegrationId"]
    members = {"RouteResponseSelectionExpression": "$default"} if responses else {}
    route = client.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{made}", **members)["RouteId"]
    if responses:
        client.create_route_response(ApiId=api, RouteId=route, RouteResponseKey="$default")
    return made, route


api = client.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")["ApiId"]
mock, _ = integrate(api, "$default", IntegrationType="MOCK", TemplateSelectionExpression=r"\$default", RequestTemplates={"$default": '{"statusCode": 200}'})
client.create_integration_response(ApiId=api, IntegrationId=mock, IntegrationResponseKey="$default", ResponseTemplates={"$default": '{"i am": "$context.connectionId"}'},
                                   TemplateSelectionExpression=r"\$default")
client.create_model(ApiId=api, Name="Short", Schema='{"type": "object", "properties": {"text": {"type": "string", "maxLength": 5}}}')
_, tell = integrate(api, "tell", IntegrationType="HTTP_PROXY", IntegrationMethod="POST", IntegrationUri=backend + "/tell",
          RequestParameters={"integration.request.header.X-Connection": "context.connectionId"})
client.update_route(ApiId=api, RouteId=tell, RequestModels={"$default": "Short"}, ModelSelectionExpression="$default")
client.create_route(ApiId=api, RouteKey="$connect")
client.create_stage(ApiId=api, StageName="v1", DeploymentId=client.create_deployment(ApiId=api)["DeploymentId"])

with dial(api) as ws:
    ws.send("anything")
    me = json.loads(ws.recv(timeout=30))["i am"]
    ws.send(json.dumps({"action": "tell", "text": "hello"}))
    told = json.loads(ws.recv(timeout=30))
    assert told["path"] == "/tell" and told["headers"]["X-Connection"] == [me] and json.loads(told["body"])["text"] == "hello", told

    ws.send(json.dumps({"action": "tell", "text": "too long"}))
    told = json.loads(ws.recv(timeout=30))
    assert told["message"] == "Bad request body" and told["connectionId"] == me, told

    # @connections.
    pusher = connections(api)
    pusher.post_to_connection(ConnectionId=me, Data=b"pushed")
    assert ws.recv(timeout=30) == "pushed"
    about = pusher.get_connection(ConnectionId=me)
    assert about["Identity"]["SourceIp"] == "127.0.0.1" and about["ConnectedAt"] <= about["LastActiveAt"], about
    assert refused(lambda: connections(api, secret="wrong").get_connection(ConnectionId=me))[1] == 403
    pusher.delete_connection(ConnectionId=me)
    try:
        raise SystemExit(f"not closed, but {ws.recv(timeout=30)!r}")
    except websockets.exceptions.ConnectionClosed:
        pass
    assert refused(lambda: pusher.post_to_connection(ConnectionId=me, Data=b"gone")) == ("GoneException", 410)

# What cannot be served is not deployed.
deployed = client.get_stage(ApiId=api, StageName="v1")["DeploymentId"]
client.update_integration(ApiId=api, IntegrationId=mock, ContentHandlingStrategy="CONVERT_TO_TEXT")
try:
    client.create_deployment(ApiId=api, StageName="v1")
    raise SystemExit("content handling is deployed")
except client.exceptions.BadRequestException as e:
    assert "contentHandlingStrategy is not supported by Gatehouse" in str(e), e
assert client.get_stage(ApiId=api, StageName="v1")["DeploymentId"] == deployed and len(client.get_deployments(ApiId=api)["Items"]) == 1
client.update_integration(ApiId=api, IntegrationId=mock, ContentHandlingStrategy="")

# What is deployed next is what the next message meets.
client.update_integration(ApiId=api, IntegrationId=mock, RequestTemplates={"$default": '{"statusCode": 201}'})
with dial(api) as ws:
    integrate(api, "new", IntegrationType="HTTP_PROXY", IntegrationMethod="POST", IntegrationUri=backend + "/new")
    client.create_deployment(ApiId=api, StageName="v1")
    end = time.monotonic() + 60
    while True:
        ws.send(json.dumps({"action": "new"}))
        answer = json.loads(ws.recv(timeout=30))
        if answer.get("path") == "/new":
            break
        assert time.monotonic() < end, answer
        time.sleep(0.02)
client.delete_api(ApiId=api)

"""Creates HTTP APIs with boto3 and calls them through Envoy. The arguments are the management
API, Envoy's port, a backend that echoes, a token issuer, a token with the scope "read", and
one without."""

import json
import sys
import time
import urllib.error
import urllib.request

import boto3

endpoint, port, backend, issuer, token, unfit = sys.argv[1:]
client = boto3.client("apigatewayv2", endpoint_url=endpoint, region_name="eu-west-1")


def call(api, path, method="GET", stage=None, **headers):
    """Calls an API at its own host, or at the path of a stage, which is empty for the default
    one."""
    where = f"http://127.0.0.1:{port}" + (f"/_aws/execute-api/{api}{stage}" if stage is not None else "") + path
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers.setdefault("host", f"{api}.execute-api.localhost")
    if stage is not None:
        del headers["host"]
    try:
        with urllib.request.urlopen(urllib.request.Request(where, method=method, headers=headers)) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def until(wanted, *arguments, **keywords):
    """Calls again until the status is the wanted one: Envoy is told a moment later."""
    end = time.monotonic() + 60
    while True:
        answer = call(*arguments, **keywords)
        if answer[0] == wanted:
            return answer
        assert time.monotonic() < end, f"{arguments} {keywords}: {answer[0]} {answer[2]}, want {wanted}"
        time.sleep(0.02)


def until_path(path, *arguments, **keywords):
    """Calls again until the backend is asked for the path."""
    end = time.monotonic() + 60
    while True:
        status, _, body = call(*arguments, **keywords)
        if status == 200 and json.loads(body)["path"] == path:
            return
        assert time.monotonic() < end, f"{arguments} {keywords}: {status} {body}, want {path}"
        time.sleep(0.02)


api = client.create_api(Name="pets", ProtocolType="HTTP", CorsConfiguration={
    "AllowOrigins": ["https://www.example.com"], "AllowMethods": ["GET"], "AllowHeaders": ["authorization"], "MaxAge": 60})["ApiId"]
client.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
users = client.create_authorizer(ApiId=api, Name="users", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"],
                                 JwtConfiguration={"Issuer": issuer, "Audience": ["pets"]})["AuthorizerId"]
pet = client.create_integration(ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri=backend + "/pets/{id}", PayloadFormatVersion="1.0",
                                RequestParameters={"append:header.x-stage": "$context.stage", "append:header.x-user": "$context.authorizer.claims.sub"},
                                ResponseParameters={"200": {"append:header.x-seen": "'yes'"}})["IntegrationId"]
client.create_route(ApiId=api, RouteKey="GET /pets/{id}", Target=f"integrations/{pet}", AuthorizationType="JWT", AuthorizerId=users, AuthorizationScopes=["read"])
# A route may be there before what it leads to.
opened = client.create_route(ApiId=api, RouteKey="ANY /open")["RouteId"]
assert client.get_stage(ApiId=api, StageName="$default")["LastDeploymentStatusMessage"] == "Deployment attempt failed: The route ANY /open has no target"
everything = client.create_integration(ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", IntegrationUri=backend + "/one", PayloadFormatVersion="1.0")["IntegrationId"]
client.update_route(ApiId=api, RouteId=opened, Target=f"integrations/{everything}")

# Routes, and the authorizer.
assert json.loads(until(200, api, "/open", method="POST")[2])["method"] == "POST"
assert until(401, api, "/pets/7")[2] == b'{"message":"Unauthorized"}'
status, headers, body = until(200, api, "/pets/7", authorization="Bearer " + token)
seen = json.loads(body)
assert seen["path"] == "/pets/7" and seen["headers"]["X-Stage"] == ["$default"], seen
assert headers["x-seen"] in ("yes", "'yes'"), headers
assert call(api, "/pets/7", authorization="Bearer " + unfit)[0] == 403
assert call(api, "/nothing")[0] == 404
assert call(api, "/open", stage="")[0] == 200

# Other origins.
status, headers, _ = call(api, "/pets/7", method="OPTIONS", origin="https://www.example.com", access_control_request_method="GET")
assert status in (200, 204) and headers["access-control-allow-origin"] == "https://www.example.com" and headers["access-control-max-age"] == "60", (status, headers)
assert "access-control-allow-origin" not in call(api, "/open", origin="https://evil.example.com")[1]

# A stage keeps what was deployed, and goes back to it.
first = client.create_deployment(ApiId=api)["DeploymentId"]
client.create_stage(ApiId=api, StageName="v1", DeploymentId=first)
until_path("/one", api, "/v1/open")
client.update_integration(ApiId=api, IntegrationId=everything, IntegrationUri=backend + "/two")
until_path("/two", api, "/open")
until_path("/one", api, "/v1/open")
second = client.create_deployment(ApiId=api, StageName="v1")["DeploymentId"]
until_path("/two", api, "/v1/open")
client.update_stage(ApiId=api, StageName="v1", DeploymentId=first)
until_path("/one", api, "/open", stage="/v1")
assert second != first

# Settings of a stage.
client.update_stage(ApiId=api, StageName="v1", RouteSettings={"ANY /open": {"ThrottlingRateLimit": 0, "ThrottlingBurstLimit": 0}})
assert until(429, api, "/v1/open")[2] == b'{"message":"Too Many Requests"}'
assert call(api, "/open")[0] == 200
client.delete_route_settings(ApiId=api, StageName="v1", RouteKey="ANY /open")
until(200, api, "/v1/open")

# What the gateway cannot serve is not taken, and what it serves stays.
try:
    client.update_integration(ApiId=api, IntegrationId=everything, IntegrationUri=backend + "/${stageVariables.folder}")
    raise SystemExit("an integration is taken whose stage variable is not there")
except client.exceptions.BadRequestException as e:
    assert "has no variable folder" in str(e), e
assert client.get_integration(ApiId=api, IntegrationId=everything)["IntegrationUri"] == backend + "/two"
assert json.loads(call(api, "/open")[2])["path"] == "/two"

# A stage variable chooses the backend's path.
client.update_stage(ApiId=api, StageName="$default", StageVariables={"folder": "blue"})
client.update_integration(ApiId=api, IntegrationId=everything, IntegrationUri=backend + "/${stageVariables.folder}")
until_path("/blue", api, "/open")

# A function decides, and what it has decided is forgotten when asked for.
function = client.create_authorizer(ApiId=api, Name="function", AuthorizerType="REQUEST", AuthorizerUri="arn:aws:lambda:us-east-1:000000000000:function:authorize",
                                    AuthorizerPayloadFormatVersion="2.0", EnableSimpleResponses=True, IdentitySource=["$request.header.x-who"], AuthorizerResultTtlInSeconds=3600)["AuthorizerId"]
counted = client.create_integration(ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri=backend + "/counted", PayloadFormatVersion="1.0",
                                    RequestParameters={"append:header.x-count": "$context.authorizer.count"})["IntegrationId"]
client.create_route(ApiId=api, RouteKey="GET /counted", Target=f"integrations/{counted}", AuthorizationType="CUSTOM", AuthorizerId=function)
until(401, api, "/counted")


def count():
    return json.loads(until(200, api, "/counted", x_who="me")[2])["headers"]["X-Count"]


first_count = count()
assert count() == first_count
client.reset_authorizers_cache(ApiId=api, StageName="$default")
end = time.monotonic() + 60
while count() == first_count:
    assert time.monotonic() < end, "the authorizer's cache is not emptied"
    time.sleep(0.02)

# A domain.
client.create_domain_name(DomainName="pets.example.com", DomainNameConfigurations=[{"CertificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/1"}])
client.create_api_mapping(DomainName="pets.example.com", ApiId=api, Stage="v1", ApiMappingKey="shop/v1")
until_path("/one", api, "/shop/v1/open", host="pets.example.com")
client.delete_domain_name(DomainName="pets.example.com")

# What is gone is gone.
client.delete_route(ApiId=api, RouteId=opened)
until(404, api, "/open")
client.update_api(ApiId=api, DisableExecuteApiEndpoint=True)
until(404, api, "/pets/7", authorization="Bearer " + token)
client.delete_api(ApiId=api)

# Quick create serves at once.
quick = client.create_api(Name="quick", ProtocolType="HTTP", Target=backend + "/quick")["ApiId"]
assert json.loads(until(200, quick, "/anything")[2])["path"].startswith("/quick")
client.delete_api(ApiId=quick)

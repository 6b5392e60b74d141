"""Makes keys, plans, domains and certificates with boto3, and asks the gateway what has
become of them. The server is the first argument; the rest is in the environment."""

import datetime
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request

import boto3

endpoint = sys.argv[1]
client = boto3.client("apigateway", endpoint_url=endpoint, region_name="eu-west-1")
gateway, directory = os.environ["GATEWAY"], os.environ["DIRECTORY"]
secure = int(os.environ["SECURE_PORT"])


# What all APIs together are held to is told as a file says it, and kept when the rest changes.
ROLE = "arn:aws:iam::000000000000:role/logs"
client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}])
account = client.get_account()
assert account["throttleSettings"] == {"rateLimit": 4000.5, "burstLimit": 7000} and account["cloudwatchRoleArn"] == ROLE, account


def body(response):
    text = response.read().decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


def ask(path, host="localhost", key=None, **headers):
    """What the gateway answers: a status, and a body."""
    request = urllib.request.Request(gateway + path, headers={"Host": host, **({"x-api-key": key} if key else {}), **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, body(response)
    except urllib.error.HTTPError as e:
        return e.code, body(e)


def becomes(want, what, seconds=60):
    """Asks until the answer is as wanted."""
    end = time.time() + seconds
    while True:
        got = what()
        if want(got):
            return got
        assert time.time() < end, got
        time.sleep(0.05)


def status(n):
    return lambda got: got[0] == n


def method(api, resource, uri, **arguments):
    """A method that asks for a key, with an HTTP proxy behind it."""
    client.put_method(restApiId=api, resourceId=resource, httpMethod="GET", authorizationType="NONE", apiKeyRequired=True)
    client.put_integration(restApiId=api, resourceId=resource, httpMethod="GET", type="HTTP_PROXY", integrationHttpMethod="GET", uri=uri, **arguments)


api = client.create_rest_api(name="orders")
i, root = api["id"], api["rootResourceId"]
resource = {name: client.create_resource(restApiId=i, parentId=root, pathPart=name)["id"] for name in ("plain", "secured", "private", "mapped")}
link = client.create_vpc_link(name="orders", targetArns=["arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/net/orders/0a1b2c3d4e5f6071"])
unnamed = client.create_vpc_link(name="elsewhere", targetArns=["arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/net/elsewhere/0a1b2c3d4e5f6071"])
method(i, resource["plain"], os.environ["PLAIN"] + "/backend")
method(i, resource["secured"], os.environ["SECURED"] + "/backend", tlsConfig={"insecureSkipVerification": True})
method(i, resource["private"], "http://orders.internal/backend", connectionType="VPC_LINK", connectionId=link["id"])
client.put_method(restApiId=i, resourceId=resource["mapped"], httpMethod="GET", authorizationType="NONE", apiKeyRequired=True)
client.put_method_response(restApiId=i, resourceId=resource["mapped"], httpMethod="GET", statusCode="200")
client.put_integration(
    restApiId=i, resourceId=resource["mapped"], httpMethod="GET", type="HTTP", integrationHttpMethod="GET", uri=os.environ["SECURED"] + "/mapped", tlsConfig={"insecureSkipVerification": True})
client.put_integration_response(restApiId=i, resourceId=resource["mapped"], httpMethod="GET", statusCode="200", responseTemplates={"application/json": "$input.json('$')"})
client.create_deployment(restApiId=i, stageName="prod")

# A key gets in by a plan, as far as its quota goes.
path = f"/_aws/execute-api/{i}/prod/plain"
limited = client.create_api_key(name="limited", enabled=True)
becomes(lambda got: got == (403, {"message": "Forbidden"}), lambda: ask(path, key=limited["value"]))
plan = client.create_usage_plan(name="small", quota={"limit": 5, "period": "MONTH"}, apiStages=[{"apiId": i, "stage": "prod"}])["id"]
client.create_usage_plan_key(usagePlanId=plan, keyId=limited["id"], keyType="API_KEY")
assert becomes(status(200), lambda: ask(path, key=limited["value"]))[1]["backend"] == "plain"
refused = becomes(status(429), lambda: ask(path, key=limited["value"]))
assert refused[1] == {"message": "Limit Exceeded"}, refused

# What it used is told, and extended.
today = datetime.datetime.now(datetime.timezone.utc).date()
days = dict(usagePlanId=plan, startDate=str(today - datetime.timedelta(days=1)), endDate=str(today))
used = becomes(lambda got: got[-1][0] >= 5 and got[-1][1] == 0, lambda: client.get_usage(**days)["items"][limited["id"]])
assert used[0] == [0, 5], used
extended = client.update_usage(usagePlanId=plan, keyId=limited["id"], patchOperations=[{"op": "replace", "path": "/remaining", "value": "1000"}])
assert extended["items"][limited["id"]][-1][1] == 1000, extended
becomes(status(200), lambda: ask(path, key=limited["value"]))

# Usage can be extended as soon as the plan has the key.
for n in range(5):
    early = client.create_usage_plan(name="early", quota={"limit": 5, "period": "DAY"})["id"]
    client.create_usage_plan_key(usagePlanId=early, keyId=limited["id"], keyType="API_KEY")
    client.update_usage(usagePlanId=early, keyId=limited["id"], patchOperations=[{"op": "replace", "path": "/remaining", "value": "1000"}])
    client.delete_usage_plan(usagePlanId=early)

# So it can as soon as the plan has another quota: what is set is left of that one.
day = str(datetime.datetime.now(datetime.timezone.utc).date())
moved = client.create_usage_plan(name="moved", quota={"limit": 5000, "period": "MONTH"})["id"]
client.create_usage_plan_key(usagePlanId=moved, keyId=limited["id"], keyType="API_KEY")
for limit, period, remaining in (("10", "MONTH", "7"), ("2000", "MONTH", "8"), ("3000", "DAY", "9")):
    client.update_usage_plan(usagePlanId=moved, patchOperations=[
        {"op": "replace", "path": "/quota/limit", "value": limit}, {"op": "replace", "path": "/quota/period", "value": period}])
    client.update_usage(usagePlanId=moved, keyId=limited["id"], patchOperations=[{"op": "replace", "path": "/remaining", "value": remaining}])
    left = client.get_usage(usagePlanId=moved, keyId=limited["id"], startDate=day, endDate=day)["items"][limited["id"]]
    assert left[-1][1] == int(remaining), (limit, period, left)
client.delete_usage_plan(usagePlanId=moved)

# A plan without a quota lets through, and counts.
free = client.create_usage_plan(name="free", apiStages=[{"apiId": i, "stage": "prod"}])["id"]
key = client.create_api_key(name="free", enabled=True, value="a-value-of-my-own-$$-${HOME}")
client.create_usage_plan_key(usagePlanId=free, keyId=key["id"], keyType="API_KEY")
becomes(status(200), lambda: ask(path, key=key["value"]))
counted = becomes(lambda got: got[-1][0] >= 1, lambda: client.get_usage(**{**days, "usagePlanId": free})["items"][key["id"]])
assert counted[-1][1] == 2**63 - 1, counted

# VPC links lead to the backend that is named as the load balancer, else to the URI's host.
private = becomes(status(200), lambda: ask(f"/_aws/execute-api/{i}/prod/private", key=key["value"]))
assert private[1]["backend"] == "private", private
client.update_integration(restApiId=i, resourceId=resource["private"], httpMethod="GET", patchOperations=[
    {"op": "replace", "path": "/connectionId", "value": unnamed["id"]}, {"op": "replace", "path": "/uri", "value": os.environ["PLAIN"] + "/linked"}])
client.create_deployment(restApiId=i, stageName="prod")
becomes(lambda got: got[0] == 200 and got[1]["backend"] == "plain" and got[1]["path"] == "/linked", lambda: ask(f"/_aws/execute-api/{i}/prod/private", key=key["value"]))

# A link can be deployed with, and tried, as soon as it is made: what is served knows nothing of
# it yet. So can a certificate.
early = client.create_rest_api(name="early")
early, root = early["id"], early["rootResourceId"]
client.put_method(restApiId=early, resourceId=root, httpMethod="GET", authorizationType="NONE")
for n in range(10):
    link = client.create_vpc_link(name="elsewhere", targetArns=["arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/net/elsewhere/0a1b2c3d4e5f6071"])
    client.put_integration(restApiId=early, resourceId=root, httpMethod="GET", type="HTTP_PROXY", integrationHttpMethod="GET", uri=os.environ["PLAIN"] + "/early",
                           connectionType="VPC_LINK", connectionId=link["id"])
    tried = client.test_invoke_method(restApiId=early, resourceId=root, httpMethod="GET")
    assert tried["status"] == 200 and json.loads(tried["body"])["path"] == "/early", tried
    deployment = client.create_deployment(restApiId=early)["id"]
    certificate = client.generate_client_certificate()["clientCertificateId"]
    client.create_stage(restApiId=early, stageName=f"early{n}", deploymentId=deployment)
    client.update_stage(restApiId=early, stageName=f"early{n}", patchOperations=[{"op": "replace", "path": "/clientCertificateId", "value": certificate}])

# Backends are shown the stage's certificate.
secured, mapped = f"/_aws/execute-api/{i}/prod/secured", f"/_aws/execute-api/{i}/prod/mapped"
assert ask(secured, key=key["value"])[1]["certificate"] == ""
assert ask(mapped, key=key["value"])[1]["certificate"] == ""
certificate = client.generate_client_certificate(description="for backends")
client.update_stage(restApiId=i, stageName="prod", patchOperations=[{"op": "replace", "path": "/clientCertificateId", "value": certificate["clientCertificateId"]}])
becomes(lambda got: got[1]["certificate"] == certificate["pemEncodedCertificate"], lambda: ask(secured, key=key["value"]))
becomes(lambda got: got[1]["certificate"] == certificate["pemEncodedCertificate"] and got[1]["path"] == "/mapped", lambda: ask(mapped, key=key["value"]))

# Custom domains, with and without a stage in the mapping.
client.create_domain_name(domainName="api.example.com", regionalCertificateArn="arn:aws:acm:eu-west-1:000000000000:certificate/unknown", endpointConfiguration={"types": ["REGIONAL"]})
client.create_base_path_mapping(domainName="api.example.com", basePath="shop", restApiId=i, stage="prod")
client.create_base_path_mapping(domainName="api.example.com", restApiId=i)
becomes(status(200), lambda: ask("/shop/plain", host="api.example.com", key=key["value"]))
becomes(status(200), lambda: ask("/prod/plain", host="api.example.com", key=key["value"]))
client.update_base_path_mapping(domainName="api.example.com", basePath="shop", patchOperations=[{"op": "replace", "path": "/basePath", "value": "store"}])
becomes(status(200), lambda: ask("/store/plain", host="api.example.com", key=key["value"]))
becomes(status(403), lambda: ask("/shop/plain", host="api.example.com", key=key["value"]))

# A stage can be mapped, and be in a plan, as soon as it is deployed.
for n in range(10):
    new = client.create_rest_api(name="new")
    new, root = new["id"], new["rootResourceId"]
    client.put_method(restApiId=new, resourceId=root, httpMethod="GET", authorizationType="NONE", apiKeyRequired=True)
    client.put_integration(restApiId=new, resourceId=root, httpMethod="GET", type="HTTP_PROXY", integrationHttpMethod="GET", uri=os.environ["PLAIN"] + "/new")
    client.create_deployment(restApiId=new, stageName="prod")
    client.create_base_path_mapping(domainName="api.example.com", basePath=f"new{n}", restApiId=new, stage="prod")
    client.update_usage_plan(usagePlanId=free, patchOperations=[{"op": "add", "path": "/apiStages", "value": new + ":prod"}])
for n in range(10):
    becomes(status(200), lambda: ask(f"/new{n}/", host="api.example.com", key=key["value"]))

# Routing rules, which count where the domain's mode says so, and then before its mappings.
rules = boto3.client("apigatewayv2", endpoint_url=endpoint, region_name="eu-west-1")
rule = {"DomainName": "api.example.com", "Priority": 10, "Actions": [{"InvokeApi": {"ApiId": i, "Stage": "prod", "StripBasePath": True}}],
        "Conditions": [{"MatchHeaders": {"AnyOf": [{"Header": "Tenant", "ValueGlob": "gold-*"}]}}, {"MatchBasePaths": {"AnyOf": ["gold"]}}]}
made = rules.create_routing_rule(**rule)


def mode(routing):
    client.update_domain_name(domainName="api.example.com", patchOperations=[{"op": "replace", "path": "/routingMode", "value": routing}])


assert ask("/gold/plain", host="api.example.com", key=key["value"], tenant="gold-1")[0] == 403
mode("ROUTING_RULE_THEN_BASE_PATH_MAPPING")
becomes(status(200), lambda: ask("/gold/plain", host="api.example.com", key=key["value"], tenant="gold-1"))
assert ask("/gold/plain", host="api.example.com", key=key["value"], tenant="silver")[0] == 403
assert ask("/store/plain", host="api.example.com", key=key["value"])[0] == 200
mode("ROUTING_RULE_ONLY")
becomes(status(403), lambda: ask("/store/plain", host="api.example.com", key=key["value"]))
assert ask("/gold/plain", host="api.example.com", key=key["value"], tenant="gold-1")[0] == 200
rules.put_routing_rule(**{**rule, "RoutingRuleId": made["RoutingRuleId"], "Conditions": []})
becomes(status(200), lambda: ask("/plain", host="api.example.com", key=key["value"]))
rules.delete_routing_rule(DomainName="api.example.com", RoutingRuleId=made["RoutingRuleId"])
becomes(status(403), lambda: ask("/plain", host="api.example.com", key=key["value"]))
mode("BASE_PATH_MAPPING_ONLY")
becomes(status(200), lambda: ask("/store/plain", host="api.example.com", key=key["value"]))


def handshake(name, certificate=None):
    """Asks over TLS: the names in the server's certificate, and a status."""
    context = ssl.create_default_context(cafile=f"{directory}/ca.pem")
    if certificate:
        context.load_cert_chain(f"{directory}/{certificate}.pem", f"{directory}/{certificate}.key")
    import socket
    with socket.create_connection(("127.0.0.1", secure), timeout=10) as connection:
        with context.wrap_socket(connection, server_hostname=name) as tls:
            names = [value for _, value in tls.getpeercert()["subjectAltName"]]
            tls.sendall(f"GET /plain HTTP/1.1\r\nHost: {name}\r\nx-api-key: {key['value']}\r\nConnection: close\r\n\r\n".encode())
            return names, int(tls.recv(100).split()[1])


def attempt(*arguments):
    try:
        return handshake(*arguments)
    except (ssl.SSLError, ConnectionError, IndexError) as e:
        return type(e).__name__, 0


# A domain that asks for clients' certificates has the certificate and the truststore that
# its ARN and its URI stand for.
client.create_domain_name(
    domainName="mtls.example.com", regionalCertificateArn="arn:aws:acm:eu-west-1:000000000000:certificate/site", endpointConfiguration={"types": ["REGIONAL"]},
    mutualTlsAuthentication={"truststoreUri": "s3://trust/ca.pem"})
client.create_base_path_mapping(domainName="mtls.example.com", basePath="(none)", restApiId=i, stage="prod")
assert becomes(lambda got: got[1] == 200, lambda: attempt("mtls.example.com", "site"))[0] == ["mtls.example.com"]
assert attempt("mtls.example.com")[1] == 0
# One whose truststore is not here is not served at all.
client.update_domain_name(domainName="mtls.example.com", patchOperations=[{"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": "s3://trust/other.pem"}])
becomes(lambda got: got[1] != 200, lambda: attempt("mtls.example.com", "site"))
assert ask("/plain", host="mtls.example.com", key=key["value"])[0] != 200

# Stages of APIs that files define are in plans and mappings of the default region.
default = boto3.client("apigateway", endpoint_url=sys.argv[1], region_name="us-east-1")
stages = default.create_usage_plan(name="files", apiStages=[{"apiId": "filed", "stage": "v1"}])["id"]
filed = default.create_api_key(name="filed", enabled=True)
default.create_usage_plan_key(usagePlanId=stages, keyId=filed["id"], keyType="API_KEY")
becomes(lambda got: got[0] == 200 and got[1]["backend"] == "private", lambda: ask("/_aws/execute-api/filed/v1/", key=filed["value"]))
assert ask("/_aws/execute-api/filed/v1/", key=key["value"])[0] == 403
default.create_domain_name(domainName="filed.example.com")
default.create_base_path_mapping(domainName="filed.example.com", restApiId="filed", stage="v1")
becomes(status(200), lambda: ask("/", host="filed.example.com", key=filed["value"]))

# A key that is disabled, or deleted, gets in no more.
client.update_api_key(apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}])
becomes(status(403), lambda: ask(path, key=key["value"]))
client.update_api_key(apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "true"}])
becomes(status(200), lambda: ask(path, key=key["value"]))
client.delete_api_key(apiKey=key["id"])
becomes(status(403), lambda: ask(path, key=key["value"]))
# A stage outlives no domain that leads to it, but a plan outlives a stage that it names.
for name in "api.example.com", "mtls.example.com":
    client.delete_domain_name(domainName=name)
client.delete_stage(restApiId=i, stageName="prod")
client.delete_usage_plan(usagePlanId=plan)

"""Asks with boto3 where APIs and domain names are served, and calls one there. The arguments are
the server, the gateway's port, and a backend."""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3

endpoint, port, backend = sys.argv[1:]
rest = boto3.client("apigateway", endpoint_url=endpoint, region_name="eu-west-1")
http = boto3.client("apigatewayv2", endpoint_url=endpoint, region_name="eu-west-1")
SUFFIX = "execute-api.api.example.com"

api = http.create_api(Name="quick", ProtocolType="HTTP", Target=backend)
url = api["ApiEndpoint"]
assert url == f"http://{api['ApiId']}.{SUFFIX}:{port}", url
end = time.time() + 60
while True:
    # Nobody knows the name here; the gateway knows itself by it.
    request = urllib.request.Request(f"http://127.0.0.1:{port}/pets", headers={"Host": urllib.parse.urlsplit(url).netloc})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            assert json.load(response)["path"] == "/pets"
        break
    except urllib.error.HTTPError as e:
        assert time.time() < end, e
    time.sleep(0.05)
assert http.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")["ApiEndpoint"].startswith("ws://")
document = json.loads(http.export_api(ApiId=api["ApiId"], Specification="OAS30", OutputType="JSON", StageName="$default")["body"].read())
assert document["servers"][0]["url"] == url + "/{basePath}", document["servers"]
imported = http.import_api(Body=json.dumps(document))
assert imported["ApiEndpoint"] == f"http://{imported['ApiId']}.{SUFFIX}:{port}", imported
assert http.reimport_api(ApiId=imported["ApiId"], Body=json.dumps(document))["ApiEndpoint"] == imported["ApiEndpoint"]

domain = rest.create_domain_name(domainName="pets.example.com", endpointConfiguration={"types": ["REGIONAL"]}, regionalCertificateArn="arn:aws:acm:eu-west-1:000000000000:certificate/1")
assert domain["regionalDomainName"].startswith("d-") and domain["regionalDomainName"].endswith("." + SUFFIX), domain
assert http.get_domain_name(DomainName="pets.example.com")["DomainNameConfigurations"][0]["ApiGatewayDomainName"] == domain["regionalDomainName"]

"""Publishes a portal with boto3, and visits it. The server is the first argument, the port
of the gateway the second."""

import json
import operator
import sys
import time
import urllib.error
import urllib.request

import boto3

from answers import refusals

endpoint, port = sys.argv[1:3]
client = boto3.client("apigatewayv2", endpoint_url=endpoint, region_name="eu-west-1")
refused = refusals(client, operator.contains)
rest = boto3.client("apigateway", endpoint_url=endpoint, region_name="eu-west-1")


def visit(url):
    """A page: its status and its text."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def becomes(want, url, seconds=60):
    """Visits until the page is as wanted."""
    end = time.time() + seconds
    while True:
        got = visit(url)
        if want(*got):
            return got[1]
        assert time.time() < end, (url, got)
        time.sleep(0.05)


def mock(name):
    return {"operationId": name, "responses": {"200": {"description": "Yes."}}, "x-amazon-apigateway-integration": {
        "type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'}, "responses": {"default": {"statusCode": "200"}}}}


api = rest.import_rest_api(body=json.dumps({"openapi": "3.0.1", "info": {"title": "The pets", "version": "1"}, "paths": {
    "/pets": {"get": mock("list"), "post": mock("add")}, "/pets/{id}": {"delete": mock("remove")}, "/secret": {"get": mock("secret")}}}))["id"]
rest.create_deployment(restApiId=api, stageName="v1")

product = client.create_portal_product(DisplayName="Pets & more", Description="Those without a home.")
p, arn = product["PortalProductId"], product["PortalProductArn"]
page = client.create_product_page(PortalProductId=p, DisplayContent={"Title": "Begin", "Body": "# First\n\nAsk *us*. <script>alert(1)</script> ${HOME}"})
terms = client.create_product_page(PortalProductId=p, DisplayContent={"Title": "Terms", "Body": "None."})


def operation(method, path, **more):
    where = {"IdentifierParts": {"RestApiId": api, "Stage": "v1", "Path": path, "Method": method}}
    return client.create_product_rest_endpoint_page(PortalProductId=p, RestEndpointIdentifier=where, **more)


reading = operation("GET", "/pets", DisplayContent={"Overrides": {"OperationName": "See all", "Body": "Of *today*."}})
cleaning = operation("DELETE", "/pets/{id}", TryItState="DISABLED")
client.update_portal_product(PortalProductId=p, DisplayOrder={"OverviewPageArn": terms["ProductPageArn"], "Contents": [
    {"SectionName": "Cleaning", "ProductRestEndpointPageArns": [cleaning["ProductRestEndpointPageArn"]]},
    {"SectionName": "Looking", "ProductRestEndpointPageArns": [reading["ProductRestEndpointPageArn"]]}]})

colors = {name + "Color": "#1D4ED8" for name in ["Accent", "Background", "ErrorValidation", "Header", "Navigation", "Text"]}
portal = client.create_portal(Authorization={"None": {}}, EndpointConfiguration={"None": {}},
                              PortalContent={"DisplayName": "For developers", "Description": "Read on.", "Theme": {"CustomColors": colors}})
i = portal["PortalId"]
site = "http://" + portal["EndpointConfiguration"]["PortalDefaultDomainName"]
assert site.endswith("/" + i), site
refused("BadRequestException", "there is nothing to show", "publish_portal", PortalId=i)
client.update_portal(PortalId=i, IncludedPortalProductArns=[arn])
assert visit(site + "/")[0] == 404

# A preview is at an address of its own, and is nobody else's.
assert client.preview_portal(PortalId=i)["ResponseMetadata"]["HTTPStatusCode"] == 202
preview = client.get_portal(PortalId=i)["Preview"]
assert preview["PreviewStatus"] == "PREVIEW_READY" and preview["PreviewUrl"].startswith(site + "-")
becomes(lambda status, text: status == 200 and "For developers" in text, preview["PreviewUrl"])
assert visit(site + "/")[0] == 404

# What is published.
assert client.publish_portal(PortalId=i, Description="the first")["ResponseMetadata"]["HTTPStatusCode"] == 202
published = client.get_portal(PortalId=i)
assert published["PublishStatus"] == "PUBLISHED" and published["LastPublishedDescription"] == "the first" and "Preview" not in published, published
first = becomes(lambda status, text: status == 200, site + "/")
assert "For developers" in first and "Pets &amp; more" in first and "Those without a home." in first, first
assert first.index(">Terms</a>") < first.index(">Begin</a>"), first
text = visit(f"{site}/pages/{page['ProductPageId']}")[1]
assert "<h2>First</h2>" in text and "<em>us</em>" in text and "<script>" not in text and "${HOME}" in text, text
document = json.loads(visit(f"{site}/apis/{api}/v1/openapi.json")[1])
assert document["servers"] == [{"url": f"http://{api}.execute-api.localhost:{port}/v1"}], document["servers"]
assert {path: sorted(item) for path, item in document["paths"].items()} == {"/pets": ["get"], "/pets/{id}": ["delete"]}, document["paths"]
told = document["paths"]["/pets"]["get"]
assert told["summary"] == "See all" and told["description"] == "Of *today*." and told["tags"] == ["Looking"] and "x-gatehouse-try-it" not in told, told
assert document["paths"]["/pets/{id}"]["delete"]["x-gatehouse-try-it"] is False
assert [tag["name"] for tag in document["tags"]] == ["Cleaning", "Looking"]
assert "#1d4ed8" in visit(site + "/assets/theme.css")[1]
becomes(lambda status, text: status == 404, preview["PreviewUrl"])

# It stays so until it is published again.
client.update_product_page(PortalProductId=p, ProductPageId=page["ProductPageId"], DisplayContent={"Title": "Begin", "Body": "Anew."})
client.update_portal(PortalId=i, PortalContent={"DisplayName": "Another", "Theme": {"CustomColors": colors}})
operation("POST", "/pets")
assert visit(site + "/")[1] == first
client.publish_portal(PortalId=i)
becomes(lambda status, text: "Another" in text, site + "/")
assert "Anew." in visit(f"{site}/pages/{page['ProductPageId']}")[1]

# What the gateway cannot serve is not published.
client.update_product_rest_endpoint_page(PortalProductId=p, ProductRestEndpointPageId=reading["ProductRestEndpointPageId"],
                                         DisplayContent={"Overrides": {"Endpoint": "http://pets.example.com/pets"}})
refused("BadRequestException", "write https://", "publish_portal", PortalId=i)
refused("BadRequestException", "it is published", "delete_portal", PortalId=i)

# A stage that goes leaves the rest of the portal; with its last stage, the pages.
rest.delete_stage(restApiId=api, stageName="v1")
becomes(lambda status, text: status == 404, f"{site}/apis/{api}/v1")
assert visit(site + "/")[0] == 200
refused("BadRequestException", "there is no stage v1", "publish_portal", PortalId=i)
assert client.get_product_rest_endpoint_page(PortalProductId=p, ProductRestEndpointPageId=reading["ProductRestEndpointPageId"])["Status"] == "FAILED"

assert client.disable_portal(PortalId=i)["ResponseMetadata"]["HTTPStatusCode"] == 204
becomes(lambda status, text: status == 404, site + "/")
refused("ConflictException", "is not published", "disable_portal", PortalId=i)
client.delete_portal(PortalId=i)

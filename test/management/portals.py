"""Walks through apigatewayv2's portals with boto3: every operation, what it answers, and
what it refuses. The server is the first argument."""

import json
import operator
import sys

import boto3

from answers import refusals, same, status

client = boto3.client("apigatewayv2", endpoint_url=sys.argv[1], region_name="eu-west-1")
refused = refusals(client, operator.contains)
rest = boto3.client("apigateway", endpoint_url=sys.argv[1], region_name="eu-west-1")


# A REST API whose operations products show.
api = rest.import_rest_api(body=json.dumps({"openapi": "3.0.1", "info": {"title": "pets", "version": "1"}, "paths": {"/pets": {"get": {
    "responses": {"200": {"description": "Pets."}},
    "x-amazon-apigateway-integration": {"type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'}, "responses": {"default": {"statusCode": "200"}}}}}}}))["id"]
rest.create_deployment(restApiId=api, stageName="v1")
where = {"IdentifierParts": {"RestApiId": api, "Stage": "v1", "Path": "/pets", "Method": "GET"}}

# A product with its pages.
product = same(client.create_portal_product(DisplayName="Pets", Description="All about pets.", Tags={"team": "a"}), DisplayName="Pets", Tags={"team": "a"})
p, arn = product["PortalProductId"], product["PortalProductArn"]
assert status(product) == 201 and arn == f"arn:aws:apigateway:eu-west-1:000000000000:/portalproducts/{p}" and product["LastModified"].year > 2000
page = same(client.create_product_page(PortalProductId=p, DisplayContent={"Title": "Start", "Body": "# Start"}), DisplayContent={"Title": "Start", "Body": "# Start"})
endpoint = client.create_product_rest_endpoint_page(PortalProductId=p, RestEndpointIdentifier=where)
assert status(page) == status(endpoint) == 201
same(endpoint, Status="AVAILABLE", TryItState="ENABLED", RestEndpointIdentifier=where, DisplayContent={"Endpoint": f"https://{api}.execute-api.example.com/v1/pets"})
g, e = page["ProductPageId"], endpoint["ProductRestEndpointPageId"]
assert page["ProductPageArn"] == f"{arn}/productpages/{g}" and endpoint["ProductRestEndpointPageArn"] == f"{arn}/productrestendpointpages/{e}"
same(client.update_product_page(PortalProductId=p, ProductPageId=g, DisplayContent={"Title": "Begin", "Body": "Here."}), DisplayContent={"Title": "Begin", "Body": "Here."})
same(client.get_product_page(PortalProductId=p, ProductPageId=g), DisplayContent={"Title": "Begin", "Body": "Here."})
same(client.list_product_pages(PortalProductId=p)["Items"][0], PageTitle="Begin", ProductPageId=g)
told = {"OperationName": "List pets", "Body": "*All* of them."}
same(client.update_product_rest_endpoint_page(PortalProductId=p, ProductRestEndpointPageId=e, DisplayContent={"Overrides": told}, TryItState="DISABLED"),
     DisplayContent={**told, "Endpoint": f"https://{api}.execute-api.example.com/v1/pets"}, TryItState="DISABLED")
raw = client.get_product_rest_endpoint_page(PortalProductId=p, ProductRestEndpointPageId=e, IncludeRawDisplayContent="true")["RawDisplayContent"]
assert "List pets" in raw
same(client.list_product_rest_endpoint_pages(PortalProductId=p)["Items"][0], OperationName="List pets", Status="AVAILABLE", TryItState="DISABLED")
order = {"OverviewPageArn": page["ProductPageArn"], "Contents": [{"SectionName": "Reading", "ProductRestEndpointPageArns": [endpoint["ProductRestEndpointPageArn"]]}]}
same(client.update_portal_product(PortalProductId=p, DisplayOrder=order), DisplayOrder=order, DisplayName="Pets", Description="All about pets.")
same(client.get_portal_product(PortalProductId=p), DisplayOrder=order)
same(client.list_portal_products()["Items"][0], PortalProductId=p, DisplayName="Pets", DisplayOrder=None)
assert client.list_portal_products(ResourceOwner="OTHER_ACCOUNTS")["Items"] == []
refused("BadRequestException", "the product has no product page", "update_portal_product", PortalProductId=p, DisplayOrder={"ProductPageArns": [f"{arn}/productpages/none"]})
refused("BadRequestException", "has no method POST of /pets", "create_product_rest_endpoint_page", PortalProductId=p,
        RestEndpointIdentifier={"IdentifierParts": {**where["IdentifierParts"], "Method": "POST"}})
refused("NotFoundException", "Invalid ProductPage identifier specified", "get_product_page", PortalProductId=p, ProductPageId="nothing123")

# Whom it is shared with.
refused("NotFoundException", "no sharing policy", "get_portal_product_sharing_policy", PortalProductId=p)
policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "apigateway:GetPortalProduct", "Resource": arn}]})
assert status(client.put_portal_product_sharing_policy(PortalProductId=p, PolicyDocument=policy)) == 200
same(client.get_portal_product_sharing_policy(PortalProductId=p), PolicyDocument=policy, PortalProductId=p)
refused("BadRequestException", "Invalid policy document", "put_portal_product_sharing_policy", PortalProductId=p, PolicyDocument="{")
assert status(client.delete_portal_product_sharing_policy(PortalProductId=p)) == 204

# A portal.
colors = {name + "Color": "#1d4ed8" for name in ["Accent", "Background", "ErrorValidation", "Header", "Navigation", "Text"]}
content = {"DisplayName": "Pets for developers", "Description": "Read on.", "Theme": {"CustomColors": colors}}
portal = same(client.create_portal(Authorization={"None": {}}, EndpointConfiguration={"None": {}}, PortalContent=content, IncludedPortalProductArns=[arn], Tags={"team": "a"}),
              PortalContent=content, IncludedPortalProductArns=[arn], PublishStatus="DISABLED", Authorization={"None": {}}, Tags={"team": "a"})
w = portal["PortalId"]
assert status(portal) == 201 and portal["PortalArn"] == f"arn:aws:apigateway:eu-west-1:000000000000:/portals/{w}"
same(client.update_portal(PortalId=w, PortalContent={**content, "DisplayName": "Pets"}, RumAppMonitorName="mine",
                          EndpointConfiguration={"AcmManaged": {"DomainName": "portal.example.com", "CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/c"}}),
     PortalContent={**content, "DisplayName": "Pets"}, RumAppMonitorName="mine", IncludedPortalProductArns=[arn])
same(client.get_portal(PortalId=w)["EndpointConfiguration"], DomainName="portal.example.com")
same(client.list_portals()["Items"][0], PortalId=w, PortalArn=portal["PortalArn"])
assert client.get_tags(ResourceArn=portal["PortalArn"])["Tags"] == {"team": "a"}
client.tag_resource(ResourceArn=arn, Tags={"cost": "b"})
same(client.get_portal_product(PortalProductId=p), Tags={"team": "a", "cost": "b"})
refused("BadRequestException", f"is referenced in portal: {w}", "delete_portal_product", PortalProductId=p)
refused("BadRequestException", "cognitoConfig is not supported", "update_portal", PortalId=w,
        Authorization={"CognitoConfig": {"AppClientId": "c", "UserPoolArn": "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/p", "UserPoolDomain": "https://pets.example.com"}})

# All of it goes again.
assert status(client.delete_portal(PortalId=w)) == 204 and client.list_portals()["Items"] == []
assert status(client.delete_product_page(PortalProductId=p, ProductPageId=g)) == 204
assert "OverviewPageArn" not in client.get_portal_product(PortalProductId=p)["DisplayOrder"]
assert status(client.delete_product_rest_endpoint_page(PortalProductId=p, ProductRestEndpointPageId=e)) == 204
assert status(client.delete_portal_product(PortalProductId=p)) == 204
refused("NotFoundException", "Invalid PortalProduct identifier specified", "get_portal_product", PortalProductId=p)

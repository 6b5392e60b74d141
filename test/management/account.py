"""Walks through what the REST APIs of a region share with boto3: every operation, what it
answers, and what it refuses. The server is the first argument."""

import sys

import boto3

from answers import refusals, same, status

client = boto3.client("apigateway", endpoint_url=sys.argv[1], region_name="eu-west-1")
refused = refusals(client)


def patch(op, path, value=None):
    return {"op": op, "path": path, **({} if value is None else {"value": value})}


# The account.
same(client.get_account(), features=["UsagePlans"], apiKeyVersion="4")
assert "throttleSettings" not in client.get_account(), "nothing is throttled, and a throttle is told"
role = "arn:aws:iam::000000000000:role/logs"
same(client.update_account(patchOperations=[patch("replace", "/cloudwatchRoleArn", role)]), cloudwatchRoleArn=role)

# A stage, for what follows.
api = client.create_rest_api(name="pets")
i, root = api["id"], api["rootResourceId"]
client.put_method(restApiId=i, resourceId=root, httpMethod="GET", authorizationType="NONE", apiKeyRequired=True)
client.put_integration(restApiId=i, resourceId=root, httpMethod="GET", type="MOCK")
client.create_deployment(restApiId=i, stageName="prod")

# API keys.
key = same(client.create_api_key(name="acme", description="d", enabled=True, customerId="c", tags={"team": "x"}, stageKeys=[{"restApiId": i, "stageName": "prod"}]),
           name="acme", description="d", enabled=True, customerId="c", tags={"team": "x"}, stageKeys=[f"{i}/prod"])
assert len(key["value"]) == 40 and key["createdDate"].year > 2000
assert "value" not in client.get_api_key(apiKey=key["id"])
same(client.get_api_key(apiKey=key["id"], includeValue=True), value=key["value"])
same(client.update_api_key(apiKey=key["id"], patchOperations=[patch("replace", "/enabled", "false"), patch("remove", "/stages", f"{i}/prod")]), enabled=False, stageKeys=[])
ids = client.import_api_keys(format="csv", failOnWarnings=True, body=b"name,key\nfirst,first-value-0123456789\nsecond,second-value-0123456789\n")["ids"]
assert len(ids) == 2
assert status(refused("ConflictException", "API Key already exists", "create_api_key", value="first-value-0123456789")) == 409
assert len([k for page in client.get_paginator("get_api_keys").paginate(includeValues=True, PaginationConfig={"PageSize": 2}) for k in page["items"] if k["value"]]) == 3
assert [k["name"] for k in client.get_api_keys(nameQuery="sec")["items"]] == ["second"]
arn = f"arn:aws:apigateway:eu-west-1::/apikeys/{key['id']}"
client.tag_resource(resourceArn=arn, tags={"more": "y"})
assert client.get_tags(resourceArn=arn)["tags"] == {"team": "x", "more": "y"}
client.untag_resource(resourceArn=arn, tagKeys=["team"])
same(client.get_api_key(apiKey=key["id"], includeValue=True), tags={"more": "y"}, value=key["value"])

# Usage plans and their keys.
plan = same(client.create_usage_plan(name="gold", throttle={"rateLimit": 0.5, "burstLimit": 2}, quota={"limit": 10, "offset": 1, "period": "WEEK"},
                                     apiStages=[{"apiId": i, "stage": "prod", "throttle": {"/pets/GET": {"rateLimit": 1, "burstLimit": 1}}}]),
            throttle={"rateLimit": 0.5, "burstLimit": 2}, quota={"limit": 10, "offset": 1, "period": "WEEK"},
            apiStages=[{"apiId": i, "stage": "prod", "throttle": {"/pets/GET": {"rateLimit": 1.0, "burstLimit": 1}}}])["id"]
same(client.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY"), id=key["id"], type="API_KEY", value=key["value"], name="acme")
assert [p["id"] for p in client.get_usage_plans(keyId=key["id"])["items"]] == [plan]
assert [k["id"] for k in client.get_usage_plan_keys(usagePlanId=plan, nameQuery="ac")["items"]] == [key["id"]]
same(client.get_usage_plan_key(usagePlanId=plan, keyId=key["id"]), name="acme")
same(client.update_usage_plan(usagePlanId=plan, patchOperations=[
    patch("replace", "/quota/limit", "20"), patch("remove", f"/apiStages/{i}:prod/throttle/~1pets~1GET"), patch("remove", "/throttle")]),
    quota={"limit": 20, "offset": 1, "period": "WEEK"}, apiStages=[{"apiId": i, "stage": "prod"}], throttle=None)
refused("BadRequestException", f"Cannot delete Usage Plan {plan} because there are API Stages associated with it, including {i}:prod", "delete_usage_plan", usagePlanId=plan)
other = client.create_usage_plan(name="other", apiStages=[{"apiId": i, "stage": "prod"}])["id"]
refused("ConflictException", f"API Key {key['id']} cannot reference multiple usage plans with the same api stage: {i}:prod", "create_usage_plan_key", usagePlanId=other, keyId=key["id"], keyType="API_KEY")
refused("NotFoundException", "Invalid Usage Plan ID specified", "get_usage_plan", usagePlanId="nosuch")

# Usage: here it isn't counted, which is said.
assert status(refused("ServiceUnavailableException", "Usage is not counted by this server: it has not the role ratelimit", "get_usage", usagePlanId=plan, startDate="2026-01-01", endDate="2026-01-02")) == 503
client.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
client.delete_api_key(apiKey=key["id"])
client.update_usage_plan(usagePlanId=plan, patchOperations=[patch("remove", "/apiStages", f"{i}:prod")])
client.delete_usage_plan(usagePlanId=plan)

# Domain names and their mappings.
arn = "arn:aws:acm:eu-west-1:000000000000:certificate/0a1b"
domain = same(client.create_domain_name(domainName="api.example.com", regionalCertificateArn=arn, endpointConfiguration={"types": ["REGIONAL"]}, securityPolicy="TLS_1_2"),
              domainName="api.example.com", domainNameStatus="AVAILABLE", regionalCertificateArn=arn)
same(client.create_domain_name(domainName="rules.example.com", regionalCertificateArn=arn, endpointConfiguration={"types": ["REGIONAL"]}, routingMode="ROUTING_RULE_ONLY"), routingMode="ROUTING_RULE_ONLY")
client.delete_domain_name(domainName="rules.example.com")
assert domain["regionalDomainName"].endswith(".execute-api.eu-west-1.amazonaws.com")
same(client.create_base_path_mapping(domainName="api.example.com", restApiId=i, stage="prod"), basePath="(none)", restApiId=i, stage="prod")
client.create_base_path_mapping(domainName="api.example.com", basePath="pets", restApiId=i)
assert sorted(m["basePath"] for m in client.get_base_path_mappings(domainName="api.example.com")["items"]) == ["(none)", "pets"]
same(client.update_base_path_mapping(domainName="api.example.com", basePath="pets", patchOperations=[patch("replace", "/stage", "prod")]), stage="prod")
same(client.get_base_path_mapping(domainName="api.example.com", basePath="pets"), stage="prod")
refused("ConflictException", "Base path already exists for this domain name", "create_base_path_mapping", domainName="api.example.com", basePath="pets", restApiId=i)
client.delete_base_path_mapping(domainName="api.example.com", basePath="(none)")
same(client.update_domain_name(domainName="api.example.com", patchOperations=[patch("replace", "/securityPolicy", "TLS_1_0")]), securityPolicy="TLS_1_0")
assert [d["domainName"] for d in client.get_domain_names()["items"]] == ["api.example.com"]
client.delete_domain_name(domainName="api.example.com")
refused("NotFoundException", "Invalid domain name identifier specified", "get_domain_name", domainName="api.example.com")
assert client.get_domain_name_access_associations()["items"] == []
why = (" is not supported by Gatehouse: it has no VPC endpoints that could be given access to a domain name; requests of a VPC endpoint are told by the listener "
       "that they come to (sourceVpce), and admitted by resource policies")
private = "arn:aws:apigateway:eu-west-1:000000000000:/domainnames/api.example.com+abc123"
association = "arn:aws:apigateway:eu-west-1:000000000000:/domainnameaccessassociations/domainname/api.example.com/vpcesource/vpce-1"
refused("BadRequestException", "CreateDomainNameAccessAssociation" + why, "create_domain_name_access_association",
        domainNameArn=private, accessAssociationSourceType="VPCE", accessAssociationSource="vpce-1")
refused("BadRequestException", "DeleteDomainNameAccessAssociation" + why, "delete_domain_name_access_association", domainNameAccessAssociationArn=association)
refused("BadRequestException", "RejectDomainNameAccessAssociation" + why, "reject_domain_name_access_association",
        domainNameAccessAssociationArn=association, domainNameArn=private)

# What leads to backends.
link = client.create_vpc_link(name="orders", targetArns=["arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/net/orders/0a1b"])
same(client.get_vpc_link(vpcLinkId=link["id"]), status="AVAILABLE", name="orders")
same(client.update_vpc_link(vpcLinkId=link["id"], patchOperations=[patch("replace", "/description", "d")]), description="d")
assert len(client.get_vpc_links()["items"]) == 1
client.delete_vpc_link(vpcLinkId=link["id"])
certificate = client.generate_client_certificate(description="d")
assert certificate["pemEncodedCertificate"].startswith("-----BEGIN CERTIFICATE-----") and (certificate["expirationDate"] - certificate["createdDate"]).days == 365
c = certificate["clientCertificateId"]
same(client.update_client_certificate(clientCertificateId=c, patchOperations=[patch("replace", "/description", "new")]), description="new")
same(client.get_client_certificate(clientCertificateId=c), pemEncodedCertificate=certificate["pemEncodedCertificate"])
client.update_stage(restApiId=i, stageName="prod", patchOperations=[patch("replace", "/clientCertificateId", c)])
refused("BadRequestException", f"Client Certificate {c} is used by the stage {i}/prod", "delete_client_certificate", clientCertificateId=c)
client.delete_stage(restApiId=i, stageName="prod")
client.delete_client_certificate(clientCertificateId=c)
assert client.get_client_certificates()["items"] == []

# SDKs.
assert [t["id"] for t in client.get_sdk_types()["items"]] == ["javascript", "android", "objectivec", "swift", "java", "ruby"]
assert client.get_sdk_type(id="ruby")["configurationProperties"][0]["name"] == "service.name"
refused("BadRequestException", "GetSdk is not supported by Gatehouse: export the stage as an OpenAPI document (GetExport), and have a generator of clients read that",
        "get_sdk", restApiId=i, stageName="prod", sdkType="ruby")

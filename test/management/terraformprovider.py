"""Calls apigatewayv2 as Amazon's provider for Terraform does, of which registries of packages have
no version that knows apigatewayv2. Each class is a resource of it: what it sends, what it takes
over of an answer, and what it takes for a difference.

Source: internal/service/apigatewayv2 of terraform-provider-aws 6, one file for each resource."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

REGION = "eu-west-1"
client = boto3.client("apigatewayv2", endpoint_url=sys.argv[1], region_name=REGION)

# Blocks of a configuration, with what is in them where nothing is said.
ROUTE_SETTINGS = {"DataTraceEnabled": False, "DetailedMetricsEnabled": False, "LoggingLevel": "", "ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 0}
BLOCKS = {
    "AccessLogSettings": {"DestinationArn": "", "Format": ""},
    "CorsConfiguration": {"AllowCredentials": False, "AllowHeaders": [], "AllowMethods": [], "AllowOrigins": [], "ExposeHeaders": [], "MaxAge": 0},
    "DefaultRouteSettings": ROUTE_SETTINGS,
    "JwtConfiguration": {"Audience": [], "Issuer": ""},
    "MutualTlsAuthentication": {"TruststoreUri": "", "TruststoreVersion": ""},
    "TlsConfig": {"ServerNameToVerify": ""},
}


def gone(operation, **arguments):
    """What is not there is told by this code, which the provider knows."""
    try:
        getattr(client, operation)(**arguments)
    except ClientError as e:
        assert e.response["Error"]["Code"] == "NotFoundException", e
        return
    raise AssertionError(f"{operation} {arguments} found something")


def flat(name, value, zero):
    """A member as it is kept: nothing is its zero, sets have no order, blocks have all members.
    The sets of CORS know no case."""
    if name in BLOCKS:
        return value and {k: flat(k, value.get(k), z) for k, z in BLOCKS[name].items()}
    if name in BLOCKS["CorsConfiguration"] and isinstance(value, list):
        return sorted(text.lower() for text in value)
    return sorted(value) if isinstance(value, list) else zero if value is None else value


class Resource:
    noun = ""  # of the operations
    id = ""  # the member that identifies one
    parents = ()  # members that tell what it belongs to
    members = {}  # what a configuration may say, with what holds where it says nothing
    computed = ()  # of those, what Amazon may choose then
    always = ()  # what is sent when one is made though it is nothing
    status = None  # what is waited for: a function of the answer, and what it is to give
    arn = None  # the end of the ARN, of what has tags

    def __init__(self, **config):
        self.where = {p: config.pop(p) for p in self.parents}
        tags = config.pop("Tags", {})
        wanted = self.wanted(config)
        sent = {k: self.expand(k, v) for k, v in wanted.items() if v or k in self.always or k in config and k in self.computed}
        answer = self.call("create", **sent, **({"Tags": tags} if tags else {}))
        self.key = {self.id: answer[self.id]}
        self.finish(config, tags)

    def call(self, verb, **arguments):
        return getattr(client, f"{verb}_{self.noun}")(**self.where, **arguments)

    def __getitem__(self, name):
        return self.key[name]

    def wanted(self, config):
        assert config.keys() <= self.members.keys(), config
        return {k: flat(k, config.get(k, zero), zero) for k, zero in self.members.items()}

    def expand(self, name, value):
        """A member as it is sent."""
        if name in BLOCKS and name != "CorsConfiguration":
            return {k: v for k, v in (value or {}).items() if v}
        return value

    def suppressed(self, name, have, want):
        """A difference that is none."""
        return False

    def read(self):
        answer = self.call("get", **self.key)
        return {k: flat(k, answer.get(k), zero) for k, zero in self.members.items()}, answer

    def differences(self, config):
        state, _ = self.read()
        return {k: (state[k], v) for k, v in self.wanted(config).items()
                if state[k] != v and not (k in self.computed and k not in config) and not self.suppressed(k, state[k], v)}

    def finish(self, config, tags):
        """Waits, reads, plans, and imports."""
        state, answer = self.read()
        if self.status:
            of, want = self.status
            assert of(answer) == want, answer  # Nothing here takes its time.
        assert not (found := self.differences(config)), f"{type(self).__name__}: {found}"
        if self.arn:
            assert answer["Tags"] == tags, answer["Tags"]
        imported = object.__new__(type(self))
        imported.where, imported.key = self.where, self.key
        assert imported.read()[0] == state and not answer.get("ApiGatewayManaged")
        self.tags = tags

    def update(self, **config):
        tags = config.pop("Tags", {})
        old, wanted = self.read()[0], self.wanted(config)
        changed = {k: wanted[k] for k in self.differences(config)}
        if changed:
            self.change(old, wanted, changed)
        if tags != self.tags:
            arn = f"arn:aws:apigateway:{REGION}::{self.arn()}"
            if less := sorted(self.tags.keys() - tags.keys()):
                client.untag_resource(ResourceArn=arn, TagKeys=less)
            if more := {k: v for k, v in tags.items() if self.tags.get(k) != v}:
                client.tag_resource(ResourceArn=arn, Tags=more)
        assert changed or tags != self.tags
        self.finish(config, tags)

    def change(self, old, wanted, changed):
        self.call("update", **self.key, **{k: self.expand(k, v) for k, v in changed.items()})

    def destroy(self):
        self.call("delete", **self.key)
        gone(f"get_{self.noun}", **self.where, **self.key)
        gone(f"delete_{self.noun}", **self.where, **self.key)


class Api(Resource):
    noun, id, arn = "api", "ApiId", lambda self: f"/apis/{self['ApiId']}"
    members = {
        "ApiKeySelectionExpression": "$request.header.x-api-key", "CorsConfiguration": None, "Description": "", "DisableExecuteApiEndpoint": False,
        "IpAddressType": "", "Name": "", "ProtocolType": "", "RouteSelectionExpression": "$request.method $request.path", "Version": "",
    }
    computed = ("IpAddressType",)

    def change(self, old, wanted, changed):
        if "CorsConfiguration" in changed and not changed["CorsConfiguration"]:
            client.delete_cors_configuration(**self.key)
            del changed["CorsConfiguration"]
        if changed:
            super().change(old, wanted, changed)

    def document(self, document, **config):
        """body: a document is imported, and what the configuration says put back."""
        client.reimport_api(**self.key, Body=document)
        state, info = self.read()[0], json.loads(document)["info"]
        wanted = self.wanted(config)
        back = {k: state[k] if name in info else wanted[k] for k, name in {"Description": "description", "Name": "title", "Version": "version"}.items()}
        if state["CorsConfiguration"] != wanted["CorsConfiguration"]:
            if wanted["CorsConfiguration"]:
                back["CorsConfiguration"] = wanted["CorsConfiguration"]
            else:
                client.delete_cors_configuration(**self.key)
        client.update_api(**self.key, **back)
        self.finish(config, self.tags)


class Integration(Resource):
    noun, id, parents = "integration", "IntegrationId", ("ApiId",)
    members = {
        "ConnectionId": "", "ConnectionType": "INTERNET", "ContentHandlingStrategy": "", "CredentialsArn": "", "Description": "", "IntegrationMethod": "",
        "IntegrationSubtype": "", "IntegrationType": "", "IntegrationUri": "", "PassthroughBehavior": "WHEN_NO_MATCH", "PayloadFormatVersion": "1.0",
        "RequestParameters": {}, "RequestTemplates": {}, "ResponseParameters": {}, "TemplateSelectionExpression": "", "TimeoutInMillis": 0, "TlsConfig": None,
    }
    computed = ("TimeoutInMillis",)

    def suppressed(self, name, have, want):
        if name == "PassthroughBehavior":  # It is sent for HTTP APIs, too, which have none.
            return have == "" and want == "WHEN_NO_MATCH"
        return name == "IntegrationMethod" and have == "POST" and want == "" and self.read()[0]["IntegrationType"] in ("AWS", "AWS_PROXY")

    def change(self, old, wanted, changed):
        if "RequestParameters" in changed:
            changed["RequestParameters"] = dict.fromkeys(old["RequestParameters"], "") | wanted["RequestParameters"]
        if "ResponseParameters" in changed:
            changed["ResponseParameters"] = wanted["ResponseParameters"] | {
                status: {} for status, mappings in old["ResponseParameters"].items() if wanted["ResponseParameters"].get(status) != mappings}
        changed["IntegrationType"] = wanted["IntegrationType"]
        if wanted["IntegrationSubtype"]:
            changed["IntegrationSubtype"] = wanted["IntegrationSubtype"]
        super().change(old, wanted, changed)


class IntegrationResponse(Resource):
    noun, id, parents = "integration_response", "IntegrationResponseId", ("ApiId", "IntegrationId")
    members = {"ContentHandlingStrategy": "", "IntegrationResponseKey": "", "ResponseTemplates": {}, "TemplateSelectionExpression": ""}


class Route(Resource):
    noun, id, parents = "route", "RouteId", ("ApiId",)
    members = {
        "ApiKeyRequired": False, "AuthorizationScopes": [], "AuthorizationType": "NONE", "AuthorizerId": "", "ModelSelectionExpression": "", "OperationName": "",
        "RequestModels": {}, "RequestParameters": {}, "RouteKey": "", "RouteResponseSelectionExpression": "", "Target": "",
    }
    always = ("ApiKeyRequired", "AuthorizationType")

    def change(self, old, wanted, changed):
        if "RequestParameters" in changed:
            for key, constraints in old["RequestParameters"].items():
                if wanted["RequestParameters"].get(key) != constraints:
                    client.delete_route_request_parameter(**self.where, **self.key, RequestParameterKey=key)
            if not changed["RequestParameters"]:
                del changed["RequestParameters"]
        if changed:
            super().change(old, wanted, changed)


class RouteResponse(Resource):
    noun, id, parents = "route_response", "RouteResponseId", ("ApiId", "RouteId")
    members = {"ModelSelectionExpression": "", "ResponseModels": {}, "RouteResponseKey": ""}


class Authorizer(Resource):
    noun, id, parents = "authorizer", "AuthorizerId", ("ApiId",)
    members = {
        "AuthorizerCredentialsArn": "", "AuthorizerPayloadFormatVersion": "", "AuthorizerResultTtlInSeconds": 0, "AuthorizerType": "", "AuthorizerUri": "",
        "EnableSimpleResponses": False, "IdentitySource": [], "JwtConfiguration": None, "Name": "",
    }
    computed, always = ("AuthorizerResultTtlInSeconds",), ("IdentitySource",)


class Deployment(Resource):
    noun, id, parents = "deployment", "DeploymentId", ("ApiId",)
    members = {"Description": ""}
    status = lambda answer: answer["DeploymentStatus"], "DEPLOYED"


class Stage(Resource):
    noun, id, parents, arn = "stage", "StageName", ("ApiId",), lambda self: f"/apis/{self.where['ApiId']}/stages/{self['StageName']}"
    members = {
        "AccessLogSettings": None, "AutoDeploy": False, "ClientCertificateId": "", "DefaultRouteSettings": None, "DeploymentId": "", "Description": "",
        "RouteSettings": {}, "StageName": "", "StageVariables": {},
    }
    computed, always = ("DeploymentId",), ("AutoDeploy",)

    def wanted(self, config):
        wanted = super().wanted(config)
        wanted["RouteSettings"] = {k: {**ROUTE_SETTINGS, **v} for k, v in wanted["RouteSettings"].items()}
        return wanted

    def read(self):
        state, answer = super().read()
        state["RouteSettings"] = {k: {**ROUTE_SETTINGS, **v} for k, v in state["RouteSettings"].items()}
        return state, answer

    def suppressed(self, name, have, want):
        if name == "DefaultRouteSettings":
            # The level is Amazon's to choose, and a block that is not there asks for nothing.
            return not want or {**have, "LoggingLevel": ""} == {**want, "LoggingLevel": ""} and want["LoggingLevel"] in ("", have["LoggingLevel"])
        return False

    def settings(self, block):
        logs = ("DataTraceEnabled", "LoggingLevel")  # HTTP APIs have none.
        websocket = client.get_api(**self.where)["ProtocolType"] == "WEBSOCKET"
        return {k: v for k, v in block.items() if (k not in logs or websocket) and v != ""}

    def expand(self, name, value):
        if name == "DefaultRouteSettings":
            return self.settings(value)
        if name == "RouteSettings":
            return {k: self.settings(v) for k, v in value.items()}
        return super().expand(name, value)

    def change(self, old, wanted, changed):
        for key, settings in old["RouteSettings"].items():
            if wanted["RouteSettings"].get(key) != settings:
                client.delete_route_settings(**self.where, **self.key, RouteKey=key)
        if "StageVariables" in changed:
            less = old["StageVariables"].keys() - wanted["StageVariables"].keys()
            changed["StageVariables"] = dict.fromkeys(less, "") | {k: v for k, v in wanted["StageVariables"].items() if old["StageVariables"].get(k) != v}
        super().change(old, wanted, changed)


class Model(Resource):
    noun, id, parents = "model", "ModelId", ("ApiId",)
    members = {"ContentType": "", "Description": "", "Name": "", "Schema": ""}

    def suppressed(self, name, have, want):
        return name == "Schema" and json.loads(have) == json.loads(want)


class DomainName(Resource):
    noun, id, arn = "domain_name", "DomainName", lambda self: f"/domainnames/{self['DomainName']}"
    members = {"DomainName": "", "DomainNameConfigurations": [], "MutualTlsAuthentication": None, "RoutingMode": ""}
    computed = ("RoutingMode",)
    status = lambda answer: answer["DomainNameConfigurations"][0]["DomainNameStatus"], "AVAILABLE"
    chosen = ("ApiGatewayDomainName", "HostedZoneId", "IpAddressType", "OwnershipVerificationCertificateArn")

    def wanted(self, config):
        wanted = {**self.members, **config}
        return {**wanted, "MutualTlsAuthentication": flat("MutualTlsAuthentication", wanted["MutualTlsAuthentication"], None)}

    def read(self):
        answer = self.call("get", **self.key)
        known = ("CertificateArn", "EndpointType", "SecurityPolicy", *self.chosen)
        state = {k: flat(k, answer.get(k), zero) for k, zero in self.members.items() if k != "DomainNameConfigurations"}
        state["DomainNameConfigurations"] = [{k: answer["DomainNameConfigurations"][0].get(k, "") for k in known}]
        assert state["DomainNameConfigurations"][0]["ApiGatewayDomainName"] and state["DomainNameConfigurations"][0]["HostedZoneId"], answer
        return state, answer

    def suppressed(self, name, have, want):
        return name == "DomainNameConfigurations" and all(have[0][k] == v for k, v in want[0].items())

    def change(self, old, wanted, changed):
        kept = {k: v for k, v in old["DomainNameConfigurations"][0].items() if k in ("IpAddressType", "OwnershipVerificationCertificateArn") and v}
        sent = {**changed, "DomainNameConfigurations": [kept | wanted["DomainNameConfigurations"][0]]}
        if "MutualTlsAuthentication" in changed:
            have, want = old["MutualTlsAuthentication"] or {}, wanted["MutualTlsAuthentication"]
            sent["MutualTlsAuthentication"] = {k: v for k, v in want.items() if have.get(k, "") != v} if want else {"TruststoreUri": ""}
        client.update_domain_name(**self.key, **sent)


class ApiMapping(Resource):
    noun, id, parents = "api_mapping", "ApiMappingId", ("DomainName",)
    members = {"ApiId": "", "ApiMappingKey": "", "Stage": ""}

    def change(self, old, wanted, changed):
        super().change(old, wanted, {**changed, "ApiId": wanted["ApiId"]})


class RoutingRule(Resource):
    noun, id, parents = "routing_rule", "RoutingRuleId", ("DomainName",)
    members = {"Actions": [], "Conditions": [], "Priority": 0}
    always = ("Conditions",)

    def wanted(self, config):
        return {**self.members, **config}

    def read(self):
        answer = self.call("get", **self.key)
        return {k: answer.get(k, zero) for k, zero in self.members.items()}, answer

    def change(self, old, wanted, changed):
        client.put_routing_rule(**self.where, **self.key, **wanted)


class VpcLink(Resource):
    noun, id, arn = "vpc_link", "VpcLinkId", lambda self: f"/vpclinks/{self['VpcLinkId']}"
    members = {"Name": "", "SecurityGroupIds": [], "SubnetIds": []}
    always = ("SecurityGroupIds", "SubnetIds")
    status = lambda answer: answer["VpcLinkStatus"], "AVAILABLE"

# Prints where botocore finds services: a service, a region, f for FIPS or d for dual stack,
# the endpoint, and the region that is signed for.
import botocore.config
import botocore.session

session = botocore.session.get_session()
session.set_config_variable("sts_regional_endpoints", "regional")
actions = {
    "sqs": ("sqs", "ListQueues"), "sns": ("sns", "ListTopics"), "events": ("events", "ListEventBuses"),
    "kinesis": ("kinesis", "ListStreams"), "dynamodb": ("dynamodb", "ListTables"), "s3": ("s3", "ListBuckets"),
    "states": ("stepfunctions", "ListStateMachines"), "appconfig": ("appconfig", "ListApplications"),
    "lambda": ("lambda", "ListFunctions"), "iam": ("iam", "ListUsers"), "route53": ("route53", "ListHostedZones"),
    "sts": ("sts", "GetCallerIdentity"), "ssm": ("ssm", "DescribeParameters"), "email": ("ses", "ListIdentities"),
    "firehose": ("firehose", "ListDeliveryStreams"), "secretsmanager": ("secretsmanager", "ListSecrets"),
    "logs": ("logs", "DescribeLogGroups"), "monitoring": ("cloudwatch", "ListMetrics"),
    "runtime.sagemaker": ("sagemaker-runtime", "InvokeEndpoint"), "data-ats.iot": ("iot-data", "Publish"),
    "bedrock-runtime": ("bedrock-runtime", "InvokeModel"),
}
variants = [("us-east-1", "-"), ("eu-west-1", "-"), ("us-gov-west-1", "-"), ("cn-north-1", "-"), ("eusc-de-east-1", "-"), ("us-west-2", "f"), ("eu-west-1", "d")]
for prefix, (name, action) in actions.items():
    for region, variant in variants:
        # Where services of all regions are in other partitions is not known here. IoT and
        # Secrets Manager have hosts besides that follow no rule.
        if prefix in ("iam", "route53", "data-ats.iot") and (variant != "-" or region not in ("us-east-1", "eu-west-1")):
            continue
        if prefix == "secretsmanager" and variant == "d":
            continue
        config = botocore.config.Config(use_fips_endpoint=variant == "f", use_dualstack_endpoint=variant == "d", s3={"us_east_1_regional_endpoint": "regional"})
        client = session.create_client(name, region_name=region, aws_access_key_id="a", aws_secret_access_key="b", config=config)
        endpoint = client._ruleset_resolver.construct_endpoint(
            operation_model=client.meta.service_model.operation_model(action), call_args={}, request_context={"client_region": region, "client_config": config, "auth_options": None, "signing": {}})
        schemes = (endpoint.properties or {}).get("authSchemes") or [{}]
        print(prefix, region, variant, endpoint.url, schemes[0].get("signingRegion", region))

# Prints catalog.tsv as the models of botocore say it: the services by the names that
# their hosts begin with.
import botocore.session

session = botocore.session.get_session()
session.set_config_variable("ignore_configured_endpoint_urls", True)
endpoints = session.get_component("data_loader").load_data("endpoints")
aws = next(p for p in endpoints["partitions"] if p["partition"] == "aws")


def protocol(metadata):
    spoken = metadata.get("protocols", [metadata["protocol"]])
    # Those that once spoke it still do; it is what API Gateway sends them.
    if metadata["protocol"] in ("query", "ec2") or "query" in spoken or "awsQueryCompatible" in metadata:
        return "query"
    return "json" if "json" in spoken else "rest"


def worldwide(prefix):
    service = aws["services"].get(prefix, {})
    if service.get("isRegionalized", True) or "partitionEndpoint" not in service:
        return "", ""
    endpoint = service["endpoints"][service["partitionEndpoint"]]
    return endpoint["hostname"], endpoint.get("credentialScope", {}).get("region", "us-east-1")


services = {}
for name in session.get_available_services():
    m = session.get_service_model(name).metadata
    # Several may share a host: the one that is called like it counts, then the one whose
    # actions have names, then the oldest.
    rank = (name != m["endpointPrefix"], protocol(m) == "rest", m["apiVersion"], name)
    known = services.get(m["endpointPrefix"])
    if known is None or rank < known[0]:
        services[m["endpointPrefix"]] = rank, m

for prefix in sorted(services):
    m = services[prefix][1]
    kind = protocol(m)
    host, region = worldwide(prefix)
    print("\t".join([
        prefix,
        m["serviceId"],
        m.get("signingName", prefix),
        kind,
        m["apiVersion"] if kind == "query" else "",
        m["targetPrefix"] if kind == "json" else "",
        m.get("jsonVersion", "1.0") if kind == "json" else "",
        host,
        region,
    ]))

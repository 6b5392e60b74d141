"""Signs requests with botocore, for the tests of package sigv4.

    sign.py make COUNT SEED   prints COUNT signed requests, one JSON object a line
    sign.py send URL          sends requests to a server that verifies them, and
                              prints what came back, one JSON object a line
"""

import base64
import datetime
import json
import random
import sys
from urllib.parse import quote, urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.httpsession
import botocore.session

TEXTS = [
    "a", "B7", "~tilde-._", "two words", "plus+plus", "a=b", "a&b", "per%cent", "/slash/", "ünïcödé",
    "日本語", "\U0001f600", "semi;colon", "quo'te\"", "(paren)*!", "a:b@c", "#hash?", "", "%41", "tab\there", "..", ".",
]
# What may stand in a path or a query without an escape, next to letters and digits.
PATH_SEGMENTS = ["", ".", "..", "~x", "a:b", "a@b", "a=b", "a+b", "a,b", "a;b", "$x", "(y)", "!*'", "%2F", "%2f", "%2e%2e",
                 "%e6%97%a5", "%E6%97%A5", "%20", "%25", "%zz", "...", ".hidden"]
RAW_QUERIES = ["a=1", "b=2&a=1", "a", "a=", "=", "a&a=&a=1", "a=2&a=1&a=10", "a=b=c", "a=%20x", "a=%c3%bc", "a=b+c", "a=%2B",
               "a=/x:y@z?", "A=1&a=2&a-b=3&a.b=4&a_b=5&a~b=6", "a=1&&b=2", "a=%zz", "&", "a=1&", "X-Amz-Date=mine", "a=%41",
               "a-=1&a=2", "x=(1)!*'"]
HOSTS = ["abc123.execute-api.eu-west-1.amazonaws.com", "localhost:8080", "127.0.0.1:9", "api.example.com", "[::1]:8443"]
HEADER_VALUES = ["v", "  around  ", "in   side", "a,b", "a, b", "tab\tbed", 'quo "ted  twice"', "", "x=1; y=2", "ümlaut"]


def random_path(rng):
    segments = []
    for _ in range(rng.randrange(6)):
        segments.append(rng.choice(PATH_SEGMENTS) if rng.random() < 0.4 else quote(rng.choice(TEXTS), safe=""))
    path = "/" + "/".join(segments)
    return rng.choice([path, path, path + "/", ""])


def random_body(rng):
    return rng.choice([None, b"", b"x", b'{"a": 1}', "{\"ü\": \"日本\"}".encode(), rng.randbytes(rng.randrange(1, 5000))])


def random_case(rng, number):
    presigned = rng.random() < 0.3
    host = rng.choice(HOSTS)
    scheme = rng.choice(["http", "https"])
    url = f"{scheme}://{host}{random_path(rng)}"
    params = {}
    kind = rng.randrange(4)
    if kind == 1:
        params = [(rng.choice(TEXTS) or "k", rng.choice(TEXTS)) for _ in range(rng.randrange(1, 8))]
        if presigned:
            params = dict(params)
    elif kind == 2:
        url += "?" + rng.choice([query for query in RAW_QUERIES if not presigned or "X-Amz" not in query])
    elif kind == 3:
        # Any query that a client can encode, duplicates in any order.
        url += "?" + "&".join(quote(rng.choice(TEXTS), safe="") + "=" + quote(rng.choice(TEXTS), safe="") for _ in range(rng.randrange(1, 12)))

    # botocore moves the body of a request that it pre-signs into the query.
    body = None if presigned else random_body(rng)
    request = botocore.awsrequest.AWSRequest(method=rng.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]), url=url, params=params, data=body or b"")
    for name in rng.sample(["X-Tenant", "content-type", "X-Amz-Meta-Thing", "Accept", "x-tag", "Cookie", "User-Agent", "X-Amzn-Trace-Id"], rng.randrange(5)):
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            request.headers[name] = rng.choice(HEADER_VALUES)
    if rng.random() < 0.2 and not presigned:
        request.headers["Date"] = "to be replaced"
    if rng.random() < 0.2:
        request.context["payload_signing_enabled"] = False
    elif rng.random() < 0.2:
        import hashlib
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body or b"").hexdigest()

    number %= 40
    credentials = botocore.credentials.Credentials(f"AKIDEXAMPLE{number}", f"secret/{number}+{'x' * number}",
                                                   rng.choice([None, None, f"token/{number}+=="]))
    service, region = rng.choice(["execute-api", "apigateway"]), rng.choice(["eu-west-1", "us-east-1", "us-gov-west-1"])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=rng.randrange(10**8))
    botocore.auth.get_current_datetime = lambda *args, **kwargs: now
    if presigned:
        expires = rng.choice([1, 60, 3600, 604800])
        botocore.auth.SigV4QueryAuth(credentials, service, region, expires=expires).add_auth(request)
    else:
        expires = None
        botocore.auth.SigV4Auth(credentials, service, region).add_auth(request)

    # What goes over the wire is the prepared URL.
    parts = urlsplit(request.prepare().url)
    return {
        "method": request.method, "host": parts.netloc, "path": parts.path or "/", "query": parts.query,
        "headers": [[name, value] for name, value in request.headers.items()],
        "body": base64.b64encode(body or b"").decode(), "now": now.isoformat(), "service": service, "region": region,
        "accessKey": credentials.access_key, "secret": credentials.secret_key, "token": credentials.token or "",
        "presigned": presigned, "expires": expires or 0,
    }


def make(count, seed):
    rng = random.Random(seed)
    for number in range(count):
        print(json.dumps(random_case(rng, number)))


def send(base):
    """Real requests: through botocore's own HTTP session, and from boto3's clients."""
    credentials = botocore.credentials.Credentials("AKIDSENT", "sent-secret", "sent-token")
    session = botocore.httpsession.URLLib3Session()
    rng = random.Random(1)
    for _ in range(60):
        path = "/api/" + "/".join(quote(rng.choice(TEXTS), safe="") for _ in range(rng.randrange(4)))
        params = [(rng.choice(TEXTS) or "k", rng.choice(TEXTS)) for _ in range(rng.randrange(4))]
        presigned = rng.random() < 0.4
        body = b"" if presigned else rng.choice([b"", b"x", "日本".encode(), rng.randbytes(100_000)])
        method = "POST" if body else rng.choice(["GET", "DELETE"])
        request = botocore.awsrequest.AWSRequest(method=method, url=base + path, params=dict(params) if presigned else params, data=body)
        request.headers["X-Tag"] = "two  spaces"
        signer = botocore.auth.SigV4QueryAuth if presigned else botocore.auth.SigV4Auth
        signer(credentials, "execute-api", "eu-west-1").add_auth(request)
        prepared = request.prepare()
        answer = session.send(prepared)
        print(json.dumps({"what": f"{method} {prepared.url}", "status": answer.status_code, "answer": answer.text}))

    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    def client(service, secret="sent-secret", path=""):
        return boto3.client(service, endpoint_url=base + path, region_name="eu-west-1", aws_access_key_id="AKIDSENT",
                            aws_secret_access_key=secret, aws_session_token="sent-token", config=Config(retries={"max_attempts": 0}))

    def call(what, operation, **arguments):
        try:
            status, text = operation(**arguments)["ResponseMetadata"]["HTTPStatusCode"], ""
        except ClientError as error:
            status, text = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        print(json.dumps({"what": what, "status": status, "answer": text}))

    arn = "arn:aws:apigateway:eu-west-1::/restapis/a1b2c3"
    rest = client("apigateway")
    call("boto3 get_rest_apis", rest.get_rest_apis, limit=7, position="a b/+=")
    call("boto3 create_rest_api", rest.create_rest_api, name="ünïcödé", tags={"a b": "c&d"})
    call("boto3 tag_resource", rest.tag_resource, resourceArn=arn, tags={"k": "v"})
    call("boto3 untag_resource", rest.untag_resource, resourceArn=arn, tagKeys=["b c", "a", "ü"])
    call("boto3 put_rest_api", rest.put_rest_api, restApiId="a1", body=b'{"openapi": "3.0.1"}', mode="merge", parameters={"basepath": "split"})
    call("boto3 get_apis", client("apigatewayv2").get_apis, MaxResults="5")
    connections = client("apigatewaymanagementapi", path="/api/prod")
    call("boto3 post_to_connection", connections.post_to_connection, ConnectionId="L0SM9cOFvHcCIhw=", Data=b"\x00\xff")
    call("wrong secret", client("apigateway", secret="other").get_rest_apis)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), int(sys.argv[3]))
    else:
        send(sys.argv[2])

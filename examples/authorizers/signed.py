"""Calls an API with AWS_IAM authorization, signing with botocore (part of boto3).

    export AWS_ACCESS_KEY_ID=AKIAEXAMPLEREADER001 AWS_SECRET_ACCESS_KEY=reader-example-secret
    python3 examples/authorizers/signed.py GET http://localhost:8080/iam/pets
    python3 examples/authorizers/signed.py POST http://localhost:8080/iam/pets '{"name": "Bello"}'

The access key is found as every AWS client finds it: in the environment, in a profile,
in the metadata of the machine.
"""

import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.session import Session

method, url, *body = sys.argv[1:]
session = Session()
credentials = session.get_credentials() or sys.exit("no access key was found")
request = AWSRequest(method, url, data="".join(body).encode(), headers={"Content-Type": "application/json"} if body else {})
region = session.get_config_variable("region") or "us-east-1"
SigV4Auth(credentials, "execute-api", region).add_auth(request)
response = URLLib3Session().send(request.prepare())
print(response.status_code, response.text.strip())

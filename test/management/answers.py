"""What the scripts here check of answers."""

import operator

from botocore.exceptions import ClientError


def same(got, **want):
    """The members of an answer that are told are as told."""
    for name, value in want.items():
        assert got.get(name) == value, f"{name}: {got.get(name)!r}, want {value!r}"
    return got


def status(answer):
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def refusals(client, tells=operator.eq):
    """A check that the client's operation of a name is refused with an error of this kind,
    whose message is as told or, with operator.contains, has that in it. It gives the answer."""
    def refused(kind, message, operation, **arguments):
        try:
            getattr(client, operation)(**arguments)
        except ClientError as e:
            got = e.response["Error"]
            assert got["Code"] == kind and tells(got["Message"], message), f"{operation}: {got}, want {kind} {message!r}"
            return e.response
        raise AssertionError(f"{operation} {arguments} was not refused")
    return refused

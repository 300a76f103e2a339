"""A bucket gets an object for each seal, in requests signed as AWS says."""

import hashlib
from base64 import b64decode
from datetime import UTC, datetime

import pytest

from audit.chain.sealing import seal_waiting
from audit.forwarding.section import ForwardingSection
from audit.forwarding.signing import Signer
from audit.models import Delivery
from audit.tasks import forward
from audit.tests.chain.trail import sealed, write
from audit.tests.forwarding.receivers import WebReceiver
from restai_site.lib import configuration
from restai_site.lib.errors import Invalid

# Of the examples in AWS's documentation, as is the signature below.
ACCESS = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_a_request_is_signed_as_in_the_example_of_aws():
    given = {
        "date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    signer = Signer(ACCESS, SECRET, "us-east-1")
    url = "https://examplebucket.s3.amazonaws.com/test%24file.text"
    at = datetime(2013, 5, 24, tzinfo=UTC)
    headers = signer.headers("PUT", url, b"Welcome to Amazon S3.", given, at)
    assert headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )
    assert SECRET not in str(headers)
    assert SECRET not in repr(signer)


@pytest.mark.django_db(transaction=True)
def test_each_seal_is_an_object_of_its_own():
    with WebReceiver() as receiver:
        values = {
            "s3_url": f"http://127.0.0.1:{receiver.port}/my-audit/",
            "s3_access_key": ACCESS,
            "s3_secret_key": SECRET,
            "s3_region": "eu-central-1",
        }
        with configuration.overridden(ForwardingSection, **values):
            forward()
            sealed(2)
            write(1)
            seal_waiting()
            assert forward() == 2
            receiver.status = 403
            sealed(1)
            assert forward() == 0
    assert receiver.asked == [
        ("PUT", "/my-audit/seal-000000000001.json"),
        ("PUT", "/my-audit/seal-000000000002.json"),
    ]
    assert [len(body["events"]) for body in receiver.bodies] == [2, 1]
    headers, body = receiver.taken[0]
    headers = {name.lower(): value for name, value in headers.items()}
    at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    url = f"http://127.0.0.1:{receiver.port}/my-audit/seal-000000000001.json"
    given = {name: headers[name] for name in ("content-type", "content-md5")}
    expected = Signer(ACCESS, SECRET, "eu-central-1").headers("PUT", url, body, given, at)
    assert headers["authorization"] == expected["authorization"]
    assert headers["host"] == expected["host"]
    # Without this, AWS refuses it where objects are locked.
    assert b64decode(headers["content-md5"]) == hashlib.md5(body, usedforsecurity=False).digest()
    assert Delivery.objects.get().last_error == "The bucket answered 403."


def test_a_bucket_needs_its_keys():
    values = {name: setting.default for name, setting in ForwardingSection.settings().items()}
    with pytest.raises(Invalid) as refused:
        ForwardingSection.check({**values, "s3_url": "https://s3.example.org/audit"})
    assert set(refused.value.fields) == {"s3_access_key", "s3_secret_key"}

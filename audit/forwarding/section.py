"""Where the sealed trail is sent."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from restai_site.lib import egress
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import Choice, Flag, Number, Secret, Section, Text
from restai_site.lib.errors import Invalid

SECRET_LEAST = 16


def _url(value: str) -> str:
    return egress.check_url(value) if value else value


def _host(value: str) -> str:
    return egress.check_server(value, example="siem.example.org")


class ForwardingSection(Section):
    """Destinations of the trail: each gets every seal, and with it the entries that it holds."""

    slug = "audit-forwarding"
    title = "Audit forwarding"
    lede = (
        "Each seal of the audit trail is sent to these places within seconds: its entries, in the "
        "words of OCSF, and its signature. What was sent away cannot be changed by whoever runs "
        "the database. Sending begins with the newest seal; docs/audit.md has the formats."
    )
    order = 96
    test_label = "Send a test event"
    keys_may_change = False

    entries = Flag(
        default=True,
        label="Send entries",
        explanation="Off: only the signatures of seals, by which a cut end of the trail shows.",
        variable="AUDIT_FORWARD_ENTRIES",
    )
    to_stdout = Flag(
        default=False,
        label="Lines of JSON on the worker's standard output",
        explanation="For collectors that read the logs of containers.",
        variable="AUDIT_FORWARD_STDOUT",
    )
    webhook_url = Text(
        label="Webhook",
        explanation="An address that takes POST requests; an internal one is listed under Network.",
        variable="AUDIT_WEBHOOK_URL",
        check=_url,
    )
    webhook_secret = Secret(
        label="Secret of the webhook",
        explanation=f"Signs each request (HMAC-SHA-256); {SECRET_LEAST} characters at least.",
        variable="AUDIT_WEBHOOK_SECRET",
    )
    syslog_host = Text(
        label="Syslog server",
        explanation="RFC 5424 over a connection; an internal one is listed under Network.",
        variable="AUDIT_SYSLOG_HOST",
        check=_host,
    )
    syslog_port = Number(
        6514,
        least=1,
        most=65_535,
        label="Port of the syslog server",
        explanation="6514 with TLS, often 601 without.",
        variable="AUDIT_SYSLOG_PORT",
    )
    syslog_security = Choice(
        "tls",
        choices=[("tls", "TLS"), ("none", "None: everybody on the way reads it")],
        label="Security of the syslog server",
        explanation="The server's certificate has to be valid for its name.",
        variable="AUDIT_SYSLOG_SECURITY",
    )

    s3_url = Text(
        label="S3-compatible bucket",
        explanation=(
            "The address of the bucket, such as https://s3.eu-central-1.amazonaws.com/my-audit. "
            "Lock its objects there, so that nobody replaces them."
        ),
        variable="AUDIT_BUCKET_URL",
        check=_url,
    )
    s3_region = Text(
        "us-east-1",
        label="Region of the bucket",
        explanation="As its provider calls it.",
        variable="AUDIT_BUCKET_REGION",
    )
    s3_access_key = Text(
        label="Access key of the bucket",
        explanation="One that may put objects, and nothing else.",
        variable="AUDIT_BUCKET_ACCESS_KEY",
    )
    s3_secret_key = Secret(
        label="Secret key of the bucket",
        explanation="Signs each request (AWS Signature Version 4).",
        variable="AUDIT_BUCKET_SECRET_KEY",
    )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Refuse a webhook whose requests nobody could tell from forged ones."""
        secret = values["webhook_secret"]
        if values["webhook_url"] and isinstance(secret, str) and len(secret) < SECRET_LEAST:
            message = f"A webhook needs a secret of {SECRET_LEAST} characters at least."
            raise Invalid(message, fields={"webhook_secret": [message]})
        keys = ("s3_access_key", "s3_secret_key")
        missing = [name for name in keys if isinstance(values[name], str) and not values[name]]
        if values["s3_url"] and missing:
            message = "A bucket needs an access key and a secret key."
            raise Invalid(message, fields={name: [message] for name in missing})

    def test(self, actor: Actor) -> str:
        """Send an event to each destination now. Raises SendFailed in words."""
        from audit.forwarding.destinations import destinations
        from audit.forwarding.events import Batch

        chosen = destinations(self)
        if not chosen:
            raise Invalid("Choose a destination first, and save it.")
        batch = Batch.of_test(actor.email, timezone.now())
        for destination in chosen:
            destination.send(batch)
        return f"Sent to {' and '.join(one.kind for one in chosen)}."

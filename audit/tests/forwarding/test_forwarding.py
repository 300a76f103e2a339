"""The trail is sent to real receivers: all of it, in order, signed, again until it is taken."""

import hashlib
import hmac
import json
import re
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.chain.checkpoints import read
from audit.chain.keys import public_keys
from audit.chain.sealing import seal_waiting
from audit.forwarding import engine
from audit.forwarding.destinations import SendFailed
from audit.forwarding.section import ForwardingSection
from audit.models import DeadLetter, Delivery, Entry, Seal
from audit.tasks import forward, send_again
from audit.tests.chain.trail import sealed, write
from audit.tests.forwarding.receivers import SyslogReceiver, WebReceiver
from restai_site.lib import configuration
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.certificates import Authority
from restai_site.tests.posture import outcome, told
from restai_site.tests.world import SYSTEM, acting

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "a secret of the webhook"
# RFC 5424, section 6.
SYSLOG = re.compile(
    r"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) (\S+) (\S+) (\S+) (\S+) - \ufeff(.+)"
)


@contextmanager
def forwarding(**values):
    with configuration.overridden(ForwardingSection, **values):
        yield


@pytest.fixture
def web():
    """A web server to which the trail is sent, from the next seal on."""
    with WebReceiver() as receiver, forwarding(webhook_url=receiver.url, webhook_secret=SECRET):
        forward()
        yield receiver


@pytest.fixture
def syslog():
    with SyslogReceiver() as receiver:
        values = {"syslog_host": "127.0.0.1", "syslog_port": receiver.port}
        with forwarding(**values, syslog_security="none"):
            forward()
            yield receiver


# --- What is sent ---------------------------------------------------------------------------------


def test_each_seal_is_sent_once_with_its_entries_and_its_signature(web):
    sealed(3, 2)
    assert forward() == 2
    assert forward() == 0
    first, second = web.bodies
    assert [len(body["events"]) for body in (first, second)] == [3, 2]
    assert [body["seal"] for body in (first, second)] == [1, 2]
    ids = [event["metadata"]["sequence"] for body in web.bodies for event in body["events"]]
    assert ids == list(Entry.objects.order_by("pk").values_list("pk", flat=True))
    # What was sent is a checkpoint, as `verify_audit --checkpoint` takes it.
    mark = read(json.dumps(second["checkpoint"]).encode(), public_keys())
    assert (mark.number, mark.hash) == (2, Seal.objects.latest("number").hash)


def test_a_request_is_signed_with_its_time(web):
    sealed(1)
    forward()
    headers, body = web.taken[0]
    at = headers["X-RESTai-Timestamp"]
    assert abs(int(at) - time.time()) < 60
    expected = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-RESTai-Signature"] == f"v1={expected}"


def test_an_event_has_the_names_of_ocsf(web):
    write(1, name="Ærø")
    seal_waiting()
    forward()
    entry, event = Entry.objects.get(), web.bodies[0]["events"][0]
    assert (event["class_uid"], event["activity_id"], event["type_uid"]) == (6003, 3, 600303)
    assert event["time"] == int(entry.created_at.timestamp() * 1000)
    assert event["metadata"]["uid"] == str(entry.uid)
    assert event["api"]["operation"] == "user.update"
    assert (event["status_id"], event["status_code"], event["severity_id"]) == (1, "200", 1)
    assert event["resources"][0]["type"] == "accounts.user"
    assert event["unmapped"]["changes"]["name"] == "Ærø"
    assert (event["unmapped"]["mac"], event["unmapped"]["seal"]) == (entry.mac, 1)


def test_entries_can_be_kept_here_and_signatures_sent_alone(web):
    sealed(3)
    with forwarding(webhook_url=web.url, webhook_secret=SECRET, entries=False):
        forward()
    (body,) = web.bodies
    assert (body["events"], body["checkpoint"]["number"]) == ([], 1)


def test_syslog_gets_messages_of_rfc_5424(syslog):
    write(2, name="line\nbreak")
    seal_waiting()
    assert forward() == 1
    messages = syslog.wait_for(3)
    heads = [SYSLOG.fullmatch(message).groups() for message in messages]
    assert [head[0] for head in heads] == ["110", "110", "110"]
    assert [(head[3], head[5]) for head in heads] == [
        ("restai", "audit"),
        ("restai", "audit"),
        ("restai", "checkpoint"),
    ]
    assert [json.loads(head[6]).get("class_uid") for head in heads] == [6003, 6003, None]
    assert json.loads(heads[2][6])["number"] == 1


def test_what_was_refused_is_a_warning(syslog):
    from django.db import transaction

    from accounts.models import User
    from audit.services import record

    with transaction.atomic():
        record(SYSTEM, "user.update", User, status=403)
    seal_waiting()
    forward()
    head = SYSLOG.fullmatch(syslog.wait_for(2)[0]).groups()
    said = json.loads(head[6])
    assert (head[0], said["status_id"], said["severity_id"]) == ("108", 2, 3)


def test_syslog_over_tls_and_not_to_somebody_else(tmp_path, monkeypatch):
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with SyslogReceiver(authority.context("localhost")) as receiver:
        values = {"syslog_host": "localhost", "syslog_port": receiver.port}
        with forwarding(**values):
            forward()
            sealed(1)
            assert forward() == 1
            receiver.wait_for(2)
    for context in (authority.context("other.example"), stranger.context("localhost")):
        with SyslogReceiver(context) as receiver:
            values = {"syslog_host": "localhost", "syslog_port": receiver.port}
            with forwarding(**values):
                Delivery.objects.all().delete()
                forward()
                sealed(1)
                assert forward() == 0
            assert "SSLCertVerificationError" in Delivery.objects.get().last_error
            assert receiver.messages == []


def test_standard_output_gets_a_line_each(capsys):
    with forwarding(to_stdout=True):
        forward()
        sealed(2)
        assert forward() == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("class_uid") for line in lines] == [6003, 6003, None]
    assert lines[2]["checkpoint"]["number"] == 1


def test_several_destinations_go_at_their_own_pace(web, capsys):
    web.status = 500
    with forwarding(webhook_url=web.url, webhook_secret=SECRET, to_stdout=True):
        forward()
        sealed(1)
        assert forward() == 1
    rows = {row.kind: row for row in Delivery.objects.all()}
    assert (rows["stdout"].delivered_until, rows["webhook"].delivered_until) == (1, 0)


def test_a_new_destination_begins_with_what_comes_next():
    sealed(2)
    with WebReceiver() as receiver:
        with forwarding(webhook_url=receiver.url, webhook_secret=SECRET):
            assert forward() == 0
            sealed(1)
            assert forward() == 1
        assert [body["seal"] for body in receiver.bodies] == [2]


# --- What is not taken ----------------------------------------------------------------------------


def later(**by):
    """Let the time of the next try have come."""
    Delivery.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_what_is_refused_is_sent_again_in_order(web, status):
    web.status = status
    sealed(1, 1)
    assert forward() == 0
    row = Delivery.objects.get()
    assert (row.attempts, row.last_error) == (1, f"The webhook answered {status}.")
    # Not at once.
    assert forward() == 0
    assert Delivery.objects.get().attempts == 1
    web.status = 200
    later()
    assert forward() == 2
    assert [body["seal"] for body in web.bodies] == [1, 2]
    row.refresh_from_db()
    assert (row.attempts, row.last_error, row.delivered_until) == (0, "", 2)


def test_waits_grow_up_to_an_hour(web):
    web.status = 500
    sealed(1)
    waits = []
    for _ in range(engine.ATTEMPTS_MAX - 1):
        later()
        forward()
        row = Delivery.objects.get()
        waits.append(round((row.next_try_at - timezone.now()).total_seconds()))
    assert waits[:4] == pytest.approx([10, 20, 40, 80], abs=2)
    assert waits[-1] == pytest.approx(3600, abs=2)
    assert 6 * 3600 < sum(waits) < 14 * 3600


def test_what_is_never_taken_is_laid_aside_and_the_rest_goes_on(web, world):
    web.status = 500
    seal_waiting()
    later()
    first = Seal.objects.latest("number").number
    for _ in range(engine.ATTEMPTS_MAX):
        later()
        forward()
    letter = DeadLetter.objects.get()
    assert (letter.kind, letter.number) == ("webhook", first)
    assert told(outcome("audit-forwarding"))[0] == "warning"
    web.status = 200
    sealed(1)
    later()
    assert forward() == 1
    assert [body["seal"] for body in web.bodies] == [first + 1]
    # Somebody has it sent again.
    engine.ask_again(letter, actor=acting(world.platform_admin))
    assert Entry.objects.acts().latest("pk").action == "audit.forward_again"
    assert send_again(letter.pk) is True
    assert [body["seal"] for body in web.bodies] == [first + 1, first]
    assert not DeadLetter.objects.exists()
    assert send_again(letter.pk) is False
    assert told(outcome("audit-forwarding"))[0] == "good"


def test_a_dead_letter_that_is_refused_again_stays(web, world):
    sealed(1)
    letter = DeadLetter.objects.create(kind="webhook", number=1, error="Before.")
    web.status = 500
    with pytest.raises(SendFailed):
        send_again(letter.pk)
    letter.refresh_from_db()
    assert letter.error == "The webhook answered 500."
    with forwarding(), pytest.raises(Conflict):
        send_again(letter.pk)
    with pytest.raises(Forbidden):
        engine.ask_again(letter, actor=acting(world.team_admin))


def test_a_receiver_that_is_away_is_no_failure_of_the_task(web):
    with forwarding(webhook_url="http://127.0.0.1:9/audit", webhook_secret=SECRET):
        sealed(1)
        assert forward() == 0
    assert Delivery.objects.get().last_error.startswith("The webhook was not reached")


def test_what_another_process_is_sending_is_not_sent_twice(web):
    sealed(1)
    claimed = engine._claimed("webhook")
    assert claimed is not None
    assert forward() == 0
    assert web.bodies == []


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/audit", "http://127.0.0.1:5432/", "http://10.0.0.1/"]
)
def test_inner_addresses_that_nobody_has_listed_are_not_reached(url):
    with forwarding(webhook_url=url, webhook_secret=SECRET):
        forward()
        sealed(1)
        assert forward() == 0
    assert Delivery.objects.get().attempts == 1


# --- Settings -------------------------------------------------------------------------------------


def test_a_webhook_needs_a_secret():
    values = {name: setting.default for name, setting in ForwardingSection.settings().items()}
    ForwardingSection.check(values)
    with pytest.raises(Invalid):
        ForwardingSection.check({**values, "webhook_url": "https://siem.example.org/"})
    with pytest.raises(Invalid):
        ForwardingSection.check(
            {**values, "webhook_url": "https://siem.example.org/", "webhook_secret": "short"}
        )


def test_they_are_tried_out(web, world):
    section = configuration.current(ForwardingSection)
    assert section.test(acting(world.platform_admin)) == "Sent to webhook."
    assert web.bodies[-1]["checkpoint"] == {"number": 0, "test": True}
    web.status = 500
    with pytest.raises(SendFailed):
        section.test(acting(world.platform_admin))
    with forwarding(), pytest.raises(Invalid):
        configuration.current(ForwardingSection).test(acting(world.platform_admin))


def test_the_secret_is_in_no_answer_error_or_page(web, world, as_user):
    web.status = 500
    sealed(1)
    forward()
    browser = as_user(world.platform_admin)
    for path in (
        "/settings/audit-forwarding",
        "/audit/forwarding",
        "/api/settings/audit-forwarding",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert SECRET not in answer.content.decode()
    assert SECRET not in Delivery.objects.get().last_error


def test_the_page_says_how_it_stands(web, world, as_user):
    browser = as_user(world.platform_admin)
    with forwarding():
        assert "Nothing is sent anywhere" in browser.get("/audit/forwarding").content.decode()
    assert "Well" in browser.get("/audit/forwarding").content.decode()
    web.status = 503
    seal_waiting()
    forward()
    page = browser.get("/audit/forwarding").content.decode()
    assert "The webhook answered 503." in page
    letter = DeadLetter.objects.create(kind="webhook", number=1, error="Refused.")
    assert "Refused." in browser.get("/audit/forwarding").content.decode()
    assert browser.post(f"/audit/forwarding/{letter.pk}/send").status_code == 302
    assert as_user(world.team_admin).get("/audit/forwarding").status_code == 403
    answer = as_user(world.team_admin).post(f"/audit/forwarding/{letter.pk}/send")
    assert answer.status_code == 403


def test_the_list_asks_the_same_however_long(world, as_user, django_assert_max_num_queries):
    browser = as_user(world.platform_admin)
    for count in (1, 30):
        for number in range(count):
            DeadLetter.objects.create(kind=f"place {count}", number=number, error="x")
        with django_assert_max_num_queries(8):
            assert browser.get("/audit/forwarding").status_code == 200


def test_the_clock_sends(settings):
    job = settings.CELERY_BEAT_SCHEDULE["forward-audit-trail"]
    assert (job["task"], job["schedule"]) == ("audit.forward", 10.0)
    assert told(outcome("audit-forwarding"))[0] == "advice"

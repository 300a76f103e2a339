"""Mail goes through a real mail server, encrypted and verified, or is refused in words."""

import logging

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection

from restai_site.lib import mail
from restai_site.lib.configuration import overridden
from restai_site.lib.egress import ConnectFailed
from restai_site.lib.errors import Invalid, MailFailed, Unavailable
from restai_site.lib.mail import MailSection
from restai_site.tests.certificates import Authority
from restai_site.tests.smtp import PASSWORD, USER, MailServer

FROM = "restai@example.org"


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """An authority that this process trusts, and no other."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return made


def by_settings(server, **values):
    """Use the mail server `server` inside."""
    given = {"host": "127.0.0.1", "port": server.port, "security": "none", "from_address": FROM}
    return overridden(MailSection, **given | values)


def send(*messages, **options) -> int:
    connection = get_connection("restai_site.lib.mail.Backend", **options)
    return connection.send_messages(list(messages))


def message(**values) -> EmailMessage:
    given = {"subject": "Grüße", "body": "Hello, Ada.", "to": ["ada@example.org"]}
    return EmailMessage(**given | values)


def refusal(server, error=MailFailed, **values) -> str:
    """Return in which words a mail is refused."""
    with by_settings(server, **values), pytest.raises(error) as refused:
        send(message())
    assert refused.value.message.endswith(".")
    assert "\n" not in refused.value.message
    return refused.value.message


def test_a_mail_arrives_from_the_address_of_the_settings():
    with MailServer() as server, by_settings(server, from_name="Ünser RESTai, Inc."):
        assert send(message(from_email="mallory@evil.example")) == 1
        (received,) = server.mails
    assert (received.sender, received.recipients) == (FROM, ["ada@example.org"])
    assert (received.encrypted, received.user) == (False, "")
    sent = received.message
    assert (sent["From"].addresses[0].display_name, sent["From"].addresses[0].addr_spec) == (
        "Ünser RESTai, Inc.",
        FROM,
    )
    assert (sent["To"], sent["Subject"]) == ("ada@example.org", "Grüße")
    assert sent.get_content() == "Hello, Ada.\r\n"
    assert "mallory" not in received.text


def test_a_header_of_the_message_does_not_change_the_sender():
    with MailServer() as server, by_settings(server):
        send(message(headers={"FROM": "mallory@evil.example", "X-Kept": "1"}))
        (received,) = server.mails
    assert "mallory" not in received.text
    assert "X-Kept: 1" in received.text


def test_starttls_encrypts_before_the_password_and_the_mail(authority):
    tls = authority.context("127.0.0.1")
    sign_in = {"username": USER, "password": PASSWORD}
    with MailServer(tls=tls) as server, by_settings(server, security="starttls", **sign_in):
        assert send(message()) == 1
        (received,) = server.mails
    assert (received.encrypted, received.user) == (True, USER)
    verbs = [command.split(" ")[0].upper() for command in server.commands]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]


def test_tls_encrypts_from_the_first_byte(authority):
    tls = authority.context("localhost")
    with MailServer(tls=tls, implicit=True) as server:
        sign_in = {"username": USER, "password": PASSWORD}
        with by_settings(server, host="localhost", security="tls", **sign_in):
            assert send(message()) == 1
    assert (server.mails[0].encrypted, server.mails[0].user) == (True, USER)


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [("name", "IP address mismatch"), ("time", "expired"), ("authority", "unable to get local")],
)
def test_a_certificate_that_does_not_hold_ends_the_session(
    authority, tmp_path, security, wrong, words
):
    signer = Authority(tmp_path, "mallory") if wrong == "authority" else authority
    host = "smtp.example.org" if wrong == "name" else "127.0.0.1"
    tls = signer.context(host, expired=wrong == "time")
    with MailServer(tls=tls, implicit=security == "tls") as server:
        sentence = refusal(server, security=security, username=USER, password=PASSWORD)
    assert sentence.startswith("The certificate of the mail server is not valid: ")
    assert words in sentence
    assert server.mails == []
    assert not [command for command in server.commands if command.startswith("AUTH")]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("refuse-sender", "refuses the sender's address (550 not from there)"),
        ("refuse-recipient", "refuses the recipient (550 nobody  of that name)"),
        ("refuse-mail", "refuses the mail (554 spam)"),
        ("busy", "no mail server that is ready"),
        ("hang-up", "hung up"),
        ("another-protocol", "no mail server that is ready"),
    ],
)
def test_what_the_server_refuses_is_told_in_words(behaviour, words):
    with MailServer(behaviour=behaviour) as server:
        assert words in refusal(server)
        assert server.mails == []


def test_the_greeting_of_another_service_is_not_repeated():
    with MailServer(behaviour="another-protocol") as server:
        assert "OpenSSH" not in refusal(server)


def test_a_wrong_password_is_told_without_it():
    with MailServer() as server:
        sentence = refusal(server, username=USER, password="wrong-secret")
    assert sentence == "The mail server refuses the user name or the password (535)."


def test_a_server_without_starttls_gets_nothing(authority):
    tls = authority.context("127.0.0.1")
    with MailServer(tls=tls, behaviour="no-starttls") as server:
        sentence = refusal(server, security="starttls", username=USER, password=PASSWORD)
    assert "offers no STARTTLS" in sentence
    assert [command.split(" ")[0].upper() for command in server.commands] == ["EHLO"]


def test_a_server_that_takes_no_user_name_is_told():
    with MailServer(behaviour="no-auth") as server:
        assert "takes no user name" in refusal(server, username=USER, password=PASSWORD)


def test_a_challenge_that_makes_no_sense_is_told():
    with MailServer(behaviour="odd-challenge") as server:
        assert "answers what is no answer" in refusal(server, username=USER, password=PASSWORD)


def test_tls_where_there_is_none_is_told():
    with MailServer() as server:
        assert "does not speak TLS so" in refusal(server, security="tls")


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
def test_a_host_that_is_not_there_is_told(host):
    with MailServer() as server:
        pass
    assert "No connection could be made" in refusal(server, ConnectFailed, host=host)


@pytest.mark.parametrize(
    ("behaviour", "security", "words"),
    [
        ("silent", "none", "took too long"),
        ("silent", "tls", "took too long"),
        ("dribble", "none", "no mail server"),
    ],
)
def test_a_server_that_takes_its_time_is_given_up(monkeypatch, behaviour, security, words):
    monkeypatch.setattr(mail, "STEP_SECONDS", 1)
    monkeypatch.setattr(mail, "SESSION_SECONDS", 2)
    with MailServer(behaviour=behaviour) as server:
        assert words in refusal(server, security=security)


def test_what_was_accepted_is_sent_whatever_the_goodbye():
    with MailServer(behaviour="rude-goodbye") as server, by_settings(server):
        assert send(message()) == 1
        assert len(server.mails) == 1


def test_several_messages_take_one_session():
    with MailServer() as server, by_settings(server):
        rich = EmailMultiAlternatives("Two", "text", to=["b@example.org"], bcc=["c@example.org"])
        rich.attach_alternative("<p>text</p>", "text/html")
        assert send(message(), rich) == 2
    assert server.connections == 1
    assert [mail.recipients for mail in server.mails] == [
        ["ada@example.org"],
        ["b@example.org", "c@example.org"],
    ]
    assert "c@example.org" not in server.mails[1].text


def test_nothing_to_send_opens_no_connection():
    with MailServer() as server, by_settings(server):
        assert send() == 0
    assert server.connections == 0


@pytest.mark.parametrize("missing", ["host", "from_address"])
def test_without_a_server_or_an_address_sending_fails_with_a_sentence(missing):
    with MailServer() as server:
        sentence = refusal(server, Unavailable, **{missing: ""})
    assert sentence == (
        "No mail can be sent: an administrator has to enter a mail server in the settings."
    )
    assert server.connections == 0


def test_a_failure_that_is_to_be_silent_is_logged(caplog):
    caplog.set_level(logging.WARNING)
    with MailServer(behaviour="refuse-mail") as server, by_settings(server):
        assert send(message(), fail_silently=True) == 0
    assert "Mail was not sent." in caplog.text


@pytest.mark.parametrize(
    "values",
    [
        {"subject": "Hello\r\nBcc: mallory@evil.example"},
        {"to": ["ada@example.org\r\nBcc: mallory@evil.example"]},
        {"to": ["ada@example.org>\r\nRCPT TO:<mallory@evil.example"]},
        {"headers": {"X-Name": "a\nBcc: mallory@evil.example"}},
        {"reply_to": ["Ada\n <ada@example.org>"]},
    ],
)
def test_line_ends_begin_no_header_and_no_command(values):
    with MailServer() as server, by_settings(server), pytest.raises(Invalid) as refused:
        send(message(**values))
    assert refused.value.message == (
        "A subject, name or address of the mail holds what it must not."
    )
    assert server.connections == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "smtp example"),
        ("host", "smtp.example.org:25"),
        ("host", "a@b"),
        ("host", "a..b"),
        ("host", "x" * 64 + ".org"),
        ("host", "smtp.exa\r\nmple.org"),
        ("host", "sméll.example"),
        ("port", 0),
        ("port", 65536),
        ("security", "ssl"),
        ("username", "ü"),
        ("password", "ü"),
        ("from_address", "nobody"),
        ("from_address", "a@example.org\nBcc: b@example.org"),
        ("from_address", "a@bücher.example"),
        ("from_name", "Ada\r\nBcc: mallory@evil.example"),
        ("from_name", "x" * 101),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name, value):
    with pytest.raises(Invalid):
        MailSection.setting(name).clean(value)


@pytest.mark.parametrize("host", ["", "mail", "smtp.example.org", "10.0.0.1", "::1", "x_y.local"])
def test_hosts_that_can_be_are_taken(host):
    assert MailSection.setting("host").clean(host) == host

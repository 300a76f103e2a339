"""The connection to the directory is verified, ends in time, and leads nowhere else."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from accounts.ldap.authentication import AWAY, authenticate
from accounts.tests.ldap.impostor import Impostor
from restai_site.lib.configuration import overridden
from restai_site.lib.egress import NetworkSection
from restai_site.lib.errors import Unavailable
from restai_site.tests.certificates import Authority
from restai_site.tests.slapd import USERS, dn_of, password_of
from restai_site.tests.waiting import eventually

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
STEP_SECONDS = 1
SECRET = password_of("ada")
HUNG_UP = "The directory hung up, or took too long: check the port and the security."
NO_TLS = "“localhost” does not speak TLS so at port {port}: choose another security or port."
NO_STARTTLS = "The directory does not begin TLS at this port: choose LDAPS, or another port."


def reason(using, **changes) -> str:
    """Return why the directory cannot be asked, as administrators read it."""
    with using(**{"timeout": STEP_SECONDS} | changes), pytest.raises(Unavailable) as refused:
        authenticate("ada", SECRET)
    assert (refused.value.status, refused.value.code) == (503, "directory_away")
    assert refused.value.message == AWAY
    return refused.value.for_administrators or ""


def relays() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ldap-relay"]


@pytest.fixture(autouse=True)
def _no_relay_stays():
    yield
    eventually(lambda: not relays(), seconds=30)


# --- Certificates ---------------------------------------------------------------------------------
@pytest.fixture(params=["ldaps", "starttls"])
def security(request):
    return request.param


@pytest.fixture
def at(directory, security):
    """Where the directory is asked with this security."""
    port = directory.tls_port if security == "ldaps" else directory.port
    return {"security": security, "port": port}


def test_a_certificate_that_is_trusted_and_of_that_name_is_taken(using, at):
    with using(**at):
        assert authenticate("ada", SECRET).dn == dn_of("ada")


def test_a_certificate_of_another_name_is_refused(using, at):
    words = reason(using, host="127.0.0.1", **at)
    assert words.startswith("The certificate of the directory is not valid: IP address mismatch")


def test_a_certificate_of_an_unknown_authority_is_refused(using, at, tmp_path):
    stranger = Authority(tmp_path, "stranger").file.read_text()
    words = reason(using, ca_certificate=stranger, **at)
    assert words.startswith("The certificate of the directory is not valid: ")


def test_without_certificates_in_the_settings_those_of_the_system_count(using, at):
    words = reason(using, ca_certificate="", **at)
    assert words.startswith("The certificate of the directory is not valid: ")


def test_the_systems_authorities_may_be_the_ones(using, at, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with using(ca_certificate="", **at):
        assert authenticate("ada", SECRET).dn == dn_of("ada")


def test_a_certificate_that_has_expired_is_refused(using, authority):
    with Impostor("silent-tls", authority.context("localhost", expired=True)) as impostor:
        words = reason(using, port=impostor.port)
    assert words == "The certificate of the directory is not valid: certificate has expired."
    assert impostor.received == b""


# --- StartTLS -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("strip", NO_STARTTLS),
        ("odd", NO_STARTTLS),
        ("foreign", NO_STARTTLS),
        ("pretend", HUNG_UP),
        ("ahead", NO_TLS),
        ("silent", HUNG_UP),
    ],
)
def test_whoever_is_on_the_way_and_strips_starttls_gets_nothing(using, authority, behaviour, words):
    with Impostor(behaviour, authority.context("localhost")) as impostor:
        told = reason(using, port=impostor.port, security="starttls")
        assert told == words.format(port=impostor.port)
    assert impostor.connections == 1
    for secret in (b"the word of", b"cn=restai", b"uid=", b"ou=people"):
        assert secret not in impostor.received


def test_tls_where_there_is_none_is_told(using, directory):
    assert reason(using, port=directory.port) == NO_TLS.format(port=directory.port)
    assert reason(using, port=directory.tls_port, security="starttls") == HUNG_UP


# --- Time -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("behaviour", ["silent", "silent-tls", "dribble-tls", "endless-tls"])
def test_a_session_ends_in_time_whatever_the_directory_does(using, authority, behaviour):
    with Impostor(behaviour, authority.context("localhost")) as impostor:
        # Left alone, none of them comes to an end.
        assert reason(using, port=impostor.port) == HUNG_UP
    assert impostor.connections == 1


def test_a_directory_that_is_away_is_told(using):
    assert reason(using, host="127.0.0.1", port=9).startswith("No connection could be made: ")


# --- Nowhere else ---------------------------------------------------------------------------------
def test_an_internal_directory_has_to_be_listed(using, directory):
    with overridden(NetworkSection, identity_hosts=[f"127.0.0.1:{directory.tls_port}"]):
        # Listed is another name of the same place.
        assert reason(using).startswith("No connection could be made: ")


def test_referrals_are_not_followed(using, directory):
    with Impostor("silent") as elsewhere:
        directory.add(
            f"ou=elsewhere,{USERS}",
            objectClass=["referral", "extensibleObject"],
            ou="elsewhere",
            ref=f"ldap://127.0.0.1:{elsewhere.port}/{USERS}",
        )
        with using():
            assert authenticate("ada", SECRET).dn == dn_of("ada")
            assert authenticate("nobody", SECRET) is None
        words = reason(using, user_base_dn=f"ou=elsewhere,{USERS}")
    assert words == "The directory answers: Referral."
    assert elsewhere.connections == 0


def test_files_and_variables_of_libldap_are_not_read(running_directory, tmp_path):
    (tmp_path / ".ldaprc").write_text("SIZELIMIT 7\n")
    show = "import ldap; print(ldap.get_option(ldap.OPT_SIZELIMIT), ldap.get_option(ldap.OPT_URI))"
    uri = "ldap://evil.example:389"
    clean = {name: value for name, value in os.environ.items() if name != "LDAPNOINIT"}
    environment = clean | {"LDAPURI": uri, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    shown = {
        before: subprocess.run(
            [sys.executable, "-c", f"{before}; {show}"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for before in ("import django; django.setup(); import accounts.ldap.connection", "pass")
    }
    ours, theirs = shown.values()
    assert theirs == ["7", uri]
    assert ours[0] == "0"
    assert uri not in ours[1]

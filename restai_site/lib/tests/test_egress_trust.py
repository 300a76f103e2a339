"""Contexts are kept as long as what they believe stays the same, and no longer."""

import os
import ssl

import pytest

from restai_site.lib.egress import tls_context
from restai_site.tests.certificates import Authority


def test_a_context_verifies_certificate_and_name_and_is_made_once():
    context = tls_context("http")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert tls_context("http") is context


def test_each_protocol_has_its_own():
    assert tls_context("smtp") is not tls_context("http")


def test_authorities_of_ones_own_are_believed_instead_of_those_of_the_system(tmp_path):
    pem = Authority(tmp_path).file.read_text()
    context = tls_context("ldap", pem)
    assert len(context.get_ca_certs()) == 1
    assert tls_context("ldap", pem) is context
    assert tls_context("ldap") is not context


def test_a_file_that_was_changed_or_named_is_read_at_once(tmp_path, monkeypatch):
    system = tls_context("http")
    file = Authority(tmp_path).file
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    named = tls_context("http")
    assert named is not system
    assert len(named.get_ca_certs()) == 1
    os.utime(file, ns=(1, 1))
    assert tls_context("http") is not named


def test_a_file_that_is_not_there_leaves_nobody_to_believe(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert tls_context("http").get_ca_certs() == []


@pytest.mark.parametrize("nonsense", ["no certificate", "ä"])
def test_what_is_no_certificate_is_refused(nonsense):
    with pytest.raises((ssl.SSLError, TypeError)):
        tls_context("ldap", nonsense)

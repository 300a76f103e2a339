"""A real directory for the tests in this folder."""

import os

import pytest

from accounts.ldap.section import LdapSection, is_installed
from accounts.models import User
from accounts.tests.ldap.entering import is_in, log_in
from restai_site.lib.configuration import overridden
from restai_site.tests.certificates import Authority


def _missing() -> str:
    if not is_installed():
        return "python-ldap is not installed; scripts/bootstrap says what to type"
    from restai_site.tests.slapd import SLAPD

    return "" if SLAPD else "slapd is not installed; type: sudo apt-get install slapd"


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def running_directory(authority):
    if reason := _missing():
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    from restai_site.tests.slapd import Directory

    with Directory(authority) as directory:
        yield directory


@pytest.fixture
def directory(running_directory):
    """The directory, as it is at the beginning."""
    running_directory.reset()
    return running_directory


@pytest.fixture
def settings_of(directory):
    """Return a function: the settings by which the platform uses the directory, with changes."""
    from restai_site.tests.slapd import GROUPS, HOST, SERVICE_DN, SERVICE_PASSWORD, USERS

    def values(**changes):
        given = {
            "enabled": True,
            "host": HOST,
            "port": directory.tls_port,
            "ca_certificate": directory.authority.file.read_text(),
            "bind_dn": SERVICE_DN,
            "bind_password": SERVICE_PASSWORD,
            "user_base_dn": USERS,
            "group_base_dn": GROUPS,
            "auto_create": True,
            "timeout": 2,
        }
        return given | changes

    return values


@pytest.fixture
def using(settings_of):
    """Return a function: a context in which the platform uses the directory, with changes."""

    def with_changes(**changes):
        return overridden(LdapSection, **settings_of(**changes))

    return with_changes


@pytest.fixture
def ada(client, using):
    """Ada, who has signed in before."""
    with using():
        assert is_in(log_in(client, "ada"))
    client.cookies.clear()
    return User.objects.get()

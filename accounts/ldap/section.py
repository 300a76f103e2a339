"""The settings of the directory."""

import re
import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from restai_site.lib import egress
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import Choice, Flag, LongText, Number, Secret, Section, Text
from restai_site.lib.errors import Invalid

LOGIN = "{login}"
ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# An attribute type and a value at least, so that a slip is found before the directory is asked.
DN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*\s*=[^=].*")
NOT_INSTALLED = (
    "LDAP is not installed on this server: install gcc, libldap-dev, libsasl2-dev and the headers "
    "of Python, and start again with make run."
)


def is_installed() -> bool:
    """Return whether python-ldap could be compiled here."""
    return find_spec("_ldap") is not None and find_spec("django_auth_ldap") is not None


def _host(value: str) -> str:
    return egress.check_server(value, example="ldap.example.org")


def _certificate(value: str) -> str:
    if value:
        try:
            context = egress.tls_context("ldap", value)
        except (ssl.SSLError, TypeError, ValueError):
            context = None
        if context is None or not context.get_ca_certs():
            raise Invalid(
                "Paste certificates in PEM form, from “-----BEGIN CERTIFICATE-----” to "
                "“-----END CERTIFICATE-----”; those of authorities, not of servers."
            )
    return value


def _dn(value: str) -> str:
    if value and not DN.fullmatch(value):
        raise Invalid("Enter a distinguished name such as ou=people,dc=example,dc=org.")
    return value


def _filter(value: str) -> str:
    if value.count("(") != value.count(")") or not (value[:1] == "(" and value[-1:] == ")"):
        raise Invalid("Enter a filter in parentheses, such as (uid={login}).")
    return value


def _user_filter(value: str) -> str:
    if LOGIN not in value:
        raise Invalid("The filter must hold {login}, the place of what people type.")
    return _filter(value)


def _attribute(value: str) -> str:
    if not ATTRIBUTE.fullmatch(value):
        raise Invalid("Enter the name of an attribute, such as mail.")
    return value


class LdapSection(Section):
    """The directory by which people sign in."""

    slug = "ldap"
    keys_may_change = False
    title = "LDAP"
    lede = (
        "People of an LDAP directory or an Active Directory sign in with the password they have "
        "there. The platform never stores it."
    )
    order = 30
    test_label = "Test the directory"

    enabled = Flag(
        default=False,
        label="Sign in by this directory",
        explanation="Local passwords keep working beside it.",
        variable="LDAP_ENABLED",
    )
    host = Text(
        label="Server",
        explanation="Its name, as its certificate has it. An internal one is listed under Network.",
        variable="LDAP_HOST",
        check=_host,
    )
    port = Number(
        636,
        least=1,
        most=65535,
        label="Port",
        explanation="Usually 636 with LDAPS, 389 with StartTLS.",
        variable="LDAP_PORT",
    )
    security = Choice(
        "ldaps",
        choices=[
            ("ldaps", "LDAPS: encrypted from the first byte"),
            ("starttls", "StartTLS: begins openly, then encrypts"),
            ("none", "None: every password travels in clear text. Never use this"),
        ],
        label="Security",
        explanation="The certificate of the server is verified, always. A server that does not "
        "begin TLS is sent nothing.",
        variable="LDAP_SECURITY",
    )
    ca_certificate = LongText(
        label="Certificates of authorities",
        explanation="In PEM form. Given, they alone are trusted; empty, those of this system.",
        variable="LDAP_CA_CERTIFICATE",
        check=_certificate,
    )
    timeout = Number(
        5,
        least=1,
        most=30,
        label="Time for each step, in seconds",
        explanation="A whole sign-in may take three times as long.",
        variable="LDAP_TIMEOUT",
    )
    bind_dn = Text(
        label="Account of the platform",
        explanation="The distinguished name by which people are looked up; it needs to read only.",
        variable="LDAP_BIND_DN",
        check=_dn,
    )
    bind_password = Secret(
        label="Password of that account",
        sent_to=("host", "port", "security", "ca_certificate"),
        variable="LDAP_BIND_PASSWORD",
    )
    user_base_dn = Text(
        label="Where people are",
        explanation="Everybody below it is looked at, for example ou=people,dc=example,dc=org.",
        variable="LDAP_USER_BASE_DN",
        check=_dn,
    )
    user_filter = Text(
        "(|(uid={login})(mail={login}))",
        label="Filter of people",
        explanation="{login} stands for what was typed. Active Directory: "
        "(&(objectCategory=person)(|(sAMAccountName={login})(mail={login}))).",
        variable="LDAP_USER_FILTER",
        check=_user_filter,
    )
    unique_id = Choice(
        "entryUUID",
        choices=[
            ("entryUUID", "entryUUID: OpenLDAP and most others"),
            ("objectGUID", "objectGUID: Active Directory"),
        ],
        label="What never changes in an entry",
        explanation="Accounts are tied to it, not to an e-mail address that could be changed.",
        variable="LDAP_UNIQUE_ID",
    )
    email_attribute = Text(
        "mail", label="Attribute of the e-mail", variable="LDAP_EMAIL_ATTRIBUTE", check=_attribute
    )
    name_attribute = Text(
        "displayName", label="Attribute of the name", variable="LDAP_NAME_ATTRIBUTE",
        check=_attribute,
    )  # fmt: skip
    group_style = Choice(
        "memberof",
        choices=[
            ("memberof", "The entry of a person names them (memberOf)"),
            ("names", "groupOfNames, and groups of Active Directory"),
            ("nested", "The same, with groups within groups"),
            ("unique_names", "groupOfUniqueNames"),
            ("posix", "posixGroup"),
            ("none", "There are none"),
        ],
        label="How groups are kept",
        variable="LDAP_GROUP_STYLE",
    )
    group_base_dn = Text(
        label="Where groups are",
        explanation="For example ou=groups,dc=example,dc=org. Groups elsewhere do not count.",
        variable="LDAP_GROUP_BASE_DN",
        check=_dn,
    )
    group_filter = Text(
        "(objectClass=*)",
        label="Filter of groups",
        explanation="Not used with memberOf.",
        variable="LDAP_GROUP_FILTER",
        check=_filter,
    )
    allowed_group = Text(
        label="Only members of this group",
        explanation="Its distinguished name. Empty: everybody whom the filter finds.",
        variable="LDAP_ALLOWED_GROUP",
        check=_dn,
    )
    auto_create = Flag(
        default=False,
        label="Make an account at the first sign-in",
        explanation="It begins restricted. Otherwise an administrator links accounts beforehand.",
        variable="LDAP_AUTO_CREATE",
    )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Raise Invalid where something is missing, or a password would be sent to nobody."""
        wrong = _missing(values) if values["enabled"] else {}
        if values["bind_dn"] and not values["bind_password"]:
            # A bind with a name and no password succeeds at many servers, as nobody.
            name = cls.bind_password.name
            wrong[name] = "Enter the password of the account."
        if values["bind_password"] and not values["bind_dn"]:
            wrong["bind_dn"] = "Enter the account that the password belongs to."
        if values["group_style"] not in {"none", "memberof"} and not values["group_base_dn"]:
            wrong["group_base_dn"] = "Enter where groups are."
        if values["allowed_group"] and values["group_style"] == "none":
            wrong["group_style"] = "Choose how groups are kept: there is one whose members may in."
        if wrong:
            fields = {name: [words] for name, words in wrong.items()}
            raise Invalid(next(iter(wrong.values())), fields=fields)

    def test(self, actor: Actor) -> str:
        """Sign in as the platform, look for people and groups, and say what was found."""
        if not is_installed():
            raise Invalid(NOT_INSTALLED)
        from accounts.ldap.probe import probe

        return probe(self)


def _missing(values: Mapping[str, Any]) -> dict[str, str]:
    if not is_installed():
        return {"enabled": NOT_INSTALLED}
    words = {"host": "Enter the server.", "user_base_dn": "Enter where people are."}
    return {name: sentence for name, sentence in words.items() if not values[name]}

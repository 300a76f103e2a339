"""A directory on loopback: a real slapd with LDAP, StartTLS and LDAPS.

It tells others than the root at most ENTRIES_MAX entries, and takes no password over a connection
that is not encrypted. The people are in `PEOPLE`; the password of each is `password_of(uid)`.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

from restai_site.tests.certificates import Authority
from restai_site.tests.loopback import loopback_port
from restai_site.tests.waiting import eventually

SLAPD = shutil.which("slapd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
BASE = "dc=example,dc=org"
USERS, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
SERVICE_DN, SERVICE_PASSWORD = f"cn=restai,{BASE}", "the word of the platform"
ROOT_DN, ROOT_PASSWORD = f"cn=root,{BASE}", "the word of the root"
HOST = "localhost"
START_SECONDS = 20
ENTRIES_MAX = 20
PEOPLE = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "alan": "Alan Turing"}
CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload back_monitor
pidfile {folder}/slapd.pid
TLSCACertificateFile {authority}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {certificate}
TLSVerifyClient never
localSSF 256
security simple_bind=128
disallow bind_anon
sizelimit {most}
database mdb
suffix "{base}"
rootdn "{root}"
rootpw "{password}"
directory {folder}/data
overlay memberof
memberof-refint true
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{service}" read by * none
database monitor
access to * by dn.exact="{root}" read by * none
"""


def dn_of(uid: str) -> str:
    return f"uid={uid},{USERS}"


def group_dn(name: str) -> str:
    return f"cn={name},{GROUPS}"


def password_of(uid: str) -> str:
    return f"the word of {uid}"


class Directory:
    """Runs slapd; use as a context manager. `port` speaks LDAP and StartTLS, `tls_port` LDAPS."""

    def __init__(self, authority: Authority) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="restai-slapd-"))
        self.authority = authority
        # Operations that counting operations has cost.
        self._asked = 0
        self.port, self.tls_port = loopback_port(), loopback_port()
        self._socket = f"ldapi://{str(self._folder / 'socket').replace('/', '%2F')}"

    def __enter__(self) -> Self:
        (self._folder / "data").mkdir()
        configuration = self._folder / "slapd.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=self._folder,
                authority=self.authority.file,
                certificate=self.authority.certificate(HOST),
                most=ENTRIES_MAX,
                base=BASE,
                root=ROOT_DN,
                password=ROOT_PASSWORD,
                service=SERVICE_DN,
            )
        )
        # Ubuntu lets the program in its usual place read none of our files.
        program = shutil.copy(SLAPD, self._folder / "slapd")
        listen = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port} {self._socket}"
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [program, "-f", configuration, "-h", listen, "-d", "0"],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(self._is_ready, seconds=START_SECONDS)
            self._fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._log.close()
        shutil.rmtree(self._folder)

    def as_root(self) -> Any:
        """Return a connection that may change everything, over a socket of this machine."""
        import ldap

        connection = ldap.initialize(self._socket)
        connection.simple_bind_s(ROOT_DN, ROOT_PASSWORD)
        return connection

    def add(self, dn: str, **attributes: str | list[str]) -> None:
        from ldap.modlist import addModlist

        values = {
            name: [text.encode() for text in ([given] if isinstance(given, str) else given)]
            for name, given in attributes.items()
        }
        self.as_root().add_s(dn, addModlist(values))

    def add_person(self, uid: str, name: str, **attributes: str | list[str]) -> None:
        given = {
            "objectClass": ["inetOrgPerson"],
            "cn": name,
            "sn": name.rsplit(maxsplit=1)[-1],
            "displayName": name,
            "mail": f"{uid}@example.org",
            "userPassword": password_of(uid),
        }
        self.add(dn_of(uid), **given | attributes)

    def change(self, dn: str, **attributes: str | list[str]) -> None:
        """Replace attributes; an empty list removes one."""
        import ldap

        changes = [
            (
                ldap.MOD_REPLACE,
                name,
                [text.encode() for text in ([given] if isinstance(given, str) else given)] or None,
            )
            for name, given in attributes.items()
        ]
        self.as_root().modify_s(dn, changes)

    def remove(self, dn: str) -> None:
        self.as_root().delete_s(dn)

    def reset(self) -> None:
        """Be as at the beginning."""
        from ldap import SCOPE_SUBTREE
        from ldap.controls.simple import ManageDSAITControl

        root = self.as_root()
        # So that entries that refer elsewhere are entries, too.
        manage = [ManageDSAITControl()]
        found = root.search_ext_s(BASE, SCOPE_SUBTREE, attrlist=["1.1"], serverctrls=manage)
        for dn in sorted((dn for dn, _ in found), key=len, reverse=True):
            root.delete_ext_s(dn, serverctrls=manage)
        self._fill()

    def operations(self) -> int:
        """Return how many operations all others than this have begun: binds, searches, ends."""
        from ldap import SCOPE_BASE

        wanted = ("Bind", "Search", "Unbind")
        connection = self.as_root()
        counts = [
            connection.search_s(
                f"cn={name},cn=Operations,cn=Monitor", SCOPE_BASE, attrlist=["monitorOpInitiated"]
            )[0][1]["monitorOpInitiated"][0]
            for name in wanted
        ]
        connection.unbind_s()
        self._asked += 2 + len(wanted)
        return sum(map(int, counts)) - self._asked

    def _is_ready(self) -> bool:
        from ldap import SERVER_DOWN

        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            self.as_root()
        except SERVER_DOWN:
            return False
        return True

    def _fill(self) -> None:
        self.add(BASE, objectClass=["dcObject", "organization"], o="Example", dc="example")
        role = ["organizationalRole", "simpleSecurityObject"]
        self.add(SERVICE_DN, objectClass=role, cn="restai", userPassword=SERVICE_PASSWORD)
        for dn in (USERS, GROUPS):
            unit = dn.split(",")[0].removeprefix("ou=")
            self.add(dn, objectClass="organizationalUnit", ou=unit)
        for number, (uid, name) in enumerate(PEOPLE.items()):
            self.add_person(
                uid,
                name,
                objectClass=["inetOrgPerson", "posixAccount"],
                uidNumber=str(1000 + number),
                gidNumber="1000",
                homeDirectory=f"/home/{uid}",
            )
        self.add(group_dn("staff"), objectClass="groupOfNames", member=list(map(dn_of, PEOPLE)))
        self.add(group_dn("research"), objectClass="groupOfNames", member=dn_of("ada"))
        self.add(group_dn("unique"), objectClass="groupOfUniqueNames", uniqueMember=dn_of("ada"))
        self.add(group_dn("nested"), objectClass="groupOfNames", member=group_dn("research"))
        self.add(group_dn("posix"), objectClass="posixGroup", gidNumber="2000", memberUid="ada")

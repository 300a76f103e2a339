"""What can be done to API keys, by whom, and what the trail says."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.limits import PROJECTS_MAX
from accounts.models import ApiKey
from accounts.services import create_api_key, rename_api_key, revoke_api_key, rotate_api_key
from audit.models import Entry
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import acting, make_key

HOUR = timedelta(hours=1)


def make(user, **limits):
    return create_api_key(user, name="Report", actor=acting(user), **limits)[0]


def refused(user, field: str, **limits) -> str:
    with pytest.raises(Invalid) as caught:
        make(user, **limits)
    assert list(caught.value.fields) == [field]
    assert not ApiKey.objects.exists()
    return caught.value.message


def opens(api, plaintext: str) -> bool:
    status = api.get("/api/me", HTTP_AUTHORIZATION=f"Bearer {plaintext}").status_code
    assert status in {200, 401}
    return status == 200


def test_a_key_is_kept_with_its_limits_and_the_trail_names_them(world):
    numbers = [world.shared_project.pk, world.project.pk, world.project.pk]
    key = make(world.viewer, scope="read", project_ids=numbers, allowed_networks=["192.0.2.0/24"])
    key.refresh_from_db()
    assert key.scope == "read"
    assert key.project_ids == sorted({world.project.pk, world.shared_project.pk})
    assert (key.team_id, key.allowed_networks) == (None, ["192.0.2.0/24"])
    said = Entry.objects.get(action="api_key.create").changes
    assert said == {
        "name": "Report",
        "scope": "read",
        "project_ids": key.project_ids,
        "allowed_networks": ["192.0.2.0/24"],
    }


def test_a_key_without_limits_has_none(world):
    key = make(world.viewer)
    assert (key.scope, key.project_ids, key.team_id) == ("full", None, None)
    assert key.allowed_networks == []


def test_a_key_is_narrowed_only_to_what_its_owner_sees(world):
    missing = refused(world.viewer, "project_ids", project_ids=[2_000_000_000])
    foreign = [world.project.pk, world.other_project.pk]
    assert refused(world.viewer, "project_ids", project_ids=foreign) == missing
    assert refused(world.member, "project_ids", project_ids=[world.project.pk]) == missing
    missing = refused(world.viewer, "team_id", team_id=2_000_000_000)
    assert refused(world.viewer, "team_id", team_id=world.beta.pk) == missing
    assert make(world.member, project_ids=[world.shared_project.pk]).pk
    assert make(world.member, team_id=world.alpha.pk).pk


def test_no_project_is_not_the_same_as_no_limit(world):
    assert "one project" in refused(world.viewer, "project_ids", project_ids=[])


def test_projects_and_a_team_at_once_and_too_many_projects_are_refused(world):
    both = {"project_ids": [world.project.pk], "team_id": world.alpha.pk}
    assert "not to both" in refused(world.viewer, "project_ids", **both)
    many = range(1, PROJECTS_MAX + 2)
    assert str(PROJECTS_MAX) in refused(world.viewer, "project_ids", project_ids=many)


@pytest.mark.parametrize("scope", ["", "admin", "FULL", "write"])
def test_an_unknown_scope_is_refused(world, scope):
    refused(world.viewer, "scope", scope=scope)


def test_networks_are_checked(world):
    refused(world.viewer, "allowed_networks", allowed_networks=["office"])


# --- Rotation ------------------------------------------------------------------------------------


def test_a_rotated_key_keeps_its_id_and_limits_and_the_old_secret_stops_at_once(world, api):
    limits = {"scope": "read", "project_ids": [world.project.pk]}
    key, old = make_key(world.viewer, **limits)
    _, other = make_key(world.viewer)
    rotated, new = rotate_api_key(key, actor=acting(world.viewer))
    assert (rotated.pk, rotated.scope, rotated.project_ids) == (key.pk, "read", key.project_ids)
    assert rotated.prefix == new[:8]
    assert [opens(api, plaintext) for plaintext in (old, new, other)] == [False, True, True]
    assert Entry.objects.get(action="api_key.rotate").changes == {"overlap_minutes": 0}


def test_with_an_overlap_both_secrets_work_until_it_is_over(world, api):
    key, old = make_key(world.viewer)
    _, new = rotate_api_key(key, overlap=HOUR, actor=acting(world.viewer))
    assert (opens(api, old), opens(api, new)) == (True, True)
    ApiKey.objects.update(previous_until=timezone.now())
    assert (opens(api, old), opens(api, new)) == (False, True)


def test_a_second_rotation_voids_the_oldest_secret_at_once(world, api):
    key, first = make_key(world.viewer)
    _, second = rotate_api_key(key, overlap=HOUR, actor=acting(world.viewer))
    _, third = rotate_api_key(key, overlap=HOUR, actor=acting(world.viewer))
    assert [opens(api, one) for one in (first, second, third)] == [False, True, True]
    _, fourth = rotate_api_key(key, actor=acting(world.viewer))
    assert [opens(api, one) for one in (second, third, fourth)] == [False, False, True]


@pytest.mark.parametrize("overlap", [timedelta(minutes=-1), timedelta(days=7, seconds=1)])
def test_an_overlap_is_seven_days_at_most(world, api, overlap):
    key, old = make_key(world.viewer)
    with pytest.raises(Invalid):
        rotate_api_key(key, overlap=overlap, actor=acting(world.viewer))
    assert opens(api, old)
    rotate_api_key(key, overlap=timedelta(days=7), actor=acting(world.viewer))
    assert opens(api, old)


def test_revoking_a_key_stops_both_of_its_secrets(world, api):
    key, old = make_key(world.viewer)
    _, new = rotate_api_key(key, overlap=HOUR, actor=acting(world.viewer))
    revoke_api_key(key, actor=acting(world.viewer))
    assert (opens(api, old), opens(api, new)) == (False, False)


def test_an_expired_key_is_expired_for_its_old_secret_too(world, api):
    key, old = make_key(world.viewer)
    rotate_api_key(key, overlap=HOUR, actor=acting(world.viewer))
    ApiKey.objects.update(expires_at=timezone.now())
    assert not opens(api, old)


@pytest.mark.parametrize("field", ["revoked_at", "expires_at"])
def test_what_is_over_is_not_rotated(world, field):
    key, _ = make_key(world.viewer)
    ApiKey.objects.update(**{field: timezone.now()})
    before = ApiKey.objects.values().get()
    with pytest.raises(Conflict):
        rotate_api_key(key, actor=acting(world.viewer))
    assert ApiKey.objects.values().get() == before


def test_only_the_owner_signed_in_as_themselves_rotates_and_renames(world):
    key, _ = make_key(world.viewer)
    before = ApiKey.objects.values().get()
    strangers = [
        acting(world.outsider),
        acting(world.platform_admin),
        acting(world.viewer, session_id=None, api_key_id=key.pk),
        acting(world.viewer, session_id=None, credential="basic"),
        acting(world.viewer, impersonator_id=world.platform_admin.pk),
    ]
    entries = Entry.objects.acts().count()
    for actor in strangers:
        with pytest.raises(Forbidden):
            rotate_api_key(key, actor=actor)
        with pytest.raises(Forbidden):
            rename_api_key(key, name="Mine", actor=actor)
        with pytest.raises(Forbidden):
            create_api_key(world.viewer, name="Mine", actor=actor)
    assert ApiKey.objects.values().get() == before
    assert Entry.objects.acts().count() == entries


def test_no_table_holds_a_secret_and_the_trail_holds_no_digest(world):
    key, old = make_key(world.viewer)
    _, new = rotate_api_key(key, overlap=HOUR, actor=acting(world.viewer))
    assert tables_holding(old) == tables_holding(new) == []
    for plaintext in (old, new):
        assert tables_holding(keyed_digest(plaintext)) == ["accounts_apikey"]


def test_a_new_name_changes_nothing_else(world):
    key, _ = make_key(world.viewer, scope="read")
    before = ApiKey.objects.values().get()
    rename_api_key(key, name="Nightly", actor=acting(world.viewer))
    rename_api_key(key, name="Nightly", actor=acting(world.viewer))
    assert ApiKey.objects.values().get() == {**before, "name": "Nightly"}
    [entry] = Entry.objects.filter(action="api_key.update")
    assert entry.changes == {"name": {"before": "test", "after": "Nightly"}}

"""Teams and memberships in Django's admin, by the services."""

import pytest
from django.urls import reverse

from audit.models import Entry
from teams.models import Membership, Team


@pytest.fixture
def admin(world, as_user):
    return as_user(world.platform_admin)


def test_a_team_is_made_with_its_grants(admin, world):
    form = {"name": "Gamma", "llms": [world.llm.pk], "slug": "chosen"}
    assert admin.post("/admin/teams/team/add/", form).status_code == 302
    team = Team.objects.get(name="Gamma")
    assert (team.slug, list(team.llms.all())) == ("gamma", [world.llm])
    actions = Entry.objects.filter(team_id=team.pk).values_list("action", flat=True)
    assert set(actions) == {"team.create", "team.grants"}


def test_changed_grants_are_audited(admin, world):
    path = reverse("admin:teams_team_change", args=[world.alpha.pk])
    form = {"name": "Alpha", "llms": [world.llm.pk, world.other_llm.pk]}
    assert admin.post(path, form).status_code == 302
    assert set(world.alpha.llms.all()) == {world.llm, world.other_llm}
    assert not world.alpha.embedding_models.exists()
    assert set(Entry.objects.acts().latest("id").changes) == {"llms", "embedding_models"}


def test_a_team_with_projects_is_not_deleted(admin, world):
    path = reverse("admin:teams_team_delete", args=[world.alpha.pk])
    answer = admin.post(path, {"post": "yes"}, follow=True)
    assert "still has projects" in answer.content.decode()
    assert Team.objects.filter(pk=world.alpha.pk).exists()


def test_a_membership_is_made_changed_and_ended_by_the_services(admin, world):
    form = {"team": world.alpha.pk, "user": world.outsider.pk, "role": "member"}
    assert admin.post("/admin/teams/membership/add/", form).status_code == 302
    row = Membership.objects.get(team=world.alpha, user=world.outsider)
    path = reverse("admin:teams_membership_change", args=[row.pk])
    moved = {"team": world.beta.pk, "user": world.viewer.pk, "role": "admin"}
    assert admin.post(path, moved).status_code == 302
    row.refresh_from_db()
    assert (row.team, row.user, row.role) == (world.alpha, world.outsider, "admin")
    delete = reverse("admin:teams_membership_delete", args=[row.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 302
    assert not Membership.objects.filter(pk=row.pk).exists()
    last = Entry.objects.acts().order_by("-id").values_list("action", flat=True)[:3]
    assert list(last) == ["team.member_remove", "team.member_role", "team.member_add"]

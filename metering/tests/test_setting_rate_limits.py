"""Who sets how often a project, a key and a user may call, and what is taken as a limit."""

import pytest

from accounts.models import User
from accounts.services import create_api_key, limit_api_key, update_user
from audit.models import Entry
from metering.services import set_project_rate
from projects.models import Project
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.world import SYSTEM, acting, make_key

WRONG = [0, -1, 100_001, 2**63, 1.5, "5", "", True, [], {}, float("nan"), float("inf")]
# Of these a program can send all but what JSON does not know; digits as text are read as a number.
SENDABLE = [0, -1, 100_001, 2**63, 1.5, "", "x", True, [], {}]
JSON = {"content_type": "application/json"}
MANAGERS = ("platform_admin", "team_admin")
OTHERS = ("editor", "viewer")
STRANGERS = ("outsider", "outsider_admin", "member")


def url(project):
    return f"/api/projects/{project.pk}/limits"


def limit_of(project):
    return Project.objects.get(pk=project.pk).requests_per_minute


class TestProject:
    @pytest.mark.parametrize("role", MANAGERS)
    def test_managers_set_and_remove_the_limit(self, world, api_as, role):
        program = api_as(getattr(world, role))
        for value in (1, 100_000, None):
            answer = program.patch(url(world.project), {"requests_per_minute": value})
            assert (answer.status_code, answer.json()) == (200, {"requests_per_minute": value})
            assert limit_of(world.project) == value

    @pytest.mark.parametrize("role", OTHERS)
    def test_who_uses_the_project_reads_the_limit_and_changes_nothing(self, world, api_as, role):
        Project.objects.filter(pk=world.project.pk).update(requests_per_minute=7)
        program = api_as(getattr(world, role))
        assert program.get(url(world.project)).json() == {"requests_per_minute": 7}
        for body in ({"requests_per_minute": 8}, {"requests_per_minute": "x"}, {}):
            assert program.patch(url(world.project), body).status_code == 403
        assert limit_of(world.project) == 7

    @pytest.mark.parametrize("role", STRANGERS)
    def test_to_others_there_is_no_such_project(self, world, api_as, role):
        program = api_as(getattr(world, role))
        assert program.get(url(world.project)).status_code == 404
        body = {"requests_per_minute": 8}
        assert program.patch(url(world.project), body).status_code == 404
        assert limit_of(world.project) is None

    def test_without_a_credential_nothing_is_told(self, world, api):
        assert api.get(url(world.project)).status_code == 401
        assert api.patch(url(world.project), {"requests_per_minute": 8}).status_code == 401

    def test_a_restricted_manager_changes_nothing(self, world, api_as):
        program = api_as(world.team_admin)
        User.objects.filter(pk=world.team_admin.pk).update(is_restricted=True)
        answer = program.patch(url(world.project), {"requests_per_minute": 8})
        assert (answer.status_code, limit_of(world.project)) == (403, None)

    @pytest.mark.parametrize("value", SENDABLE)
    def test_the_api_refuses_what_is_no_limit(self, world, api_as, value):
        answer = api_as(world.team_admin).patch(
            url(world.project), {"requests_per_minute": value}, format="json"
        )
        assert answer.status_code == 400
        assert "requests_per_minute" in answer.json()["errors"]
        assert limit_of(world.project) is None

    @pytest.mark.parametrize("value", WRONG)
    def test_the_service_refuses_what_is_no_limit(self, world, value):
        with pytest.raises(Invalid):
            set_project_rate(world.project, requests_per_minute=value, actor=SYSTEM)
        assert limit_of(world.project) is None

    def test_the_trail_says_who_set_what(self, world, api_as):
        api_as(world.team_admin).patch(url(world.project), {"requests_per_minute": 5})
        entry = Entry.objects.get(action="project.limit")
        assert (entry.actor_id, entry.team_id) == (world.team_admin.pk, world.alpha.pk)
        assert entry.changes == {"requests_per_minute": {"before": None, "after": 5}}

    def test_what_changes_nothing_is_not_in_the_trail(self, world):
        set_project_rate(world.project, requests_per_minute=None, actor=SYSTEM)
        assert not Entry.objects.filter(action="project.limit").exists()

    def test_the_ordinary_way_to_change_a_project_does_not_change_it(self, world, api_as):
        body = {"name": "Renamed", "requests_per_minute": 5}
        api_as(world.team_admin).patch(f"/api/projects/{world.project.pk}", body)
        assert limit_of(world.project) is None

    def test_a_key_narrowed_to_the_project_does_not_lift_its_limit(self, world, api):
        set_project_rate(world.project, requests_per_minute=5, actor=SYSTEM)
        key = make_key(world.editor, project_ids=[world.project.pk])[1]
        answer = api.with_key(key).patch(url(world.project), {"requests_per_minute": None})
        assert (answer.status_code, limit_of(world.project)) == (403, 5)


class TestProjectPage:
    def page(self, project):
        return f"/projects/{project.pk}/limits"

    @pytest.mark.parametrize("role", MANAGERS)
    def test_managers_set_and_remove_the_limit(self, world, as_user, role):
        browser = as_user(getattr(world, role))
        for value, kept in (("12", 12), ("", None)):
            body = {"requests_per_minute": value}
            answer = browser.post(f"{self.page(world.project)}/rate", body, follow=True)
            assert answer.redirect_chain == [(self.page(world.project), 302)]
            assert "The rate limit is saved." in answer.content.decode()
            assert limit_of(world.project) == kept

    def test_editors_read_it_without_a_form(self, world, as_user):
        set_project_rate(world.project, requests_per_minute=5, actor=SYSTEM)
        browser = as_user(world.editor)
        page = browser.get(self.page(world.project)).content.decode()
        assert "5 requests a minute" in page
        assert "requests_per_minute" not in page
        body = {"requests_per_minute": "9"}
        assert browser.post(f"{self.page(world.project)}/rate", body).status_code == 403
        assert limit_of(world.project) == 5

    def test_viewers_and_strangers_have_no_such_page(self, world, as_user):
        for role, status in (("viewer", 403), ("outsider_admin", 404)):
            browser = as_user(getattr(world, role))
            assert browser.get(self.page(world.project)).status_code == status
            body = {"requests_per_minute": "9"}
            answer = browser.post(f"{self.page(world.project)}/rate", body)
            assert (answer.status_code, limit_of(world.project)) == (status, None)

    @pytest.mark.parametrize("value", ["0", "-5", "100001", "x", "1e3", "1.5", "٣٤x", "9" * 400])
    def test_what_is_no_limit_is_refused_in_words(self, world, as_user, value):
        body = {"requests_per_minute": value}
        answer = as_user(world.team_admin).post(
            f"{self.page(world.project)}/rate", body, follow=True
        )
        assert "Nothing was saved" in answer.content.decode()
        assert limit_of(world.project) is None


class TestKey:
    def test_a_key_is_made_with_a_limit(self, world, as_user):
        browser = as_user(world.member)
        body = {"name": "slow", "requests_per_minute": 3}
        answer = browser.post("/api/keys", body, **JSON)
        assert answer.json()["requests_per_minute"] == 3
        assert world.member.api_keys.get(name="slow").requests_per_minute == 3

    def test_the_page_makes_one_too_and_shows_it(self, world, as_user):
        browser = as_user(world.member)
        body = {"name": "slow", "lifetime": "30", "scope": "full", "reach": "everything"}
        browser.post("/profile/keys", body | {"requests_per_minute": "3"})
        assert world.member.api_keys.get(name="slow").requests_per_minute == 3
        assert "3 requests a minute" in browser.get("/profile/keys").content.decode()

    def test_it_can_be_lowered_and_never_raised(self, world, as_user):
        key = make_key(world.member)[0]
        browser = as_user(world.member)

        def change(value):
            body = {"requests_per_minute": value}
            answer = browser.patch(f"/api/keys/{key.pk}", body, **JSON)
            key.refresh_from_db()
            return answer.status_code, key.requests_per_minute

        assert [change(value) for value in (9, 5, 6, None, 5, 1)] == [
            (200, 9), (200, 5), (409, 5), (409, 5), (200, 5), (200, 1),
        ]  # fmt: skip

    def test_what_is_refused_of_a_change_leaves_its_name_too(self, world, as_user):
        key = make_key(world.member, requests_per_minute=5)[0]
        body = {"name": "renamed", "requests_per_minute": 6}
        as_user(world.member).patch(f"/api/keys/{key.pk}", body, **JSON)
        key.refresh_from_db()
        assert (key.name, key.requests_per_minute) == ("test", 5)

    def test_the_page_lowers_it(self, world, as_user):
        key = make_key(world.member)[0]
        browser = as_user(world.member)
        where = f"/profile/keys/{key.pk}/limit"
        for value, kept in (("8", 8), ("9", 8), ("", 8), ("x", 8), ("2", 2)):
            browser.post(where, {"requests_per_minute": value})
            key.refresh_from_db()
            assert key.requests_per_minute == kept

    def test_others_keys_are_out_of_reach(self, world, as_user):
        key = make_key(world.member)[0]
        body = {"requests_per_minute": "2"}
        for role in ("editor", "platform_admin"):
            browser = as_user(getattr(world, role))
            assert browser.post(f"/profile/keys/{key.pk}/limit", body).status_code == 404
        with pytest.raises(Forbidden):
            limit_api_key(key, requests_per_minute=2, actor=acting(world.editor))
        key.refresh_from_db()
        assert key.requests_per_minute is None

    def test_a_key_does_not_change_its_own_limit(self, world, api):
        key, plaintext = make_key(world.member, requests_per_minute=5)
        body = {"requests_per_minute": 1}
        assert api.with_key(plaintext).patch(f"/api/keys/{key.pk}", body).status_code == 403

    @pytest.mark.parametrize("value", WRONG)
    def test_the_services_refuse_what_is_no_limit(self, world, value):
        actor = acting(world.member)
        with pytest.raises(Invalid):
            create_api_key(world.member, name="x", requests_per_minute=value, actor=actor)
        key = make_key(world.member)[0]
        with pytest.raises(Invalid):
            limit_api_key(key, requests_per_minute=value, actor=actor)

    def test_rotation_keeps_it(self, world, as_user):
        key = make_key(world.member, requests_per_minute=5)[0]
        answer = as_user(world.member).post(f"/api/keys/{key.pk}/rotate", {}, **JSON)
        assert answer.json()["requests_per_minute"] == 5

    def test_the_trail_says_so(self, world):
        key = make_key(world.member, requests_per_minute=5)[0]
        limit_api_key(key, requests_per_minute=2, actor=acting(world.member))
        assert Entry.objects.get(action="api_key.limit").changes == {
            "requests_per_minute": {"before": 5, "after": 2}
        }
        assert Entry.objects.get(action="api_key.create").changes["requests_per_minute"] == 5

    def test_a_race_for_a_higher_limit_is_lost(self, world):
        key = make_key(world.member, requests_per_minute=5)[0]
        stale = type(key).objects.get(pk=key.pk)
        limit_api_key(key, requests_per_minute=2, actor=acting(world.member))
        with pytest.raises(Conflict):
            limit_api_key(stale, requests_per_minute=4, actor=acting(world.member))


class TestUser:
    def test_platform_admins_set_it_signed_in(self, world, as_user):
        browser = as_user(world.platform_admin)
        for value in (5, None):
            body = {"requests_per_minute": value}
            where = f"/api/users/{world.member.pk}"
            answer = browser.patch(where, body, **JSON)
            assert answer.json()["requests_per_minute"] == value
            assert User.objects.get(pk=world.member.pk).requests_per_minute == value

    def test_the_page_sets_it(self, world, as_user):
        browser = as_user(world.platform_admin)
        for value, kept in (("5", 5), ("0", 5), ("", None)):
            browser.post(f"/users/{world.member.pk}/rate", {"requests_per_minute": value})
            assert User.objects.get(pk=world.member.pk).requests_per_minute == kept

    @pytest.mark.parametrize("role", ["team_admin", "member"])
    def test_nobody_else_does(self, world, as_user, role):
        browser, where = as_user(getattr(world, role)), f"/users/{world.member.pk}/rate"
        assert browser.post(where, {"requests_per_minute": "5"}).status_code == 403
        body = {"requests_per_minute": 5}
        for where in (f"/api/users/{world.member.pk}", "/api/me"):
            browser.patch(where, body, **JSON)
        with pytest.raises(Forbidden):
            update_user(world.member, body, actor=acting(getattr(world, role)))
        assert User.objects.get(pk=world.member.pk).requests_per_minute is None

    @pytest.mark.parametrize("value", WRONG)
    def test_the_service_refuses_what_is_no_limit(self, world, value):
        with pytest.raises(Invalid):
            update_user(world.member, {"requests_per_minute": value}, actor=SYSTEM)

    def test_it_does_not_end_sessions(self, world, as_user):
        browser = as_user(world.member)
        update_user(world.member, {"requests_per_minute": 5}, actor=SYSTEM)
        assert browser.get("/profile").status_code == 200

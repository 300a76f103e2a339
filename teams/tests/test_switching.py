"""The choice of a team: remembered by the session, and never more than a choice."""

import pytest
from django.test import RequestFactory

from accounts.models import Session
from accounts.sessions import lifecycle
from accounts.sessions.store import SessionStore
from restai_site.frame import TEAMS_IN_MENU
from restai_site.tests.clients import AuditedClient
from restai_site.tests.world import SYSTEM, make_user
from teams.branding import save_branding
from teams.models import Membership
from teams.services import add_member, create_team


@pytest.fixture
def both(world):
    """The team admin of alpha, who runs beta too."""
    add_member(world.beta, world.team_admin, role="admin", actor=SYSTEM)
    save_branding(world.alpha, {"app_name": "Harbour"}, actor=SYSTEM)
    save_branding(world.beta, {"app_name": "Beta desk"}, actor=SYSTEM)
    return world.team_admin


def choose(browser, team, **more):
    return browser.post("/teams/switch", {"team": team.pk if team else "", **more})


def name_on(browser, path="/profile"):
    return browser.get(path).context["frame"].app_name


def projects_on(browser, path="/projects"):
    return {row.name for row in browser.get(path).context["table"].rows}


def test_the_choice_survives_navigation_and_ends_with_all_teams(as_user, world, both):
    browser = as_user(both)
    assert name_on(browser) == "RESTai"
    assert choose(browser, world.beta).url == f"/projects?team={world.beta.pk}"
    for path in ("/", "/profile", "/teams", f"/teams/{world.alpha.pk}", "/profile/keys"):
        assert name_on(browser, path) == "Beta desk"
    choose(browser, world.alpha)
    assert name_on(browser) == "Harbour"
    assert choose(browser, None).url == "/projects"
    assert name_on(browser) == "RESTai"


def test_lists_and_links_and_a_new_project_follow_the_choice(as_user, world, both):
    browser = as_user(both)
    assert projects_on(browser) == {"Private", "Shared", "Other"}
    choose(browser, world.beta)
    assert projects_on(browser) == {"Other"}
    groups = browser.get("/").context["frame"].navigation
    links = [link.url for group in groups for link in group.items]
    assert f"/projects?team={world.beta.pk}" in links
    assert f"/?team={world.beta.pk}" in links
    assert browser.get("/projects/new").context["team"] == world.beta
    choose(browser, world.alpha)
    assert browser.get("/projects/new").context["team"] == world.alpha


def test_the_address_goes_before_the_choice(as_user, world, both):
    browser = as_user(both)
    choose(browser, world.beta)
    assert projects_on(browser, f"/projects?team={world.alpha.pk}") == {"Private", "Shared"}
    assert projects_on(browser, "/projects?team=") == {"Private", "Shared", "Other"}
    assert browser.get(f"/projects/new?team={world.alpha.pk}").context["team"] == world.alpha
    assert name_on(browser, f"/projects?team={world.alpha.pk}") == "Beta desk"


def test_a_list_is_left_where_it_was_and_narrowed(as_user, world, both):
    browser = as_user(both)
    here = "/projects?q=o&page=3&team=7"
    assert choose(browser, world.beta, next=here).url == f"/projects?q=o&team={world.beta.pk}"
    frame = browser.get("/?period=7d").context["frame"]
    assert frame.switch_next == "/?period=7d"
    assert browser.get("/profile").context["frame"].switch_next == "/projects"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "x"],
)
def test_the_switcher_leads_nowhere_else(as_user, world, both, target):
    answer = choose(as_user(both), world.beta, next=target)
    assert answer.url == f"/projects?team={world.beta.pk}"


@pytest.mark.parametrize("given", ["2000000000", "x", "-1", "1e3", "9" * 400, "\x00"])
def test_what_is_no_team_is_not_there(as_user, world, both, given):
    browser = as_user(both)
    choose(browser, world.alpha)
    assert browser.post("/teams/switch", {"team": given}).status_code == 404
    assert name_on(browser) == "Harbour"


def test_anothers_team_is_not_there_either(as_user, world):
    browser = as_user(world.member)
    save_branding(world.beta, {"app_name": "Beta desk"}, actor=SYSTEM)
    assert choose(browser, world.beta).status_code == 404
    assert name_on(browser) == "RESTai"


def test_a_choice_ends_with_the_membership(as_user, world, both):
    other = create_team(name="Third", actor=SYSTEM)
    add_member(other, both, actor=SYSTEM)
    browser = as_user(both)
    choose(browser, world.beta)
    Membership.objects.get(team=world.beta, user=both).delete()
    assert name_on(browser) == "RESTai"
    assert "Beta" not in browser.get("/").content.decode()
    assert projects_on(browser) == {"Private", "Shared"}


def test_the_choice_is_the_sessions_own(as_user, world, both):
    one, other = as_user(both), as_user(both)
    choose(one, world.beta)
    assert name_on(other) == "RESTai"


def test_the_choice_stays_when_the_session_is_renewed(as_user, world, both):
    browser = as_user(both)
    choose(browser, world.beta)
    session = Session.objects.get(user=both)
    request = RequestFactory().get("/")
    request.session = SessionStore.opened(session)
    request.META["CSRF_COOKIE"] = ""
    lifecycle.renew(request)
    assert Session.objects.exclude(pk=session.pk).get(user=both).chosen_team_id == world.beta.pk


def test_an_impersonation_has_a_choice_of_its_own(as_user, world, both):
    browser = as_user(world.platform_admin)
    choose(browser, world.alpha)
    path = f"/users/{both.pk}/impersonate"
    assert browser.post(path, {"reason": "A request for help"}).status_code == 302
    assert name_on(browser) == "RESTai"
    choose(browser, world.beta)
    assert name_on(browser) == "Beta desk"
    browser.post("/impersonation/end")
    assert name_on(browser) == "Harbour"


def test_restricted_people_switch_too(as_user, world):
    person = make_user("restricted", is_restricted=True)
    for team in (world.alpha, world.beta):
        add_member(team, person, actor=SYSTEM)
    assert choose(as_user(person), world.beta).status_code == 302


def test_who_is_not_signed_in_and_keys_do_not_switch(client, api_as, world, both):
    assert choose(client, world.alpha).url.startswith("/login")
    assert api_as(both).post("/teams/switch", {"team": world.alpha.pk}).status_code == 403


def test_a_switch_needs_the_token_of_a_page(world, both):
    browser = AuditedClient(enforce_csrf_checks=True)
    browser.force_login(both)
    assert choose(browser, world.beta).status_code == 403
    assert name_on(browser) == "RESTai"


def test_members_of_one_team_have_no_switcher(as_user, world, both):
    assert b"team-menu" not in as_user(world.member).get("/").content
    assert b"team-menu" in as_user(both).get("/").content
    assert b"team-menu" in as_user(world.platform_admin).get("/").content


def test_a_team_beyond_those_in_the_menu_can_be_worked_in(as_user, world):
    for number in range(TEAMS_IN_MENU + 5):
        create_team(name=f"A {number:03}", actor=SYSTEM)
    late = create_team(name="Zebra", actor=SYSTEM)
    save_branding(late, {"app_name": "Stripes"}, actor=SYSTEM)
    browser = as_user(world.platform_admin)
    choose(browser, late)
    frame = browser.get("/").context["frame"]
    assert frame.app_name == "Stripes"
    assert frame.switcher_rows[0]["is_current"]
    assert len(frame.switcher_rows) == TEAMS_IN_MENU + 1


def test_the_number_of_teams_costs_no_further_question(
    as_user, world, both, django_assert_num_queries
):
    browser = as_user(both)
    choose(browser, world.alpha)

    def asked():
        with django_assert_num_queries(5):
            browser.get("/profile")

    asked()
    for number in range(10):
        team = create_team(name=f"Team {number}", actor=SYSTEM)
        add_member(team, both, actor=SYSTEM)
        save_branding(team, {"app_name": "x", "primary": "#123456"}, actor=SYSTEM)
    asked()

"""Groups of directories and providers: the memberships that follow them, and who maps them."""

from uuid import uuid4

import pytest
from django.db import transaction

from accounts.directory import groups_read, team_choices
from accounts.ldap.services import unlink
from accounts.models import IdentityProvider, LdapAccount, LinkedAccount
from accounts.services.linked_accounts import unlink_account
from accounts.services.providers import delete_provider, update_provider
from audit.models import Entry
from projects.models import ProjectMember
from projects.services import add_project_member
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from restai_site.tests.world import SYSTEM, acting, make_user
from teams.groups import create_mapping, delete_mapping, update_mapping
from teams.models import GroupMapping, Membership
from teams.services import add_member, delete_team

API = "/api/auth/group-mappings"
PAGE = "/settings/sign-in-providers/groups"


@pytest.fixture
def person(world):
    return make_user("person")


@pytest.fixture
def company(db) -> IdentityProvider:
    return IdentityProvider.objects.create(slug="company", kind="google", name="Company")


def maps(group, team, role="member", source="ldap") -> GroupMapping:
    values = {"source": source, "group": group, "team": team, "role": role}
    return create_mapping(values, actor=SYSTEM)


def signs_in(user, *groups, source="ldap", created=False, **more) -> None:
    """Send what a sign-in sends."""
    with transaction.atomic():
        groups_read.send(
            None,
            user=user,
            source=source,
            groups=frozenset(groups),
            created=created,
            actor=acting(user),
            **more,
        )


def held(user) -> set[tuple[str, str, str]]:
    rows = Membership.objects.filter(user=user)
    return set(rows.values_list("team__name", "role", "source"))


# --- Following -----------------------------------------------------------------------------------


def linked(user, company):
    return LinkedAccount.objects.create(provider=company, user=user, subject="s", email=user.email)


def test_whoever_unlinks_an_account_keeps_nothing_that_its_groups_gave(world, company, person):
    """Nobody keeps a team by untying the account before the group is taken from them."""
    maps("engineers", world.alpha, source="provider:company")
    signs_in(person, "engineers", source="provider:company")
    add_member(world.beta, person, actor=SYSTEM)
    person.set_password("unusual staple of horses")
    person.save(update_fields=["password"])
    unlink_account(linked(person, company), actor=acting(person))
    assert held(person) == {("Beta", "member", "")}
    entry = Entry.objects.filter(action="team.member_remove").latest("id")
    assert entry.changes["source"] == "provider:company"


@pytest.mark.parametrize("change", ["delete", "move"])
def test_a_provider_that_goes_or_moves_takes_along_what_its_groups_gave(
    world, company, person, change
):
    maps("engineers", world.alpha, source="provider:company")
    signs_in(person, "engineers", source="provider:company")
    linked(person, company)
    admin = acting(world.platform_admin)
    if change == "delete":
        delete_provider(company, actor=admin)
    else:
        values = {"server_url": "https://id.example.org", "client_secret": "new"}
        update_provider(company, values, actor=admin)
    assert held(person) == set()
    assert not LinkedAccount.objects.exists()


def test_whoever_is_untied_from_the_directory_keeps_nothing_that_its_groups_gave(world, person):
    maps("engineers", world.alpha)
    signs_in(person, "engineers")
    LdapAccount.objects.create(user=person, unique_id=uuid4(), dn="uid=person")
    unlink(person, actor=acting(world.platform_admin))
    assert held(person) == set()


def test_a_group_puts_into_its_team_and_takes_out_when_it_is_gone(world, person):
    maps("engineers", world.alpha)
    signs_in(person, "engineers", "others")
    assert held(person) == {("Alpha", "member", "ldap")}
    signs_in(person, "others")
    assert held(person) == set()
    actions = Entry.objects.filter(action__startswith="team.member").order_by("id")
    last = list(actions.values_list("action", "team_id", "actor_email"))[-2:]
    assert last == [
        ("team.member_add", world.alpha.pk, person.email),
        ("team.member_remove", world.alpha.pk, person.email),
    ]
    assert actions.last().changes["source"] == "ldap"


def test_no_groups_at_all_takes_out_of_all_teams_of_the_source(world, person):
    for team in (world.alpha, world.beta):
        maps("engineers", team)
    signs_in(person, "engineers")
    assert len(held(person)) == 2
    signs_in(person)
    assert held(person) == set()


def test_assignments_to_projects_end_with_the_membership(world, person):
    maps("engineers", world.alpha)
    signs_in(person, "engineers")
    add_project_member(world.project, person, role="editor", actor=SYSTEM)
    signs_in(person)
    assert not ProjectMember.objects.filter(user=person).exists()


def test_a_membership_made_by_hand_is_never_touched(world, person):
    add_member(world.alpha, person, role="admin", actor=SYSTEM)
    maps("engineers", world.alpha, role="member")
    for groups in (["engineers"], [], ["engineers"]):
        signs_in(person, *groups)
        assert held(person) == {("Alpha", "admin", "")}


def test_sources_do_not_touch_what_follows_another(world, person, company):
    maps("engineers", world.alpha)
    maps("engineers", world.beta, source=company.source)
    signs_in(person, "engineers")
    signs_in(person, "engineers", source=company.source)
    both = {("Alpha", "member", "ldap"), ("Beta", "member", company.source)}
    assert held(person) == both
    signs_in(person, source=company.source)
    assert held(person) == {("Alpha", "member", "ldap")}


def test_the_role_follows_too_and_the_stronger_of_two_counts(world, person):
    maps("engineers", world.alpha, role="member")
    maps("leads", world.alpha, role="admin")
    signs_in(person, "engineers", "leads")
    assert held(person) == {("Alpha", "admin", "ldap")}
    signs_in(person, "engineers")
    assert held(person) == {("Alpha", "member", "ldap")}
    entry = Entry.objects.acts().latest("id")
    assert entry.action == "team.member_role"
    assert entry.changes["role"] == {"before": "admin", "after": "member"}


def test_groups_are_compared_exactly(world, person, company):
    maps("Engineers", world.alpha, source=company.source)
    signs_in(person, "engineers", "Engineers ", "Engineer", source=company.source)
    assert held(person) == set()


def test_a_distinguished_name_is_kept_as_directories_compare_it(world, person):
    mapping = maps("CN=Engineers, OU=Groups,  DC=Example", world.alpha)
    assert mapping.group == "cn=engineers,ou=groups,dc=example"
    signs_in(person, "cn=engineers,ou=groups,dc=example")
    assert held(person) == {("Alpha", "member", "ldap")}


def test_a_mapping_that_is_deleted_ends_at_the_next_sign_in(world, person):
    mapping = maps("engineers", world.alpha)
    signs_in(person, "engineers")
    delete_mapping(mapping, actor=SYSTEM)
    assert len(held(person)) == 1
    signs_in(person, "engineers")
    assert held(person) == set()


def test_others_are_not_touched(world, person):
    maps("engineers", world.alpha)
    before = held(world.member)
    signs_in(person, "engineers")
    signs_in(person)
    assert held(world.member) == before


# --- The default team ----------------------------------------------------------------------------


def test_a_new_user_comes_into_the_default_team_and_stays(world, person):
    signs_in(person, created=True, default_team_id=world.beta.pk)
    assert held(person) == {("Beta", "member", "")}
    signs_in(person, default_team_id=world.alpha.pk)
    assert held(person) == {("Beta", "member", "")}


def test_a_group_goes_before_the_default_team(world, person):
    maps("engineers", world.beta, role="admin")
    signs_in(person, "engineers", created=True, default_team_id=world.beta.pk)
    assert held(person) == {("Beta", "admin", "ldap")}


def test_a_default_team_that_is_gone_is_as_good_as_none(world, person):
    signs_in(person, created=True, default_team_id=2_000_000_000)
    assert held(person) == set()


def test_the_layer_below_knows_which_teams_there_are(world):
    assert team_choices() == [(world.alpha.pk, "Alpha"), (world.beta.pk, "Beta")]


# --- Mappings ------------------------------------------------------------------------------------


def test_only_platform_administrators_map_groups(world):
    mapping = maps("engineers", world.alpha)
    for user in (world.team_admin, world.member, world.outsider):
        actor = acting(user)
        with pytest.raises(Forbidden):
            create_mapping({"source": "ldap", "group": "a", "team": world.alpha}, actor=actor)
        with pytest.raises(Forbidden):
            update_mapping(mapping, {"role": "admin"}, actor=actor)
        with pytest.raises(Forbidden):
            delete_mapping(mapping, actor=actor)
    assert list(GroupMapping.objects.values_list("group", "role")) == [("engineers", "member")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": "provider:unknown"}, "source"),
        ({"source": ""}, "source"),
        ({"group": "  "}, "group"),
        ({"group": "a\x00b"}, "group"),
        ({"role": "owner"}, "role"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(world, change, field):
    values = {"source": "ldap", "group": "a", "team": world.alpha, "role": "member", **change}
    with pytest.raises(Invalid) as caught:
        create_mapping(values, actor=SYSTEM)
    assert list(caught.value.fields) == [field]
    assert not GroupMapping.objects.exists()


def test_a_group_is_mapped_to_a_team_once(world):
    maps("engineers", world.alpha)
    maps("engineers", world.beta)
    with pytest.raises(Conflict):
        maps("engineers", world.alpha, role="admin")


def test_a_team_takes_its_mappings_along(world):
    from teams.services import create_team

    team = create_team(name="Gamma", actor=SYSTEM)
    maps("engineers", team)
    delete_team(team, actor=SYSTEM)
    assert not GroupMapping.objects.exists()


def test_the_four_doors_of_the_api(world, api, api_as):
    mapping = maps("engineers", world.alpha)
    body = {"source": "ldap", "group": "leads", "team": world.alpha.pk, "role": "admin"}
    assert api.get(API).status_code == 401
    for user in (world.outsider, world.member, world.team_admin):
        assert api_as(user).get(API).status_code == 403
        assert api_as(user).post(API, body).status_code == 403
        assert api_as(user).delete(f"{API}/{mapping.pk}").status_code == 403
    assert GroupMapping.objects.count() == 1
    admin = api_as(world.platform_admin)
    made = admin.post(API, body)
    assert (made.status_code, made.json()["group"]) == (201, "leads")
    assert admin.post(API, body).status_code == 409
    path = f"{API}/{made.json()['id']}"
    assert admin.patch(path, {"role": "member"}).json()["role"] == "member"
    assert [one["group"] for one in admin.get(f"{API}?group=lea").json()["results"]] == ["leads"]
    assert admin.delete(path).status_code == 204
    assert list(GroupMapping.objects.all()) == [mapping]


@pytest.mark.parametrize("count", [1, 10])
def test_the_list_takes_the_same_queries_however_long(
    world, api_as, as_user, django_assert_num_queries, count
):
    for number in range(count):
        maps(f"group-{number}", world.alpha)
    admin, browser = api_as(world.platform_admin), as_user(world.platform_admin)
    admin.get(API)
    browser.get(PAGE)
    with django_assert_num_queries(3):
        admin.get(API)
    with django_assert_num_queries(9):
        browser.get(PAGE)


def test_the_four_doors_of_the_page(world, client, as_user, company):
    body = {"source": company.source, "group": "leads", "team": world.alpha.pk, "role": "admin"}
    assert client.get(PAGE).status_code == 302
    for user in (world.outsider, world.team_admin):
        assert as_user(user).get(PAGE).status_code == 403
        assert as_user(user).post(PAGE, body).status_code == 403
    assert not GroupMapping.objects.exists()
    browser = as_user(world.platform_admin)
    assert "No groups are mapped yet" in browser.get(PAGE).content.decode()
    page = browser.post(PAGE, body, follow=True).content.decode()
    assert "“leads” leads to “Alpha”." in page
    assert "Company" in page
    assert browser.post(PAGE, body).status_code == 400
    mapping = GroupMapping.objects.get()
    assert as_user(world.team_admin).post(f"{PAGE}/{mapping.pk}/delete").status_code == 403
    browser.post(f"{PAGE}/{mapping.pk}/delete")
    assert not GroupMapping.objects.exists()


def test_a_membership_says_in_the_api_whose_groups_it_follows(world, api_as, person):
    maps("engineers", world.alpha)
    signs_in(person, "engineers")
    shown = api_as(world.team_admin).get(f"/api/teams/{world.alpha.pk}/members/{person.pk}").json()
    assert shown["source"] == "ldap"

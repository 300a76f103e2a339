"""Effective access is what the gates say, for every user, project and key of many worlds."""

from itertools import product
from random import Random

import pytest
from django.test import RequestFactory

from accounts.actors import of_user
from accounts.models import User
from accounts.route_rules import ANSWERS, RESTRICTED_WRITES
from projects.models import Project, ProjectMember
from projects.permissions.effective import (
    LEVELS,
    Area,
    Level,
    Reason,
    counts,
    pairs,
    reach_of_keys,
    through_key,
    users_in,
)
from projects.tests.permissions.worlds import (
    FLAGS,
    person,
    project_in,
    random_keys,
    random_world,
    team_of,
)
from restai_site.lib.actor import CHAT, READ, Actor
from teams.models import Membership

pytestmark = pytest.mark.django_db
ROLES = (None, "member", "admin")
ASSIGNED = (None, "viewer", "editor")


def actor_of(user):
    return of_user(user, RequestFactory().get("/"), credential="session")


def actor_of_key(key):
    """As `accounts.credentials` makes it."""
    narrowed = key.project_ids is not None or key.team_id is not None
    return Actor(
        user_id=key.user_id,
        email=key.user.email,
        is_platform_admin=key.user.is_platform_admin and not narrowed,
        reaches_all=key.user.is_platform_admin and narrowed,
        is_restricted=key.user.is_restricted,
        credential=f"key:{key.pk}",
        api_key_id=key.pk,
        scope=key.scope,
        project_ids=None if key.project_ids is None else frozenset(key.project_ids),
        team_id=key.team_id,
    )


def gated(actor):
    """Return what the gates for rows say: by project the level."""
    levels = {}
    for level, gate in (
        (Level.USE, Project.objects.visible_to),
        (Level.EDIT, Project.objects.editable_by),
        (Level.MANAGE, Project.objects.managed_by),
    ):
        levels |= dict.fromkeys(gate(actor).values_list("pk", flat=True), level)
    return levels


def left_to(actor, level):
    """Return what the rules for routes leave of what the gates for rows say."""
    if actor.scope == READ:
        return min(level, Level.READ)
    if actor.scope == CHAT or actor.is_restricted:
        return min(level, Level.USE)
    return level


def expected(user):
    """Return for each project what the roles of `user` give, and what is left of it."""
    actor = actor_of(user)
    held = gated(actor)
    return {
        pk: (level, left_to(actor, level) if user.is_active else Level.NONE)
        for pk, level in held.items()
    }


def told(users):
    """Return the same as effective access has it."""
    found = {user.pk: {} for user in users}
    for pair in pairs([user.pk for user in users], Area()):
        assert pair.project_id not in found[pair.user_id], "a pair stands twice"
        assert pair.reasons
        found[pair.user_id][pair.project_id] = (pair.held, pair.level)
    return found


def every_kind_of_user(team, other):
    """One user for each state: their flags, their role in each team."""
    states = product((False, True), (False, True), (False, True), ROLES, ROLES)
    for number, (*flags, role, elsewhere) in enumerate(states):
        user = person(f"u{number}", **dict(zip(FLAGS, flags, strict=True)))
        for where, what in ((team, role), (other, elsewhere)):
            if what:
                Membership.objects.create(team=where, user=user, role=what)
        yield user


def test_in_every_state_of_a_user_and_a_project_it_is_what_the_gates_say(llm):
    """All flags x roles in the team x roles elsewhere x assignments x visibilities."""
    team, other = team_of("team"), team_of("other")
    users = list(every_kind_of_user(team, other))
    for visibility, assigned in product(Project.Visibility.values, ASSIGNED):
        project = project_in(team, llm, f"{visibility} {assigned}", visibility)
        if assigned:
            ProjectMember.objects.bulk_create(
                ProjectMember(project=project, user=user, role=assigned) for user in users
            )
    found = told(users)
    for user in users:
        assert found[user.pk] == expected(user), vars(user)
    assert {level for row in found.values() for _, level in row.values()} == set(LEVELS.values())


@pytest.mark.parametrize("seed", range(30))
def test_in_worlds_made_by_chance_it_is_what_the_gates_say(llm, seed):
    users, _, _ = random_world(Random(seed), llm)  # noqa: S311
    found = told(users)
    assert found == {user.pk: expected(user) for user in users}


@pytest.mark.parametrize("seed", range(30))
def test_a_key_reaches_what_the_gates_say_of_its_actor(llm, seed):
    random = Random(seed)  # noqa: S311
    users, teams, projects = random_world(random, llm)
    keys = list(random_keys(random, users, teams, projects))
    by_user = {user.pk: user for user in users}
    reach = reach_of_keys(keys, Area())
    for key in keys:
        owner, actor = by_user[key.user_id], actor_of_key(key)
        levels = {
            pair.project_id: through_key(pair, key, owner)
            for pair in pairs([owner.pk], Area())
            if through_key(pair, key, owner)
        }
        wanted = {pk: left_to(actor, level) for pk, level in gated(actor).items()}
        assert levels == (wanted if owner.is_active else {}), vars(key)
        assert reach.get(key.pk, 0) == len(levels)


@pytest.mark.parametrize("seed", range(10))
def test_every_form_of_the_question_gives_the_same_answer(llm, seed):
    """Narrowed to teams, a project or a level, counted or named: always a part of the whole."""
    random = Random(seed)  # noqa: S311
    users, teams, projects = random_world(random, llm)
    ids = [user.pk for user in users]
    whole = pairs(ids, Area())
    areas = [
        *(Area(team_ids=[team.pk]) for team in teams),
        *(Area(project_id=project.pk) for project in projects),
        *(Area(level=level) for level in LEVELS.values()),
        Area(team_ids=[teams[0].pk], level=Level.USE),
        Area(team_ids=[]),
    ]
    for area in areas:
        part = [
            pair
            for pair in whole
            if (area.team_ids is None or pair.team_id in area.team_ids)
            and area.project_id in {None, pair.project_id}
            and area.level in {None, pair.level}
        ]
        assert pairs(ids, area) == part
        summed = counts(ids, area)
        assert sum(sum(row.values()) for row in summed.values()) == len(part)
        in_area = User.objects.filter(pk__in=users_in(area))
        assert {user.pk for user in in_area} == {pair.user_id for pair in part}


def test_all_reasons_are_told_and_the_strongest_first(llm):
    team = team_of("team")
    user = person("u", is_platform_admin=True)
    Membership.objects.create(team=team, user=user, role="admin")
    project = project_in(team, llm, "p", "team")
    ProjectMember.objects.create(project=project, user=user, role="editor")
    (pair,) = pairs([user.pk], Area())
    assert pair.reasons == (
        Reason.PLATFORM_ADMIN,
        Reason.TEAM_ADMIN,
        Reason.ASSIGNED_EDITOR,
        Reason.PUBLIC_IN_TEAM,
    )


def test_what_restricted_users_may_write_is_use_and_nothing_of_editing():
    """The level that is left to them is `use` for as long as this holds."""
    routes = {"project-chat", "openai:chat-completions"}
    assert routes <= RESTRICTED_WRITES
    assert not [
        name
        for name in RESTRICTED_WRITES - ANSWERS
        if name.startswith(("projects:", "project-")) and name not in routes
    ]

"""Worlds made by hand or by chance, without the services: also what no service would make."""

from itertools import product

from accounts.models import ApiKey, User
from catalog.models import LLM, ProviderAccount
from projects.models import Project, ProjectMember
from teams.models import Membership, Team

FLAGS = ("is_platform_admin", "is_restricted", "is_active")


def make_llm():
    provider = ProviderAccount.objects.create(name="p", kind="openai")
    return LLM.objects.create(name="m", provider=provider, litellm_model="m")


def person(name, **flags):
    return User.objects.create(email=f"{name}@example.org", **flags)


def team_of(name):
    return Team.objects.create(name=name, slug=name)


def project_in(team, llm, name, visibility="members"):
    return Project.objects.create(team=team, llm=llm, name=name, visibility=visibility)


def random_world(random, llm):
    """People, teams, projects, assignments (also of strangers to the team) and keys, by chance."""
    users = [
        person(f"u{n}", **{flag: random.random() < 0.25 for flag in FLAGS[:2]})
        for n in range(random.randint(1, 12))
    ]
    User.objects.filter(pk__in=random.sample([u.pk for u in users], len(users) // 5)).update(
        is_active=False
    )
    teams = [team_of(f"t{n}") for n in range(random.randint(1, 4))]
    projects = [
        project_in(random.choice(teams), llm, f"p{n}", random.choice(Project.Visibility.values))
        for n in range(random.randint(0, 12))
    ]
    for user, team in product(users, teams):
        if role := random.choice((None, None, "member", "admin")):
            Membership.objects.create(user=user, team=team, role=role)
    for user, project in product(users, projects):
        if role := random.choice((None, None, None, "viewer", "editor")):
            ProjectMember.objects.create(user=user, project=project, role=role)
    return list(User.objects.order_by("pk")), teams, projects


def random_keys(random, users, teams, projects):
    for number, user in enumerate(users * 3):
        limit = random.choice(("none", "projects", "team"))
        ids = [one.pk for one in projects] + [2**40]
        yield ApiKey.objects.create(
            user=user,
            name="k",
            digest=str(number),
            scope=random.choice(ApiKey.CHOSEN_SCOPES)[0],
            project_ids=random.sample(ids, random.randint(0, len(ids)))
            if limit == "projects"
            else None,
            team_id=random.choice([*(team.pk for team in teams), 2**40])
            if limit == "team"
            else None,
        )

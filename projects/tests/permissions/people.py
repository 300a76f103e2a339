"""Somebody in both teams: what an admin of the one must not learn of the other."""

from dataclasses import dataclass

from accounts.models import ApiKey, User
from catalog.models import ImageGenerator
from catalog.services import create_model
from projects.services import add_project_member, create_project
from restai_site.tests.world import SYSTEM, make_key, make_user
from teams.services import add_member, set_grants

# Whatever is Beta's, in any spelling that an answer could have.
OF_BETA = ("Beta", "Other", "beta", "Hidden", "outsider", "Outsider")


@dataclass
class Both:
    """A member of Alpha and admin of Beta, with keys of every kind."""

    user: User
    keys: dict[str, ApiKey]


def make_both(world) -> Both:
    user = make_user("shared_person")
    add_member(world.alpha, user, actor=SYSTEM)
    add_member(world.beta, user, role="admin", actor=SYSTEM)
    hidden = create_project(
        world.beta, {"name": "Hidden", "llm": world.other_llm, "visibility": "team"}, actor=SYSTEM
    )
    add_project_member(world.project, user, role="editor", actor=SYSTEM)
    add_project_member(world.other_project, user, actor=SYSTEM)
    values = {"name": "beta-images", "provider": world.provider, "litellm_model": "mock"}
    images = create_model(ImageGenerator, values, actor=SYSTEM)
    set_grants(world.beta, {"image_generators": [images]}, actor=SYSTEM)
    limits = {
        "anywhere": {},
        "alpha": {"team_id": world.alpha.pk},
        "beta": {"team_id": world.beta.pk},
        "project": {"project_ids": [world.project.pk], "scope": "chat"},
        "mixed": {"project_ids": [world.project.pk, hidden.pk]},
        "hidden": {"project_ids": [hidden.pk]},
    }
    named = {
        "anywhere": "for Beta too",
        "mixed": "for Hidden too",
        "beta": "beta alone",
        "hidden": "Hidden alone",
    }
    keys = {
        kind: make_key(user, named.get(kind, f"{kind} alone"), **limit)[0]
        for kind, limit in limits.items()
    }
    return Both(user, keys)

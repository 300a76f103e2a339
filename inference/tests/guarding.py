"""Guards bound in tests, and what they say."""


from guards.models import GuardBinding, PlatformGuard
from projects.services import create_project
from restai_site.tests.world import SYSTEM

FORBIDDEN = "marzipan"


def bind_detector(project, detector="patterns", **values):
    """Bind a detector; `patterns` forbids FORBIDDEN unless told otherwise."""
    if detector == "patterns":
        values.setdefault("configuration", {"words": [FORBIDDEN]})
    return bind(project, detector=detector, name=values.pop("name", detector), **values)


def bind(project, **values):
    return GuardBinding.objects.create(project=project, **values)


def make_guard(world, name="Judge", *, team=None, llm=None, prompt="Nothing about sweets."):
    """Return a guard project whose model is `llm`, by default the team's."""
    values = {"name": name, "llm": llm or world.llm, "system_prompt": prompt}
    return create_project(team or world.alpha, values, actor=SYSTEM)


def bind_guard(project, guard, **values):
    return bind(project, guard=guard, name=guard.name, **values)


def offer(guard):
    return PlatformGuard.objects.create(project=guard)



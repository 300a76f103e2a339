"""Guards bound in tests, and what they say."""

from catalog.models import LLM
from catalog.services import create_model
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


def judge_llm(world, behaviour="judge-0", *, name="", capabilities=("structured_output",)):
    """Return a model, granted to Alpha, that behaves as the mock provider's `behaviour`."""
    values = {
        "name": name or f"judge-{LLM.objects.count()}",
        "provider": world.provider,
        "litellm_model": behaviour,
        "capabilities": list(capabilities),
        "context_window": 8192,
        "input_price_per_million": 1,
        "output_price_per_million": 2,
    }
    model = create_model(LLM, values, actor=SYSTEM)
    world.alpha.llms.add(model)
    return model

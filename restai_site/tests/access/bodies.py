"""Bodies that an allowed request is served with; everything else is sent an empty object."""

from collections.abc import Callable
from typing import Any

from restai_site.tests.access.stage import Stage

Body = Callable[[Stage], dict[str, Any]]


def _new_model(stage: Stage) -> dict[str, Any]:
    return {"name": "new", "provider": stage.world.provider.pk, "litellm_model": "mock"}


def _new_project(stage: Stage) -> dict[str, Any]:
    return {"name": "New", "team": stage.world.alpha.pk, "llm": stage.world.llm.pk}


MESSAGES = [{"role": "user", "content": "Hello?"}]
RENAMED: Body = lambda _: {"name": "renamed"}  # noqa: E731

BODIES: dict[tuple[str, str], Body] = {
    ("POST", "/api/keys"): lambda _: {"name": "new"},
    ("PATCH", "/api/me"): RENAMED,
    ("POST", "/api/users"): lambda _: {
        "email": "new@example.org",
        "password": "correct horse battery",
    },
    ("PATCH", "/api/users/<int:user_id>"): RENAMED,
    ("POST", "/api/providers"): lambda _: {"name": "new", "kind": "openai"},
    ("PATCH", "/api/providers/<int:provider_id>"): RENAMED,
    ("POST", "/api/llms"): _new_model,
    ("PATCH", "/api/llms/<int:llm_id>"): RENAMED,
    ("POST", "/api/embedding-models"): _new_model,
    ("PATCH", "/api/embedding-models/<int:embedding_model_id>"): RENAMED,
    ("POST", "/api/image-generators"): _new_model,
    ("PATCH", "/api/image-generators/<int:image_generator_id>"): RENAMED,
    ("POST", "/api/audio-generators"): _new_model,
    ("PATCH", "/api/audio-generators/<int:audio_generator_id>"): RENAMED,
    ("POST", "/api/teams"): RENAMED,
    ("PATCH", "/api/teams/<int:team_id>"): RENAMED,
    ("PATCH", "/api/teams/<int:team_id>/grants"): lambda stage: {"llms": []},
    ("POST", "/api/teams/<int:team_id>/members"): lambda stage: {
        "email": stage.world.outsider.email
    },
    ("PATCH", "/api/teams/<int:team_id>/members/<int:user_id>"): lambda _: {"role": "admin"},
    ("POST", "/api/projects"): _new_project,
    ("PATCH", "/api/projects/<int:project_id>"): RENAMED,
    ("POST", "/api/projects/<int:project_id>/prompt-versions"): lambda _: {"text": "New prompt"},
    ("POST", "/api/projects/<int:project_id>/members"): lambda stage: {
        "user": stage.world.member.pk
    },
    ("PATCH", "/api/projects/<int:project_id>/members/<int:user_id>"): lambda _: {"role": "editor"},
    # The provider of the world does not answer, so whoever is allowed gets 502.
    ("POST", "/api/projects/<int:project_id>/chat"): lambda _: {"message": "Hello?"},
    ("POST", "/v1/chat/completions"): lambda stage: {
        "model": stage.world.llm.name,
        "messages": MESSAGES,
    },
    ("POST", "/v1/embeddings"): lambda stage: {
        "model": stage.world.embedding_model.name,
        "input": "Hello?",
    },
    ("PATCH", "/api/conversations/<uuid:pk>"): lambda _: {"title": "renamed"},
}


def body_for(stage: Stage, method: str, path: str) -> dict[str, Any]:
    """Return the body to send to the route `path`."""
    make = BODIES.get((method, path))
    return make(stage) if make else {}

"""Bodies that an allowed request is served with; everything else is sent an empty object."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from guards.models import GuardSet
from restai_site.tests.access.stage import VISITOR, Stage
from restai_site.tests.canaries import canary
from restai_site.tests.world import make_user

Body = Callable[[Stage], dict[str, Any]]


def _new_model(stage: Stage) -> dict[str, Any]:
    return {"name": "new", "provider": stage.world.provider.pk, "litellm_model": "mock"}


def _new_project(stage: Stage) -> dict[str, Any]:
    return {"name": "New", "team": stage.world.alpha.pk, "llm": stage.world.llm.pk}


MESSAGES = [{"role": "user", "content": "Hello?"}]
RATE: Body = lambda _: {"requests_per_minute": 5}  # noqa: E731
RENAMED: Body = lambda _: {"name": "renamed"}  # noqa: E731
PERIODS: Body = lambda _: {"rules": {"conversations": 9}}  # noqa: E731


def _settings(stage: Stage) -> dict[str, Any]:
    return {"name": "Renamed", "llm": stage.world.llm.pk, "inference_logging": "full"}


def _page_model(stage: Stage) -> dict[str, Any]:
    prices = {"input_price_per_million": 1, "output_price_per_million": 1}
    return {**_new_model(stage), "context_window": 4096, **prices}


MAIL = {
    "host": "smtp.example.org",
    "port": 587,
    "security": "starttls",
    "username": "restai",
    "password": "new",
    "from_address": "restai@example.org",
    "from_name": "New",
}
LDAP_LOGIN: Body = lambda _: {"login": "ada"}  # noqa: E731
PROVIDER = {"name": "new", "kind": "openai", "base_url": ""}
NEW_KEY = {"name": "new", "lifetime": "90", "scope": "full", "reach": "everything"}
IDENTITY_PROVIDER = {
    "name": "New",
    "slug": "new",
    "kind": "google",
    "client_id": "restai",
    "client_secret": "new",
    "position": 0,
}


def _mapping(stage: Stage) -> dict[str, Any]:
    return {"source": "ldap", "group": "leads", "team": stage.world.alpha.pk, "role": "member"}


# The stage has budgets of projects in money for a month.
BUDGET = {"period": "day", "unit": "tokens", "amount": "5000"}

LABEL: Body = lambda _: {"label": "renamed"}  # noqa: E731
RULES = {"detector": "injection"}


def _bench_run(stage: Stage) -> dict[str, Any]:
    return {"team": stage.world.alpha.pk, "set": stage.own[GuardSet].pk, "threshold": 0}


def _bench_set(stage: Stage) -> dict[str, Any]:
    content = "text,label\nHello,safe\n"
    return {"team": stage.world.alpha.pk, "name": "new", "form": "csv", "content": content}


WIDGET = {
    "name": "renamed",
    "position": "right",
    "theme": "auto",
    "challenge": "off",
    "message_length": "100",
    "turns": "5",
    "visitor_per_minute": "5",
    "address_per_minute": "5",
    "messages_per_day": "5",
}
PAGES: dict[str, Body] = {
    "/guards/bench/new": lambda stage: {
        **_bench_run(stage),
        "judge": "detector-injection",
        "setting_threshold": "0.6",
    },
    "/guards/bench/try": lambda stage: {
        "team": stage.world.alpha.pk,
        "judge": "detector-injection",
        "setting_threshold": "0.6",
        "text": "Hello?",
    },
    "/projects/<int:project_id>/widgets": lambda _: {"name": "new"},
    "/projects/<int:project_id>/widgets/<int:widget_id>": lambda _: WIDGET,
    "/projects/<int:project_id>/widgets/<int:widget_id>/key": lambda _: {"overlap_hours": "0"},
    "/projects/<int:project_id>/widgets/<int:widget_id>/forget": lambda _: {"subject": VISITOR},
    "/guards/bench/sets/new": lambda stage: {"team": stage.world.alpha.pk, "name": "new"},
    "/guards/bench/sets/<int:guard_set_id>": lambda _: {"name": "renamed", "description": ""},
    "/guards/bench/runs/<int:run_id>/rename": LABEL,
    "/budgets/<int:budget_id>": lambda _: {"amount": "7.50"},
    "/teams/<int:team_id>/budgets": lambda _: BUDGET,
    "/projects/<int:project_id>/limits": lambda _: BUDGET,
    "/users/<int:user_id>/budgets": lambda _: BUDGET,
    "/profile/keys/<int:key_id>/budgets": lambda _: BUDGET,
    "/settings/sign-in-providers/new": lambda _: IDENTITY_PROVIDER,
    "/settings/sign-in-providers/<int:identity_provider_id>": lambda _: IDENTITY_PROVIDER,
    "/settings/sign-in-providers/groups": _mapping,
    "/models/<slug:slug>/new": _page_model,
    "/models/<slug:slug>/<int:model_id>": _page_model,
    "/models/providers/new": lambda _: PROVIDER,
    "/models/providers/<int:provider_id>": lambda _: {
        **PROVIDER,
        "api_key": canary("new provider key"),
    },
    "/users/<int:user_id>/impersonate": lambda _: {"reason": "A request for help"},
    "/profile": lambda _: {"name": "renamed", "theme": "dark"},
    "/profile/keys": lambda _: NEW_KEY,
    "/profile/keys/<int:key_id>/rotate": lambda _: {"overlap_minutes": "60"},
    "/profile/theme": lambda _: {"theme": "dark"},
    "/projects/new": lambda stage: {**_new_project(stage), "visibility": "members"},
    "/projects/<int:project_id>/access": lambda stage: {
        "user": stage.world.member.pk,
        "role": "viewer",
    },
    "/projects/<int:project_id>/access/<int:member_id>/role": lambda _: {"role": "editor"},
    "/projects/<int:project_id>/access/visibility": lambda _: {"visibility": "team"},
    "/projects/<int:project_id>/chat/<uuid:conversation_id>/pin": lambda _: {"pinned": "true"},
    "/projects/<int:project_id>/chat/<uuid:conversation_id>/rename": lambda _: {"title": "New"},
    "/projects/<int:project_id>/move": lambda stage: {"new_team": stage.world.beta.pk},
    "/projects/<int:project_id>/limits/rate": RATE,
    "/profile/keys/<int:key_id>/limit": RATE,
    "/users/<int:user_id>/rate": RATE,
    "/projects/<int:project_id>/prompt": lambda _: {"text": "New prompt"},
    "/projects/<int:project_id>/secrets": lambda _: {"name": "NEW_TOKEN", "value": "new"},
    "/projects/<int:project_id>/secrets/<int:secret_id>": lambda _: {"value": "new"},
    "/projects/<int:project_id>/settings": _settings,
    "/guards/events/<uuid:event_id>/review": lambda _: {"verdict": "right"},
    "/guards/bindings/<int:binding_id>": lambda _: {
        "name": "renamed",
        "stage": "input",
        "mode": "warn",
        "order": "1",
        "timeout_seconds": "5",
        "threshold": "0",
        "on_failure": "closed",
        "setting_words": "nougat",
    },
    "/guards/offers": lambda stage: {"project": stage.world.shared_project.pk},
    "/projects/<int:project_id>/guards": lambda _: {"censorship_message": "Not here."},
    "/settings/<slug:section>": lambda _: MAIL,
    "/users/<int:user_id>/ldap": LDAP_LOGIN,
    "/teams/new": RENAMED,
    "/teams/<int:team_id>": lambda stage: {"who": stage.world.outsider.email, "role": "member"},
    "/projects/<int:project_id>/invitations": lambda stage: {
        "who": stage.world.outsider.email,
        "role": "viewer",
    },
    "/teams/<int:team_id>/settings": lambda _: {"name": "renamed", "time_zone": "UTC"},
    "/teams/<int:team_id>/branding": lambda _: {"app_name": "New", "primary": "#abcdef"},
    "/teams/switch": lambda stage: {"team": stage.world.alpha.pk},
    "/teams/<int:team_id>/models": lambda stage: {"llms": [stage.world.other_llm.pk]},
    "/teams/<int:team_id>/members/<int:membership_id>/role": lambda _: {"role": "admin"},
    "/users/invite": lambda _: {"email": "new@example.org"},
    "/users/<int:user_id>": lambda stage: {"name": "new", "email": stage.world.viewer.email},
    "/users/<int:user_id>/role": lambda _: {"is_restricted": "on"},
    "/users/<int:user_id>/delete": lambda stage: {"confirmation": stage.world.viewer.email},
}
GUARD = {"detector": "patterns", "configuration": {"words": ["nougat"]}}
BODIES: dict[tuple[str, str], Body] = {
    ("POST", "/api/projects/<int:project_id>/guards"): lambda _: GUARD,
    ("PATCH", "/api/projects/<int:project_id>/guards/<int:binding_id>"): RENAMED,
    ("PATCH", "/api/projects/<int:project_id>/guard-settings"): lambda _: {
        "censorship_message": "Not here."
    },
    ("POST", "/api/guards/mandatory"): lambda _: GUARD,
    ("PATCH", "/api/guards/mandatory/<int:binding_id>"): RENAMED,
    ("POST", "/api/guards/offers"): lambda stage: {"project": stage.world.shared_project.pk},
    ("POST", "/api/guards/sets"): _bench_set,
    ("PATCH", "/api/guards/sets/<int:guard_set_id>"): RENAMED,
    ("POST", "/api/guards/runs"): lambda stage: {**_bench_run(stage), **RULES},
    ("PATCH", "/api/guards/runs/<int:run_id>"): LABEL,
    **{("POST", path): body for path, body in PAGES.items()},
    ("POST", "/api/projects/<int:project_id>/widgets"): lambda _: {"name": "new"},
    ("PATCH", "/api/projects/<int:project_id>/widgets/<int:widget_id>"): RENAMED,
    ("POST", "/api/projects/<int:project_id>/widgets/<int:widget_id>/key"): lambda _: {},
    ("POST", "/api/projects/<int:project_id>/widgets/<int:widget_id>/forget"): lambda _: {
        "subject": VISITOR
    },
    ("POST", "/api/erasures"): lambda _: {"user_id": make_user(f"gone-{uuid4().hex[:12]}").pk},
    ("POST", "/api/auth/providers"): lambda _: IDENTITY_PROVIDER,
    ("PATCH", "/api/auth/providers/<int:identity_provider_id>"): RENAMED,
    ("POST", "/api/auth/group-mappings"): _mapping,
    ("PATCH", "/api/auth/group-mappings/<int:group_mapping_id>"): lambda _: {"role": "admin"},
    ("POST", "/api/auth/email"): lambda _: {
        "email": "new@example.org",
        "current_password": canary("wrong password"),
    },
    ("POST", "/api/auth/password"): lambda _: {
        "current_password": canary("wrong password"),
        "password": canary("new password"),
    },
    ("POST", "/api/auth/password-reset"): lambda _: {"email": "new@example.org"},
    ("POST", "/api/keys"): lambda _: {"name": "new"},
    ("PATCH", "/api/keys/<int:key_id>"): RENAMED,
    ("POST", "/api/keys/<int:key_id>/rotate"): lambda _: {"overlap_minutes": 60},
    ("POST", "/api/auth/impersonation"): lambda stage: {
        "user": stage.world.viewer.pk,
        "reason": "A request for help",
    },
    ("PATCH", "/api/auth/passkeys/<int:passkey_id>"): RENAMED,
    ("POST", "/api/auth/passkeys"): lambda _: {"name": "new", "credential": {}},
    ("POST", "/api/auth/second-factor/totp"): lambda _: {},
    ("POST", "/api/auth/second-factor/totp/confirm"): lambda _: {"code": "000000"},
    ("POST", "/api/auth/second-factor/recovery-codes"): lambda _: {"password": "wrong"},
    ("POST", "/api/auth/sign-in/second-factor"): lambda _: {"code": "000000"},
    ("POST", "/api/auth/sign-in"): lambda _: {"email": "nobody@example.org", "password": "wrong"},
    ("PATCH", "/api/me"): RENAMED,
    ("POST", "/api/users"): lambda _: {"email": "new@example.org"},
    ("PATCH", "/api/users/<int:user_id>"): RENAMED,
    # No directory is in use, so whoever is allowed gets 409.
    ("PUT", "/api/users/<int:user_id>/ldap"): LDAP_LOGIN,
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
    ("PATCH", "/api/settings/<slug:section>"): lambda _: MAIL,
    ("POST", "/api/teams"): RENAMED,
    ("PATCH", "/api/teams/<int:team_id>"): RENAMED,
    ("PUT", "/api/teams/<int:team_id>/branding"): lambda _: {
        "app_name": "New",
        "primary": "#abcdef",
        "secondary": "",
        "welcome_message": "",
    },
    ("PATCH", "/api/teams/<int:team_id>/branding"): lambda _: {"primary": "#abcdef"},
    ("PATCH", "/api/teams/<int:team_id>/grants"): lambda stage: {"llms": []},
    # A stranger to the team's admins, so only the platform's may add them at once.
    ("POST", "/api/teams/<int:team_id>/members"): lambda stage: {
        "email": stage.world.outsider.email
    },
    ("POST", "/api/teams/<int:team_id>/invitations"): lambda _: {"email": "new@example.org"},
    ("POST", "/api/projects/<int:project_id>/invitations"): lambda _: {"email": "new@example.org"},
    ("PATCH", "/api/teams/<int:team_id>/members/<int:user_id>"): lambda _: {"role": "admin"},
    ("POST", "/api/budgets"): lambda stage: {**BUDGET, "project": stage.world.project.pk},
    ("PATCH", "/api/budgets/<int:budget_id>"): lambda _: {"amount": "7.50"},
    ("POST", "/api/projects"): _new_project,
    ("PATCH", "/api/projects/<int:project_id>"): RENAMED,
    ("POST", "/api/projects/<int:project_id>/prompt-versions"): lambda _: {"text": "New prompt"},
    ("POST", "/api/projects/<int:project_id>/members"): lambda stage: {
        "user": stage.world.member.pk
    },
    ("PATCH", "/api/projects/<int:project_id>/members/<int:user_id>"): lambda _: {"role": "editor"},
    # Refused with 400 but to the platform's administrator: others do not see the other team.
    ("POST", "/api/projects/<int:project_id>/move"): lambda stage: {
        "team": stage.world.beta.pk,
        "dry_run": True,
    },
    ("POST", "/api/projects/<int:project_id>/secrets"): lambda _: {
        "name": "NEW_TOKEN",
        "value": "new",
    },
    ("PATCH", "/api/projects/<int:project_id>/limits"): RATE,
    ("PATCH", "/api/projects/<int:project_id>/retention"): lambda _: {
        "rules": {"conversations": 9}
    },
    ("PATCH", "/api/teams/<int:team_id>/retention"): PERIODS,
    ("PATCH", "/api/projects/<int:project_id>/secrets/<int:secret_id>"): lambda _: {"value": "new"},
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
    ("POST", "/v1/images/generations"): lambda _: {"model": "alpha-second", "prompt": "A heron"},
    ("POST", "/v1/audio/speech"): lambda _: {
        "model": "alpha-second",
        "input": "Hello?",
        "voice": "alloy",
    },
    ("POST", "/api/guards/events/<uuid:event_id>/review"): lambda _: {"review": "right"},
    ("PATCH", "/api/conversations/<uuid:pk>"): lambda _: {"title": "renamed"},
}


def body_for(stage: Stage, method: str, path: str) -> dict[str, Any]:
    """Return the body to send to the route `path`."""
    make = BODIES.get((method, path))
    return make(stage) if make else {}

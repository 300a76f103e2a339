"""The settings as they are, and every logger says all it has to say."""

from restai_site.settings import *  # noqa: F403
from restai_site.settings import LOGGING

TALKATIVE = (
    *("django", "django.db.backends", "django.request", "django.template", "django.security"),
    *("asyncio", "aiohttp", "httpx", "httpcore", "openai", "litellm", "LiteLLM", "psycopg"),
    *("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "concurrent", "redis"),
)
LOGGING = {
    **LOGGING,
    "root": {"handlers": ["stderr"], "level": "DEBUG"},
    "loggers": {
        name: {"level": "DEBUG", "handlers": ["stderr"], "propagate": False} for name in TALKATIVE
    },
}

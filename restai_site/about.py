"""The page about the platform: what runs here, in which versions, and how much there is."""

import platform

import django
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError

from accounts.access import SignedInRequest, platform_admin
from accounts.models import User
from projects.models import Project
from restai_site.frame import APP_NAME
from restai_site.ui.settings_tabs import ABOUT, tabs_of_settings
from teams.models import Team

LICENCE = "Apache-2.0"
REDIS_SECONDS = 1


@require_safe
@platform_admin
def about(request: SignedInRequest) -> HttpResponse:
    """Show versions, counts and the licence; for platform administrators."""
    facts = [
        (APP_NAME, settings.VERSION),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("PostgreSQL", _postgres_version()),
        _redis(),
        ("Active users", User.objects.visible_to(request.actor).filter(is_active=True).count()),
        ("Teams", Team.objects.visible_to(request.actor).count()),
        ("Projects", Project.objects.visible_to(request.actor).count()),
        ("Licence", LICENCE),
    ]
    return render(request, "about.html", {"facts": facts, "tabs": tabs_of_settings(ABOUT)})


def _postgres_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])


def _redis() -> tuple[str, str]:
    """Return which of the two kinds of server there is, and its version."""
    limits = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    try:
        with Redis.from_url(settings.REDIS_URL, **limits) as server:
            facts = server.info("server")
    except RedisError:
        return "Redis", "does not answer"
    if "valkey_version" in facts:
        return "Valkey", facts["valkey_version"]
    return "Redis", facts["redis_version"]

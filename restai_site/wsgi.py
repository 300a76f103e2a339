"""The WSGI application, for tools that need one. Streaming belongs to ASGI."""

import os

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restai_site.settings")


def _ready_to_serve() -> WSGIHandler:
    handler = get_wsgi_application()
    # Reads the settings, so it comes after them.
    from restai_site.lib.crypto.start import refuse_unreadable_secrets_at_start

    refuse_unreadable_secrets_at_start()
    return handler


application = _ready_to_serve()

"""The WSGI application, for tools that need one. Streaming belongs to ASGI."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restai_site.settings")

application = get_wsgi_application()

"""The ASGI application."""

import os
from collections.abc import Mapping
from tempfile import SpooledTemporaryFile
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponseBadRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restai_site.settings")


class BoundedHandler(ASGIHandler):
    """Django's handler, which would store a body of any size before a view can refuse it."""

    async def read_body(self, receive: Any) -> "SpooledTemporaryFile[bytes]":
        """Read the body up to the limit; what is over is dropped and the file marked as cut."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body: Any = SpooledTemporaryFile(max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE)  # noqa: SIM115
        more, size = True, 0
        while more and size <= limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                body.close()
                raise RequestAborted
            part = message.get("body", b"")
            size += len(part)
            body.write(part[: max(0, limit + 1 - body.tell())])
            more = message.get("more_body", False)
        body.was_cut = size > limit
        body.seek(0)
        return body  # type: ignore[no-any-return]

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Wait for the client to go; what is left of a body that was cut is dropped."""
        while (await receive())["type"] != "http.disconnect":
            continue
        raise RequestAborted

    def create_request(
        self, scope: Mapping[str, Any], body_file: Any
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBadRequest]:
        """Tell the middleware whether the body was cut."""
        request, error = super().create_request(scope, body_file)
        if request is not None:
            request.body_was_cut = body_file.was_cut  # type: ignore[attr-defined]
        return request, error  # type: ignore[return-value]


django.setup(set_prefix=False)
application = BoundedHandler()

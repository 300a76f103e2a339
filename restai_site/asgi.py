"""The ASGI application."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from contextlib import closing
from tempfile import SpooledTemporaryFile
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.http import HttpResponseBadRequest
from django.urls import set_script_prefix

from restai_site.lib.env import ConfigurationError
from restai_site.lib.requests import body_limit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restai_site.settings")

STARTUP_FAILURE = 3
# Views that are async from end to end and reach the database only through `in_database`.
ASYNC_PATHS = re.compile(
    r"/(?:v1/(?:chat/completions|embeddings|images/generations|audio/(?:speech|transcriptions))"
    r"|api/projects/[0-9]+/chat|health/live)"
)


class BoundedHandler(ASGIHandler):
    """Django's handler, with a limit on bodies and a short way for the path to a model.

    Django would store a body of any size before a view can refuse it. And around each request it
    switches to a thread, made for that request, to close database connections: that costs more
    than all middleware, and does nothing for views whose connections live in other threads.
    """

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if not ASYNC_PATHS.fullmatch(scope["path"]):
            await super().handle(scope, receive, send)
            return
        try:
            body = await self.read_body(receive, body_limit(scope["path"]))
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        request, error = self.create_request(scope, body)
        with closing(body):
            if error is not None:
                await self.send_response(error, send)
            elif request is not None:
                await self._answer_unless_gone(request, receive, send)

    async def _answer_unless_gone(self, request: ASGIRequest, receive: Any, send: Any) -> None:
        """Answer, and cancel that where it stands when the client disconnects."""
        answering = asyncio.current_task()
        watching = asyncio.ensure_future(self.listen_for_disconnect(receive))

        def stop(watched: "asyncio.Future[None]") -> None:
            if not watched.cancelled() and watched.exception() and answering is not None:
                answering.cancel()

        watching.add_done_callback(stop)
        try:
            response = await self.run_get_response(request)
            await self.send_response(response, send)
        except asyncio.CancelledError:
            if not watching.done() or answering is None:
                raise
            answering.uncancel()
        finally:
            watching.remove_done_callback(stop)
            watching.cancel()

    async def read_body(
        self, receive: Any, limit: int | None = None
    ) -> "SpooledTemporaryFile[bytes]":
        """Read the body up to the limit; what is over is dropped and the file marked as cut."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if limit is None else limit
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


def _ready_to_serve() -> BoundedHandler:
    """Return the application, or leave the process with one sentence."""
    try:
        django.setup(set_prefix=False)
        # Reads the settings, so it comes after them.
        from restai_site.lib.crypto.start import refuse_unreadable_secrets_at_start

        refuse_unreadable_secrets_at_start()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        # By this status uvicorn knows that another worker process would end in the same way.
        raise SystemExit(STARTUP_FAILURE) from None
    return BoundedHandler()


application = _ready_to_serve()

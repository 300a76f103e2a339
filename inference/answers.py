"""What the async views have in common: reading the body, and answering errors where they arise."""

from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from metering.rate_limits import Rate
from restai_site.lib.errors import DomainError, Invalid
from restai_site.lib.http import render_error
from restai_site.lib.json import parse_json

View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def model_call(view: View) -> View:
    """Make an async view of a POST that takes JSON.

    The resolver checks the CSRF token where the credential is a cookie, so the middleware, which
    would also ask programs for one, is told not to. Errors are answered here, without the thread
    switch that Django's handling of exceptions takes.
    """

    @csrf_exempt
    @wraps(view)
    async def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if request.method != "POST":
                return _only_post(request)
            response = await view(request, *args, **kwargs)
        except DomainError as error:
            response = render_error(request, error)
        # Whatever became of the call after it was counted.
        rate: Rate | None = getattr(request, "rate", None)
        for name, value in rate.headers().items() if rate else ():
            response.headers[name] = value
        return response

    return checked


def json_body(request: HttpRequest) -> Any:
    """Return the JSON value in the body. Raises Invalid."""
    kind = request.content_type
    if kind != "application/json":
        raise Invalid(
            "Send JSON with the header Content-Type: application/json.",
            code="unsupported_media_type",
            status=415,
        )
    return parse_json(request.body)


def event_stream(events: AsyncIterator[bytes]) -> StreamingHttpResponse:
    """Return the answer that sends `events` as they come, past proxies that would collect them."""
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


def _only_post(request: HttpRequest) -> HttpResponse:
    error = DomainError("Use POST here.", code="method_not_allowed", status=405)
    response = render_error(request, error)
    response.headers["Allow"] = "POST"
    return response

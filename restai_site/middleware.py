"""The one stack of middleware, for synchronous and asynchronous requests.

Django runs the hooks of its own middleware in a thread when the request is asynchronous: two
thread switches for each. These hooks do not block, so `Inline` runs them where they are.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthentication
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.middleware import MessageMiddleware as DjangoMessages
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessions
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware as DjangoCsrf
from django.middleware.security import SecurityMiddleware as DjangoSecurity
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts import devices
from accounts.credentials import PROGRAM_HEADERS
from accounts.sessions.lifecycle import store_of
from restai_site.lib.errors import DomainError, TooLarge
from restai_site.lib.http import render_error
from restai_site.lib.requests import body_limit, client_ip

GetResponse = Callable[[HttpRequest], Any]
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# The documentation of the API and the browsable API have style attributes in their markup.
STYLE_ATTRIBUTES_POLICY = CONTENT_SECURITY_POLICY + "; style-src-attr 'unsafe-inline'"
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


TOO_LARGE = TooLarge("The request body is larger than this server accepts.")
WRONG_HOST = "This server does not answer under this host name."
# Where programs call; pages and the administration always get their session.
PROGRAM_PATHS = ("/v1/", "/api/")


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """Refuse a foreign host name, and a body over the limit.

    The size is what the client says, or else what the server has read.
    """
    try:
        request.get_host()
    except DisallowedHost:
        return HttpResponse(WRONG_HOST, status=400, content_type="text/plain")
    declared = request.META.get("CONTENT_LENGTH") or "0"
    over = declared.isdigit() and int(declared) > body_limit(request.path)
    if over or getattr(request, "body_was_cut", False):
        return render_error(request, TOO_LARGE)
    return None


def _user_of(request: HttpRequest) -> Any:
    return store_of(request).user or AnonymousUser()


class Inline:
    """Mixin for MiddlewareMixin subclasses whose hooks never block."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        before = getattr(self, "process_request", None)
        early: HttpResponseBase | None = before(request) if before else None
        response: HttpResponseBase = early or await self.get_response(request)  # type: ignore[attr-defined]
        after = getattr(self, "process_response", None)
        return after(request, response) if after else response


class ForPeople(Inline):
    """Mixin for what only browsers need: an API call with a credential in a header goes past it.

    The resolver of credentials never looks at a cookie where there is such a header.
    """

    def __call__(self, request: HttpRequest) -> Any:
        by_program = request.path_info.startswith(PROGRAM_PATHS)
        if by_program and not PROGRAM_HEADERS.isdisjoint(request.META):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]


class RequestContextMiddleware:
    """Names the request, finds the client's address, and sets the headers of every answer."""

    async_capable = sync_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = (  # type: ignore[attr-defined]
            given if REQUEST_ID.fullmatch(given) else secrets.token_urlsafe(12)
        )
        request.client_ip = client_ip(request)  # type: ignore[attr-defined]
        if self.is_async:
            return self._answer_later(request)
        return self._with_headers(request, self.get_response(request))

    async def _answer_later(self, request: HttpRequest) -> HttpResponseBase:
        return self._with_headers(request, await self.get_response(request))

    @staticmethod
    def _with_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if getattr(response, "is_framed", False):
            del response.headers["X-Frame-Options"]
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class BoundsMiddleware(Inline, MiddlewareMixin):
    """Refuses foreign host names, and bodies over the limit."""

    process_request = staticmethod(_refusal)


class SecurityMiddleware(Inline, DjangoSecurity):
    """HSTS, nosniff, referrer and opener policy."""


class AuthenticationMiddleware(ForPeople, DjangoAuthentication):
    """Gives `request.user`, lazily: whom the session belongs to, once every factor is proven."""

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Remember the device on which somebody has just signed in."""
        devices.set_cookie(request, response)
        return response


class MessageMiddleware(ForPeople, DjangoMessages):
    """Messages live in a signed cookie, so nothing here blocks."""


class SessionMiddleware(ForPeople, DjangoSessions):
    """Loads the session when it is first used; a hop only where there is something to save."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)
        response: HttpResponseBase = await self.get_response(request)  # type: ignore[misc]
        if not request.session.modified:
            return self.process_response(request, response)  # type: ignore[arg-type]
        save = sync_to_async(self.process_response, thread_sensitive=True)
        return await save(request, response)  # type: ignore[arg-type]


class CsrfViewMiddleware(ForPeople, DjangoCsrf):
    """CSRF checks; tokens live in a cookie, so nothing here blocks."""

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            self.process_view = self._process_view_inline  # type: ignore[method-assign,assignment]

    async def _process_view_inline(self, *args: Any) -> HttpResponseBase | None:
        return DjangoCsrf.process_view(self, *args)


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise, without a thread switch for requests that are not for a file."""

    async_capable = sync_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        super().__init__(get_response)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if not request.path_info.startswith(settings.STATIC_URL):
            return self.get_response(request)
        if self.is_async:
            return self._serve_later(request)
        return super().__call__(request)

    async def _serve_later(self, request: HttpRequest) -> HttpResponseBase:
        found = self._find(request.path_info)
        if found is None:
            return await self.get_response(request)  # type: ignore[no-any-return]
        return await sync_to_async(self._whole, thread_sensitive=False)(found, request)

    def _find(self, path: str) -> Any:
        return self.find_file(path) if self.autorefresh else self.files.get(path)

    def _whole(self, found: Any, request: HttpRequest) -> HttpResponse:
        streamed = self.serve(found, request)
        content = b"".join(streamed) if request.method == "GET" else b""
        response = HttpResponse(content, status=streamed.status_code)
        for name, value in streamed.headers.items():
            response.headers[name] = value
        streamed.close()
        return response


class DomainErrorMiddleware:
    """Turns an error that a view lets out into the answer of that surface."""

    async_capable = sync_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    @staticmethod
    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the answer to a DomainError; others are Django's to handle."""
        if isinstance(error, RequestDataTooBig):
            error = TOO_LARGE
        return render_error(request, error) if isinstance(error, DomainError) else None

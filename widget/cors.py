"""Which pages of other websites read answers of the widget, and who may have its answers at all.

django-cors-headers writes the headers, and answers preflights. Whether it does is decided here,
once for each request and for every address of a widget alike, by the row of the widget: the origin
must be on its list, or be our own. Where it is not, no header says anything, and the views refuse.
"""

import re
from typing import Any

from corsheaders.middleware import CorsMiddleware
from corsheaders.signals import check_request_enabled
from django.http import HttpRequest
from django.utils.cache import patch_vary_headers

from restai_site.lib.db import in_database
from widget.models import Widget
from widget.origins import is_allowed, patterns_for

PATHS = "/widget/"
OF_WIDGET = re.compile(r"/widget/([A-Za-z0-9_-]{16})/[a-z]+")
SCRIPT = re.compile(r"/widget/chat(?:-[0-9a-f]{12})?\.js")


class WidgetCorsMiddleware(CorsMiddleware):
    """Judges requests of the widget; all others pass by, and have no header of CORS.

    So do those that are refused: a preflight of theirs is answered as by any address that knows
    none. Only that the answer depends on the origin is said.
    """

    def __call__(self, request: HttpRequest) -> Any:
        if not request.path_info.startswith(PATHS):
            return self.get_response(request)
        if self.async_mode:
            return self._answer_later(request)
        judge(request)
        if request.widget_origin:  # type: ignore[attr-defined]
            return super().__call__(request)
        return _varied(self.get_response(request))

    async def _answer_later(self, request: HttpRequest) -> Any:
        await in_database(judge, request)
        if request.widget_origin:  # type: ignore[attr-defined]
            return await self.__acall__(request)
        return _varied(await self.get_response(request))  # type: ignore[misc]


def _varied(response: Any) -> Any:
    patch_vary_headers(response, ("origin",))
    return response


def judge(request: HttpRequest) -> None:
    """Find the widget that `request` is for, and whether its page may use that.

    `request.widget` is the widget where both are so, and `request.widget_origin` the origin whose
    page may read the answer.
    """
    request.widget = None  # type: ignore[attr-defined]
    request.widget_origin = ""  # type: ignore[attr-defined]
    origin = request.headers.get("Origin", "")
    if not origin:
        return
    match = OF_WIDGET.fullmatch(request.path_info)
    if match is not None:
        found = Widget.objects.answering().select_related("project__team__branding")
        found = found.defer("project__team__branding__logo", "picture")
        widget = found.filter(public_id=match[1]).first()
        if widget and (is_own(request, origin) or is_allowed(origin, widget.allowed_origins)):
            request.widget, request.widget_origin = widget, origin  # type: ignore[attr-defined]
    elif SCRIPT.fullmatch(request.path_info) and _is_anywhere(request, origin):
        request.widget_origin = origin  # type: ignore[attr-defined]


def is_own(request: HttpRequest, origin: str) -> bool:
    """Tell whether a page of ours asks: the frame, and the preview."""
    return origin == f"{request.scheme}://{request.get_host()}"


def _is_anywhere(request: HttpRequest, origin: str) -> bool:
    """Tell whether some widget may be used at `origin`: the script is the same for all."""
    wanted = patterns_for(origin)
    if not wanted:
        return False
    return is_own(request, origin) or (
        Widget.objects.answering().filter(allowed_origins__overlap=wanted).exists()
    )


def allows(sender: object, request: HttpRequest, **_: Any) -> bool:
    """Tell django-cors-headers whether to let the page read the answer."""
    origin = getattr(request, "widget_origin", "")
    return bool(origin) and request.headers.get("Origin") == origin


check_request_enabled.connect(allows, dispatch_uid="widget.allows")

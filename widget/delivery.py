"""The script, and the page that holds the chat alone, for websites that want a frame."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from restai_site.lib.errors import NotFound
from restai_site.middleware import CONTENT_SECURITY_POLICY
from widget.models import Widget
from widget.script import Script, script

# The address without a hash is what tags name; it is asked for anew so that a new version arrives.
SOON = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"
NOWHERE = "frame-ancestors 'none'"


@require_safe
def newest(request: HttpRequest) -> HttpResponse:
    """Answer with the script as it is now."""
    return _answer(request, script(), SOON)


@require_safe
def versioned(request: HttpRequest, script_hash: str) -> HttpResponse:
    """Answer with the script of this hash; where it has changed since, lead to the newest."""
    found = script()
    if script_hash == found.hash:
        return _answer(request, found, FOR_EVER)
    return redirect("widget:script")


@require_safe
def frame(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer with the page for a frame; the key stands behind the # of its address.

    Which pages may hold it is the same list as for the script. It is empty for a widget that is not
    there, so that both look the same.
    """
    if len(public_id) != 16:
        raise NotFound("There is no such widget.")
    widget = Widget.objects.answering().filter(public_id=public_id).first()
    allowed = " ".join(["'self'", *(widget.allowed_origins if widget else [])])
    response = render(request, "widget/frame.html", {"script_url": script_url()})
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
        NOWHERE, f"frame-ancestors {allowed}"
    )
    # It knows one page or none; the policy above says the same to every browser that there is.
    response.is_framed = True  # type: ignore[attr-defined]
    return response


def script_url() -> str:
    """Return the address of the script as it is now, which may be kept for ever."""
    return reverse("widget:script_version", args=[script().hash])


def _answer(request: HttpRequest, found: Script, caching: str) -> HttpResponse:
    zips = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(
        found.compressed if zips else found.content, content_type="text/javascript; charset=utf-8"
    )
    if zips:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = caching
    # Any page may load it, as it may load any script; what it does is decided by the widget.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response

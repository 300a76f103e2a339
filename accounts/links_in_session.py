"""From a mail to a page: the link leaves the address and waits in the session."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import MailedLink

PageView = Callable[..., HttpResponseBase]
Purpose = MailedLink.Purpose
PAGE_OF = {
    Purpose.RESET: "accounts:reset",
    Purpose.INVITATION: "accounts:accept",
    Purpose.EMAIL_CHANGE: "accounts:confirm_email",
}


def keep(request: HttpRequest, purpose: Purpose, digest: str) -> None:
    """Remember which link was followed; the token itself is kept nowhere."""
    request.session[_name(purpose)] = digest


def kept(request: HttpRequest, purpose: Purpose) -> object:
    """Return the digest of the link that was followed, or None."""
    return request.session.get(_name(purpose))


def forget(request: HttpRequest, purpose: Purpose) -> None:
    """Forget a link that has been used."""
    request.session.pop(_name(purpose), None)


def no_referrer(view: PageView) -> PageView:
    """Let browsers tell nobody the address of the page."""

    @wraps(view)
    def quiet(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return quiet


def _name(purpose: Purpose) -> str:
    return f"link:{purpose.value}"

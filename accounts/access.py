"""Decorators of pages: who may open them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from accounts.credentials import SecondFactorRequired, resolve
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden

PAGES_ARE_FOR_PEOPLE = "Pages are for people who sign in; credentials in headers are for the API."
PageView = Callable[..., HttpResponseBase]


class SignedInRequest(HttpRequest):
    """A request whose sender is known; the type of `request` in signed-in pages."""

    actor: Actor


def person_behind(request: HttpRequest) -> Actor | None:
    """Return who is signed in, or None. Raises Forbidden for the credentials of programs."""
    actor = resolve(request)
    if actor is not None and actor.session_id is None:
        raise Forbidden(PAGES_ARE_FOR_PEOPLE)
    return actor


def signed_in(view: PageView) -> PageView:
    """Give the view `request.actor`; send everybody else to the log-in page and back."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            actor = person_behind(request)
        except SecondFactorRequired:
            return redirect("accounts:enrol")
        if actor is None:
            return redirect_to_login(request.get_full_path())
        cast("SignedInRequest", request).actor = actor
        return view(request, *args, **kwargs)

    return checked


def platform_admin(view: PageView) -> PageView:
    """As `signed_in`, for platform administrators alone."""

    @signed_in
    @wraps(view)
    def checked(request: SignedInRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.actor.is_platform_admin:
            raise Forbidden("This page is for platform administrators.")
        return view(request, *args, **kwargs)

    return checked

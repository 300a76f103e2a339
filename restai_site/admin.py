"""Django's admin, for platform administrators who are signed in to the platform."""

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.access import person_behind
from accounts.credentials import SecondFactorRequired
from restai_site.lib.errors import Forbidden

METHODS = ("GET", "HEAD", "POST", "OPTIONS")


class PlatformAdminSite(AdminSite):
    """Has no log-in form of its own: there is one way in."""

    site_header = site_title = "Platform administration"
    index_title = "Tables"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Tell the views who acts: always the person who is signed in, never a key."""
        inner = super().admin_view(view, cacheable)

        def with_actor(request: Any, *args: Any, **kwargs: Any) -> Any:
            if request.method not in METHODS:
                return HttpResponseNotAllowed(METHODS)
            try:
                actor = person_behind(request)
            except SecondFactorRequired:
                return redirect("accounts:enrol")
            if actor is not None:
                if not (actor.is_platform_admin and self.has_permission(request)):
                    raise Forbidden("The administration is for platform administrators.")
                request.actor = actor
            return inner(request, *args, **kwargs)

        return update_wrapper(with_actor, inner)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Send people to the platform's log-in page; refuse those who are signed in already."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise Forbidden("The administration is for platform administrators.")
        target = request.GET.get("next", reverse("admin:index"))
        return redirect(f"{reverse('accounts:login')}?{urlencode({'next': target})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Log out through the platform's own page."""
        return redirect("accounts:logout", preserve_request=True)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Send people to the page whose service asks for the current password and is audited."""
        return redirect("accounts:profile")

    password_change_done: Any = password_change

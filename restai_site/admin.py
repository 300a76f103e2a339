"""Django's admin, for platform administrators who are signed in to the platform."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode


class PlatformAdminSite(AdminSite):
    """Has no log-in form of its own: there is one way in."""

    site_header = site_title = "Platform administration"
    index_title = "Tables"

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Send people to the platform's log-in page; refuse those who are signed in already."""
        if request.user.is_authenticated and not self.has_permission(request):
            from restai_site.lib.errors import Forbidden

            raise Forbidden("The administration is for platform administrators.")
        target = request.GET.get("next", reverse("admin:index"))
        return redirect(f"{reverse('accounts:login')}?{urlencode({'next': target})}")

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Log out through the platform's own page."""
        return redirect("accounts:logout", preserve_request=True)

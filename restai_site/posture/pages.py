"""The page of the security posture."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, platform_admin
from restai_site.lib.posture import run


@require_safe
@platform_admin
def security(request: SignedInRequest) -> HttpResponse:
    """Make all checks and show what they found, worst first."""
    return render(request, "security.html", {"report": run()})

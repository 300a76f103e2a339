"""Asking for a link to a new password: the same for everybody, whoever is asked about."""

from django.http import HttpRequest

from accounts import limiter, tasks
from accounts.actors import origin
from accounts.models import normal_email
from accounts.policy import local_sign_in_open
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Forbidden
from restai_site.lib.rate_limit import count_use
from restai_site.lib.requests import counted_as

# From one address, whatever accounts are named.
RATE = "20/h"
PROVIDERS_ONLY = "People sign in by an identity provider here; passwords are changed there."


def refuse_where_closed() -> None:
    """Raise Forbidden where nobody signs in by a password."""
    if not local_sign_in_open(None):
        raise Forbidden(PROVIDERS_ONLY)


def ask_for_reset(email: str, request: HttpRequest) -> None:
    """Queue the one task that finds out whether there is anything to send.

    Nothing is looked up here: answer, status and time are the same for every address. Raises
    TooManyRequests, Unavailable.
    """
    count_use("password-reset", f"ip:{counted_as(getattr(request, 'client_ip', None))}", rate=RATE)
    limiter.count(limiter.Kind.RESET, account=email, request=request)
    enqueue(tasks.mail_reset_link, normal_email(email), origin(request))

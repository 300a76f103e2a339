"""Asking somebody who is signed in for their current password, and counting the wrong ones."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from accounts import limiter
from accounts.models import User
from restai_site.lib.errors import Invalid


@contextmanager
def confirming(user: User, request: HttpRequest) -> Iterator[None]:
    """Count what is done inside as a guess at the password of `user`.

    It stays counted where the service inside finds `current_password` wrong. Use it outside a
    transaction. Raises TooManyRequests.
    """
    attempt = limiter.count(limiter.Kind.CONFIRM, account=str(user.pk), request=request)
    try:
        yield
    except Invalid as error:
        if "current_password" not in (error.fields or {}):
            attempt.succeeded()
        raise
    attempt.succeeded()

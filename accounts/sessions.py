"""The beginning and the end of a session in the browser."""

from django.contrib.auth import login, logout, update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest

from accounts.credentials import for_user
from accounts.models import User
from audit.services import record

BACKEND = "django.contrib.auth.backends.ModelBackend"


@transaction.atomic
def sign_in(request: HttpRequest, user: User) -> None:
    """Start a session for a user who has proven who they are; its id is new."""
    login(request, user, backend=BACKEND)
    record(for_user(user, request), "user.sign_in", user)


@transaction.atomic
def sign_out(request: HttpRequest) -> None:
    """End the session; signing out twice changes nothing."""
    user = request.user
    if isinstance(user, User):
        record(for_user(user, request), "user.sign_out", user)
    logout(request)


def keep_session(request: HttpRequest, user: User) -> None:
    """Keep this session after a change of password, which ends all others."""
    update_session_auth_hash(request, user)

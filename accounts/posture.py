"""What the security posture asks of people and their keys."""

from datetime import timedelta

from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Concat
from django.utils import timezone

from accounts.ldap.section import LdapSection, is_installed
from accounts.models import ApiKey, SetupLink, User
from accounts.querysets import ApiKeyQuerySet, UserQuerySet
from accounts.sections import AuthenticationSection
from restai_site.lib.configuration import current
from restai_site.lib.posture import (
    Area,
    Finding,
    Listing,
    Remedy,
    State,
    check,
    command,
    failed,
    good,
    listed,
    page,
    words,
)

# More administrators than this is a role that has become a habit.
ADMINISTRATORS_MAX = 5
ADMINISTRATOR_IDLE = timedelta(days=90)
USER_IDLE = timedelta(days=365)
KEY_UNUSED = timedelta(days=30)
KEY_OLD = timedelta(days=365)
USERS = "accounts:users"
KEYS = "admin:accounts_apikey_changelist"


def _users(rows: UserQuerySet) -> Listing:
    return listed(rows.order_by("pk"), "accounts:user", name="email")


def _administrators() -> UserQuerySet:
    administrators: UserQuerySet = User.objects.filter(is_platform_admin=True, is_active=True)
    return administrators


def _keys(rows: ApiKeyQuerySet) -> Listing:
    name = Concat(
        F("name"), Value(" ("), F("prefix"), Value("…) of "), F("user__email"),
        output_field=CharField(),
    )  # fmt: skip
    named = rows.annotate(posture_name=name).order_by("pk")
    return listed(named, "admin:accounts_apikey_change", name="posture_name")


def _open_keys(**query: object) -> Remedy:
    return page("Open these keys", KEYS, revoked_at__isnull=1, **query)


@check("second-factor-required", "Second factor required", Area.ACCOUNTS, State.WARNING)
def second_factor_required() -> Finding:
    rule = current(AuthenticationSection).second_factor
    if rule == "everyone":
        return good("Everybody must have a second factor.")
    if rule == "administrators":
        return good("Administrators must have a second factor.")
    reason = "Nobody must have a second factor: a guessed password is enough."
    typed = "python manage.py settings set authentication.second_factor administrators"
    return failed(reason, command(typed, "Require one of administrators"))


@check("second-factor", "Second factor of administrators", Area.ACCOUNTS, State.WARNING)
def second_factor() -> Finding:
    found = _users(_administrators().filter(second_factor_since=None))
    if not found.total:
        return good("Every administrator has a second factor.")
    reason = words(
        found.total,
        "One administrator has no second factor here.",
        "{} administrators have no second factor here.",
    )
    place = page("Open administrators", USERS, is_platform_admin__exact=1, is_active__exact=1)
    return failed(reason, place, found=found)


@check("ldap", "Directory", Area.ACCOUNTS, State.CRITICAL)
def directory() -> Finding:
    chosen = current(LdapSection)
    if not chosen.enabled:
        return good("No directory is in use.")
    place = page("Open settings", "configuration:index")
    if not is_installed():
        reason = "A directory is to be used, but LDAP is not installed: nobody signs in by it."
        return failed(reason, place, state=State.WARNING)
    if chosen.security == "none":
        return failed("Passwords of the directory travel in clear text.", place)
    return good("The directory is asked over TLS, and its certificate is verified.")


@check("administrators", "Number of administrators", Area.ACCOUNTS, State.ADVICE)
def administrators() -> Finding:
    found = _users(_administrators())
    place = page("Open users", USERS)
    if found.total == 0:
        return failed("Nobody administers the platform.", place, state=State.CRITICAL)
    if found.total == 1:
        reason = "One person administers the platform: nobody can help when they are locked out."
        return failed(reason, place, found=found)
    reason = f"{found.total} people administer the platform"
    if found.total <= ADMINISTRATORS_MAX:
        return good(f"{reason}.")
    return failed(f"{reason}; {ADMINISTRATORS_MAX} are enough for most.", place, found=found)


@check("administrators-idle", "Idle administrators", Area.ACCOUNTS, State.WARNING)
def idle_administrators() -> Finding:
    edge = timezone.now() - ADMINISTRATOR_IDLE
    found = _users(_administrators().filter(Q(last_login=None) | Q(last_login__lt=edge)))
    if not found.total:
        return good(f"Every administrator has signed in within {ADMINISTRATOR_IDLE.days} days.")
    reason = words(
        found.total,
        f"One administrator has never signed in, or not for {ADMINISTRATOR_IDLE.days} days.",
        f"{{}} administrators have never signed in, or not for {ADMINISTRATOR_IDLE.days} days.",
    )
    place = page("Open administrators", USERS, **{"is": "administrators"})
    return failed(reason, place, found=found)


@check("administrators-suspended", "Suspended administrators", Area.ACCOUNTS, State.ADVICE)
def suspended_administrators() -> Finding:
    found = _users(User.objects.filter(is_platform_admin=True, is_active=False))
    if not found.total:
        return good("No suspended account has the administrator's role.")
    reason = words(
        found.total,
        "One suspended account keeps the administrator's role for the day it is active again.",
        "{} suspended accounts keep the administrator's role for the day they are active again.",
    )
    place = page("Open these accounts", USERS, **{"is": "suspended"})
    return failed(reason, place, found=found)


@check("users-idle", "Idle accounts", Area.ACCOUNTS, State.WARNING)
def idle_users() -> Finding:
    edge = timezone.now() - USER_IDLE
    never = Q(last_login=None, date_joined__lt=edge)
    found = _users(User.objects.filter(Q(last_login__lt=edge) | never, is_active=True))
    if not found.total:
        return good("Every active account has been signed in to within a year.")
    reason = words(
        found.total,
        "One active account has not been signed in to for a year.",
        "{} active accounts have not been signed in to for a year.",
    )
    return failed(reason, page("Open users", USERS, sort="seen"), found=found)


@check("setup-link", "Set-up link", Area.ACCOUNTS, State.WARNING)
def setup_link() -> Finding:
    if User.objects.exists():
        return good("The set-up link is closed: there are users.")
    if not SetupLink.objects.filter(used_at=None).exists():
        return good("No set-up link has been made.")
    reason = "The set-up link is open: whoever has it becomes the first administrator."
    return failed(reason, command("python manage.py setup --print-link", "Use it, or replace it"))


@check("keys-unused", "API keys never used", Area.SECRETS, State.WARNING)
def unused_keys() -> Finding:
    edge = timezone.now() - KEY_UNUSED
    found = _keys(ApiKey.objects.usable().filter(last_used_at=None, created_at__lt=edge))
    if not found.total:
        return good(f"Every key that is older than {KEY_UNUSED.days} days has been used.")
    reason = words(
        found.total,
        f"One key is older than {KEY_UNUSED.days} days and has never been used.",
        f"{{}} keys are older than {KEY_UNUSED.days} days and have never been used.",
    )
    place = _open_keys(last_used_at__isnull=1, created_at__lt=edge.isoformat(timespec="seconds"))
    return failed(reason, place, found=found)


@check("keys-old", "Old API keys", Area.SECRETS, State.WARNING)
def old_keys() -> Finding:
    edge = timezone.now() - KEY_OLD
    found = _keys(ApiKey.objects.usable().filter(created_at__lt=edge))
    if not found.total:
        return good("No key is older than a year.")
    reason = words(found.total, "One key is older than a year.", "{} keys are older than a year.")
    return failed(
        reason, _open_keys(created_at__lt=edge.isoformat(timespec="seconds")), found=found
    )


@check("keys-lasting", "API keys without an expiry", Area.SECRETS, State.ADVICE)
def lasting_keys() -> Finding:
    found = _keys(ApiKey.objects.usable().filter(expires_at=None))
    if not found.total:
        return good("Every key expires.")
    reason = words(found.total, "One key never expires.", "{} keys never expire.")
    return failed(reason, _open_keys(expires_at__isnull=1), found=found)


@check("keys-suspended", "API keys of suspended accounts", Area.SECRETS, State.WARNING)
def suspended_keys() -> Finding:
    unexpired = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    found = _keys(ApiKey.objects.filter(unexpired, revoked_at=None, user__is_active=False))
    if not found.total:
        return good("No suspended account has a key that would work again.")
    reason = words(
        found.total,
        "One key of a suspended account works again as soon as the account does.",
        "{} keys of suspended accounts work again as soon as the accounts do.",
    )
    return failed(reason, _open_keys(user__is_active__exact=0), found=found)

"""What the security posture asks of the secrets in the environment."""

from itertools import combinations
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import connection

from accounts.models import User
from restai_site.lib.env import PUBLISHED_SAMPLES
from restai_site.lib.posture import Area, Finding, State, check, failed, good, variable

# Passwords that stand in .env.example, in tutorials and in images of PostgreSQL and Redis.
WELL_KNOWN = frozenset(
    {
        "password",
        "postgres",
        "redis",
        "restai",
        "restai_web",
        "restai_owner",
        "valkey",
        "admin",
        "root",
        "secret",
        "changeme",
        "example",
        "test",
        "123456",
        "foobared",
        "mysecretpassword",
    }
)


@check("secrets-apart", "Secrets of their own", Area.SECRETS, State.CRITICAL)
def secrets_apart() -> Finding:
    values = [("SECRET_KEY", settings.SECRET_KEY), ("API_KEY_PEPPER", settings.API_KEY_PEPPER)]
    values += [("FIELD_ENCRYPTION_KEY", key) for key in settings.FIELD_ENCRYPTION_KEY]
    values += [("AUDIT_KEY", key) for key in settings.AUDIT_KEY]
    for name, value in values:
        if value in PUBLISHED_SAMPLES:
            return failed(f"{name} is the published sample: everybody knows it.", variable(name))
    for (name, value), (other, another) in combinations(values, 2):
        if value in another or another in value:
            reason = f"{name} and {other} share a value: who learns one has both."
            return failed(reason, variable(other))
    return good(f"The {len(values)} secrets of the platform differ, and none is a published one.")


@check("encryption-keys", "Encryption keys in use", Area.SECRETS, State.ADVICE)
def encryption_keys() -> Finding:
    older = len(settings.FIELD_ENCRYPTION_KEY) - 1
    if not older:
        return good("One encryption key is listed.")
    reason = (
        f"{older + 1} encryption keys are listed: what an old one encrypted stays readable by it "
        "until it is encrypted anew."
    )
    return failed(reason, variable("FIELD_ENCRYPTION_KEY"))


@check("engine-passwords", "Passwords of the engines", Area.SECRETS, State.CRITICAL)
def engine_passwords() -> Finding:
    database = connection.settings_dict
    known = WELL_KNOWN | {str(database["USER"]).lower(), str(database["NAME"]).lower()}
    in_url = unquote(urlsplit(settings.REDIS_URL).password or "")
    passwords = {"DATABASE_URL": str(database["PASSWORD"] or ""), "REDIS_URL": in_url}
    weak = [name for name, password in passwords.items() if password and password.lower() in known]
    if not weak:
        return good("PostgreSQL and Redis are not opened by a well-known password.")
    verb = "has" if len(weak) == 1 else "have"
    reason = f"{' and '.join(weak)} {verb} a password that everybody tries first."
    return failed(reason, variable(weak[0]))


@check("first-password", "Password of the first administrator", Area.SECRETS, State.WARNING)
def first_password() -> Finding:
    if not settings.ADMIN_PASSWORD:
        return good("No password of a person stands in the environment.")
    if not User.objects.exists():
        return good("RESTAI_ADMIN_PASSWORD waits for the first start.")
    reason = (
        "RESTAI_ADMIN_PASSWORD still stands in the environment, where it does nothing any more: "
        "take it out, and change it if it is still in use."
    )
    return failed(reason, variable("RESTAI_ADMIN_PASSWORD"))

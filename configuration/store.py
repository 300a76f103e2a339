"""Reading stored settings: for the reader in restai_site.lib, and for those who look at them."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import TextField
from django.db.models.functions import Cast

from configuration.models import Revision, StoredSetting
from restai_site.lib.configuration import Unreadable
from restai_site.lib.crypto import DecryptionFailed

logger = logging.getLogger(__name__)
SECRET = StoredSetting._meta.get_field("secret")


class Kept(NamedTuple):
    """A stored value, Unreadable where a secret cannot be decrypted, and when it was set."""

    value: Any
    set_at: datetime


class DatabaseStore:
    """Hands the stored values to `restai_site.lib.configuration`."""

    def revision(self) -> int:
        number = Revision.objects.values_list("number", flat=True).first()
        return 0 if number is None else number

    def load(self) -> Mapping[str, Mapping[str, Any]]:
        return {section: values_of(kept) for section, kept in read_all().items()}


def read_all() -> Mapping[str, dict[str, Kept]]:
    """Return what is stored, by section and name. One query."""
    # The secrets as they are: one that cannot be decrypted must not hide all the others.
    tokens = StoredSetting.objects.annotate(token=Cast("secret", TextField()))
    found: defaultdict[str, dict[str, Kept]] = defaultdict(dict)
    for section, name, value, token, set_at in tokens.values_list(
        "section", "name", "value", "token", "set_at"
    ):
        opened = _decrypted(section, name, token) if token else value
        found[section][name] = Kept(opened, set_at)
    return found


def values_of(kept: Mapping[str, Kept]) -> dict[str, Any]:
    """Return the values alone."""
    return {name: one.value for name, one in kept.items()}


def _decrypted(section: str, name: str, token: str) -> str | Unreadable:
    try:
        return str(SECRET.from_db_value(token))
    except DecryptionFailed as error:
        logger.error("The setting %s.%s: %s", section, name, error)  # noqa: TRY400 - it says all
        return Unreadable()

"""What can be done to platform settings; for platform administrators."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.services import CHANGED, record
from configuration.models import Revision, StoredSetting
from configuration.store import read_all, values_of
from restai_site.lib import configuration
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import Section, Setting
from restai_site.lib.errors import DomainError, Forbidden, Invalid, NotFound
from restai_site.lib.rate_limit import count_test

# In the place of a new value: back to the default.
DEFAULT = None
TEST_GROUP = "settings.test"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a test: whether it works, and in words what is wrong if not."""

    ok: bool
    message: str


@transaction.atomic
def update_section(
    section: type[Section], values: Mapping[str, Any], *, actor: Actor
) -> frozenset[str]:
    """Change the settings that `values` names and return the names of those that changed.

    Values are as JSON gives them; None means back to the default, "" removes a secret. All
    processes see the change within SETTINGS_REFRESH_MILLISECONDS. Raises Forbidden, and Invalid,
    which names the fields: unknown ones, wrong ones, those that the environment fixes, and secrets
    that are to be sent elsewhere without having been entered again.
    """
    _require_platform_admin(actor)
    if not section.keys_may_change and not actor.handles_credentials:
        raise Forbidden("These settings are changed by administrators who are signed in.")
    wanted = _cleaned(section, values)
    revision, _ = Revision.objects.select_for_update().get_or_create(singleton=True)
    stored = values_of(read_all().get(section.slug, {}))
    old, new = section(stored), section(_merged(stored, wanted))
    changed = _changed(stored, wanted, old, new)
    _check_destinations(section, old, new, wanted)
    if not changed:
        return frozenset()
    section.check(new.values)
    for name in changed:
        _write(section.setting(name), section, wanted[name])
    _tell_all(revision)
    record(
        actor,
        "settings.update",
        _target(section),
        name=section.title,
        changes={name: _before_and_after(section.setting(name), old, new) for name in changed},
    )
    return frozenset(changed)


def reset_setting(section: type[Section], name: str, *, actor: Actor) -> bool:
    """Put one setting back to its default; a secret is removed. Returns whether it changed.

    Raises as `update_section` does, and NotFound.
    """
    section.setting(name)
    return bool(update_section(section, {name: DEFAULT}, actor=actor))


def test_section(section: type[Section], *, actor: Actor) -> Outcome:
    """Try the saved settings of `section` out; what fails is told in words.

    Ten times a minute for each administrator. Raises Forbidden, NotFound (nothing to try),
    TooManyRequests, and Unavailable where the uses cannot be counted.
    """
    _require_platform_admin(actor)
    if not section.test_label:
        raise NotFound("These settings cannot be tested.")
    count_test(TEST_GROUP, actor)
    # What another process has saved a moment ago is meant too.
    configuration.forget()
    outcome = _tried(section, actor)
    with transaction.atomic():
        changes = {"ok": outcome.ok, "outcome": outcome.message}
        record(actor, "settings.test", _target(section), name=section.title, changes=changes)
    return outcome


def _tried(section: type[Section], actor: Actor) -> Outcome:
    try:
        return Outcome(ok=True, message=configuration.current(section).test(actor))
    except DomainError as error:
        return Outcome(ok=False, message=error.message)


def _cleaned(section: type[Section], values: Mapping[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, value in values.items():
        try:
            setting = section.setting(name)
            typed = DEFAULT if value is DEFAULT else setting.clean(value)
            if not _is_fixed(setting, typed):
                cleaned[name] = typed
        except DomainError as error:
            wrong[name] = [error.message]
    if wrong:
        raise Invalid("Some settings need attention.", fields=wrong)
    return cleaned


def _is_fixed(setting: Setting[Any], value: Any) -> bool:
    """Return whether the environment fixes this very value. Raises Invalid for another one."""
    fixed = setting.fixed()
    if fixed is None:
        return False
    # A secret is refused also when it is right: that would tell somebody who guesses.
    if value != fixed or setting.is_secret:
        raise Invalid(
            f"This is fixed by the environment variable {setting.variable}: change it there."
        )
    return True


def _merged(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**stored, **wanted}
    return {name: value for name, value in merged.items() if value is not DEFAULT}


def _changed(
    stored: Mapping[str, Any], wanted: Mapping[str, Any], old: Section, new: Section
) -> set[str]:
    """Return the names whose value differs, or whose row goes, though it held the default."""
    return {
        name
        for name, value in wanted.items()
        if old.values[name] != new.values[name] or (value is DEFAULT and name in stored)
    }


def _check_destinations(
    section: type[Section], old: Section, new: Section, wanted: Mapping[str, Any]
) -> None:
    """Ask for each secret again that would be sent to another place.

    Whoever may change the place must not be able to have the stored secret sent to one of their
    own.
    """
    wrong = {}
    for name, setting in section.settings().items():
        places = getattr(setting, "sent_to", ())
        moves = any(old.values[place] != new.values[place] for place in places)
        if moves and old.values[name] and name not in wanted:
            wrong[name] = [_asked_again(setting)]
    if wrong:
        raise Invalid(" ".join(words for (words,) in wrong.values()), fields=wrong)


def _asked_again(setting: Setting[Any]) -> str:
    if setting.fixed() is not None:
        return (
            f"“{setting.label}” is fixed by the environment variable {setting.variable}: "
            "fix where it is sent by the environment too."
        )
    return f"Where “{setting.label}” is sent changes: enter it again, or remove it first."


def _write(setting: Setting[Any], section: type[Section], value: Any) -> None:
    rows = StoredSetting.objects
    if value is DEFAULT or (setting.is_secret and not value):
        rows.filter(section=section.slug, name=setting.name).delete()
        return
    row = StoredSetting(section=section.slug, name=setting.name, set_at=timezone.now())
    if setting.is_secret:
        row.secret = value
    else:
        row.value = setting.as_json(value)
    # Without reading the row: its old secret may be one that cannot be decrypted.
    rows.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["section", "name"],
        update_fields=["value", "secret", "set_at"],
    )


def _tell_all(revision: Revision) -> None:
    revision.number = secrets.randbits(63)
    revision.save(update_fields=["number"])
    # For what is done in this transaction; and after it, what others have read meanwhile.
    configuration.forget()
    transaction.on_commit(configuration.forget)


def _before_and_after(setting: Setting[Any], old: Section, new: Section) -> dict[str, Any]:
    if setting.is_secret:
        return {"before": CHANGED, "after": CHANGED}
    before, after = old.values[setting.name], new.values[setting.name]
    return {"before": setting.as_json(before), "after": setting.as_json(after)}


def _target(section: type[Section]) -> StoredSetting:
    """Return what stands for a whole section in the audit trail."""
    return StoredSetting(pk=section.slug)


def _require_platform_admin(actor: Actor) -> None:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may change settings.")

"""Settings as people and programs see them: secrets as a mask, and when they were set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from configuration.store import Kept, read_all, values_of
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import Section, Setting, Unreadable, sections
from restai_site.lib.drf import MASK
from restai_site.lib.errors import Forbidden


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One setting. `value` is as JSON holds it; of a secret it is the mask, or nothing."""

    setting: Setting[Any]
    value: Any
    set_at: datetime | None
    is_unreadable: bool

    @property
    def locked_by(self) -> str:
        """The environment variable that fixes the value, or nothing."""
        return self.setting.variable if self.setting.fixed() is not None else ""


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A section and its settings."""

    section: type[Section]
    settings: list[ShownSetting]


def show(section: type[Section], *, actor: Actor) -> ShownSection:
    """Return `section` as it is stored now. Raises Forbidden."""
    return _shown(section, _read(actor))


def show_all(*, actor: Actor) -> list[ShownSection]:
    """Return all sections in the order of their pages. Raises Forbidden."""
    kept = _read(actor)
    return [_shown(section, kept) for section in sections()]


def _read(actor: Actor) -> Mapping[str, Mapping[str, Kept]]:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may see settings.")
    return read_all()


def _shown(section: type[Section], stored: Mapping[str, Mapping[str, Kept]]) -> ShownSection:
    kept = stored.get(section.slug, {})
    values = section(values_of(kept)).values
    settings = section.settings().items()
    return ShownSection(
        section,
        [_shown_one(setting, values[name], kept.get(name)) for name, setting in settings],
    )


def _shown_one(setting: Setting[Any], value: Any, kept: Kept | None) -> ShownSetting:
    is_locked = setting.fixed() is not None
    return ShownSetting(
        setting=setting,
        value=(MASK if value else "") if setting.is_secret else setting.as_json(value),
        set_at=kept.set_at if kept and not is_locked else None,
        is_unreadable=isinstance(value, Unreadable),
    )

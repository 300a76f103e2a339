"""How the platform looks to a team: what can be done to a branding, and what is taken as a logo."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.services import CHANGED, changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.emblems import emblem_from
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.models import Branding, Team, new_public_slug

if TYPE_CHECKING:
    from restai_site.lib.images import Emblem

TEXT_FIELDS = ("app_name", "welcome_message", "primary", "secondary")
LOGO_SIDE_PIXELS = 512
LOGO_MAX_BYTES = 256 * 1024
NOTHING_YET = "The team has no branding yet: save one first."


def branding_of(team: Team) -> Branding:
    """Return the team's branding; one that is empty, and not saved, where it has none.

    Read the team by `with_branding`, which leaves the logo in the table.
    """
    try:
        branding: Branding = team.branding
    except Branding.DoesNotExist:
        return _nothing(team)
    return branding


def logo_from(content: bytes) -> "Emblem":
    """Return the logo in an uploaded file. Raises as `emblem_from` does."""
    return emblem_from(content, side=LOGO_SIDE_PIXELS, most_bytes=LOGO_MAX_BYTES)


@transaction.atomic
def save_branding(team: Team, values: Mapping[str, Any], *, actor: Actor) -> Branding:
    """Change how the platform looks to a team; what `values` does not name stays.

    `values` may hold TEXT_FIELDS, and as `logo` an Emblem, or None, which takes the logo away.
    Returns what `branding_of` does. Raises Forbidden, Invalid.
    """
    branding = _locked(team, actor)
    wanted: dict[str, Any] = {
        name: _normal(name, values[name]) for name in TEXT_FIELDS if name in values
    }
    logo: Emblem | None = values.get("logo")
    if "logo" in values:
        wanted["logo_hash"] = sha256(logo.content).hexdigest() if logo else ""
    changes = changes_of(branding, wanted)
    if not changes:
        return branding
    if "logo_hash" in changes:
        wanted |= {"logo": logo.content if logo else b"", "logo_ink": logo.ink if logo else ""}
    _write(branding, wanted)
    record(actor, "team.branding", branding, team_id=team.pk, changes=changes)
    return branding


@transaction.atomic
def reset_branding(team: Team, *, actor: Actor) -> None:
    """Let the platform look to a team as ever; links to its log-in page lead nowhere then.

    Raises Forbidden.
    """
    branding = _locked(team, actor)
    if not branding.is_saved:
        return
    record(actor, "team.branding_reset", branding, team_id=team.pk)
    branding.delete()


@transaction.atomic
def renew_public_slug(team: Team, *, actor: Actor) -> Branding:
    """Give the team's log-in page another address; the old one shows nothing of the team any more.

    Raises Forbidden, and Conflict for a team without a branding.
    """
    branding = _locked(team, actor)
    if not branding.is_saved:
        raise Conflict(NOTHING_YET)
    branding.public_slug = new_public_slug()
    branding.save(update_fields=["public_slug", "updated_at"])
    record(actor, "team.branding_link", branding, team_id=team.pk, changes={"public_slug": CHANGED})
    return branding


def _locked(team: Team, actor: Actor) -> Branding:
    """Lock the team, then read its branding: what somebody else has just saved is seen."""
    team = Team.objects.select_for_update().get(pk=team.pk)
    if not Team.objects.editable_by(actor).filter(pk=team.pk).exists():
        raise Forbidden("Only admins of the team may do this.")
    found: Branding | None = Branding.objects.filter(team=team).defer("logo").first()
    return found or _nothing(team)


def _nothing(team: Team) -> Branding:
    return Branding(team=team, public_slug="")


def _normal(name: str, text: str) -> str:
    if name in {"primary", "secondary"}:
        return text.strip().lower()
    if name == "app_name":
        # Of any number of spaces one is kept.
        return " ".join(part for part in text.split(" ") if part)
    return text.replace("\r\n", "\n").strip()


def _write(branding: Branding, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(branding, name, value)
    try:
        branding.clean_fields(exclude=["team", "public_slug", "logo"])
    except ValidationError as error:
        raise Invalid("Some fields need attention.", fields=error.message_dict) from None
    if not branding.is_saved:
        branding.public_slug = new_public_slug()
        branding.save()
    else:
        branding.save(update_fields=[*values, "updated_at"])

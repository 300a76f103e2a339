"""What every page needs to draw its frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Value
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from accounts.sessions.lifecycle import store_of
from audit.readers import may_read
from metering.meters import Meter, nearly_used, warnings_for
from projects.invitations import rows_waiting
from restai_site.lib.actor import Actor
from restai_site.lib.requests import number_in
from teams.branding import branding_of
from teams.models import Branding, Team
from teams.switching import chosen_team_id

APP_NAME = "RESTai"
INVITATION, BUDGET = "invitation", "budget"
# More teams than this are found by the search of the teams page.
TEAMS_IN_MENU = 30
THEME_ICONS = {"system": "device-desktop", "light": "sun", "dark": "moon"}
COLOR_SCHEMES = {"system": "light dark", "light": "light", "dark": "dark"}


@dataclass(frozen=True)
class Link:
    """An entry of the navigation or the command palette."""

    label: str
    url: str
    icon: str
    hint: str = ""
    is_current: bool = False


@dataclass(frozen=True)
class LinkGroup:
    """Links under one heading."""

    label: str
    items: list[Link]


class Frame:
    """The parts of the frame, each worked out when the template first asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def actor(self) -> Actor | None:
        return getattr(self._request, "actor", None)

    @property
    def impersonation(self) -> Actor | None:
        """The actor, where an administrator acts as somebody else."""
        return self.actor if self.actor and self.actor.impersonator_id else None

    @property
    def impersonation_ends_at(self) -> datetime | None:
        row = store_of(self._request).row
        return row.impersonation_ends_at if row else None

    @cached_property
    def budget_warnings(self) -> Sequence[Meter]:
        """The budgets that the actor looks after and that are nearly used up, fullest first."""
        if self.actor is None or "HX-Request" in self._request.headers:
            return ()
        return warnings_for(self.actor) if BUDGET in self._waiting else ()

    @cached_property
    def _waiting(self) -> list[str]:
        """What waits for the actor, a word for each: one query, for it is asked on each page."""
        if self.actor is None:
            return []
        invitations = [(INVITATION, rows) for rows in rows_waiting(self.actor)]
        found = [
            rows.annotate(what=Value(what)).values_list("what", "pk")
            for what, rows in [*invitations, (BUDGET, nearly_used(self.actor).order_by())]
        ]
        return [what for what, _ in found[0].union(*found[1:], all=True)]

    @cached_property
    def theme(self) -> str:
        user = getattr(self._request, "user", None)
        return user.theme if isinstance(user, User) else "system"

    @property
    def color_scheme(self) -> str:
        return COLOR_SCHEMES[self.theme]

    @property
    def theme_choices(self) -> list[dict[str, Any]]:
        return [
            {
                "value": theme.value,
                "label": theme.label,
                "icon": THEME_ICONS[theme.value],
                "is_current": theme.value == self.theme,
            }
            for theme in User.Theme
        ]

    @cached_property
    def teams(self) -> list[Team]:
        if self.actor is None:
            return []
        return list(Team.objects.visible_to(self.actor).with_branding()[:TEAMS_IN_MENU])

    @cached_property
    def filtered(self) -> Team | None:
        """The team that a list is narrowed to, as `switching.working_team_id` does."""
        if "team" in self._request.GET:
            return self._visible(number_in(self._request.GET["team"]))
        return self.chosen

    @cached_property
    def chosen(self) -> Team | None:
        """The team that was chosen in the switcher, as long as it is one of the actor's."""
        return self._visible(chosen_team_id(self._request))

    def _visible(self, team_id: int | None) -> Team | None:
        if team_id is None or self.actor is None:
            return None
        listed = next((team for team in self.teams if team.pk == team_id), None)
        if listed is not None or len(self.teams) < TEAMS_IN_MENU:
            return listed
        return Team.objects.visible_to(self.actor).with_branding().filter(pk=team_id).first()

    @property
    def has_choice(self) -> bool:
        """Whether there is more than one team to work in."""
        return len(self.teams) > 1 or (self.actor is not None and self.actor.is_platform_admin)

    @cached_property
    def team(self) -> Team | None:
        """The team whose branding the page has: the chosen one, or the only one."""
        return self.chosen if self.has_choice else next(iter(self.teams), None)

    @cached_property
    def brand(self) -> Branding | None:
        """The branding of the page: of the team, or of the log-in page that the address names."""
        if self.actor is not None:
            return branding_of(self.team) if self.team else None
        match = self._request.resolver_match
        if match is None or match.app_name != "accounts":
            return None
        slug = self._request.GET.get("brand", "")
        found: Branding | None = Branding.objects.called(slug).first()
        return found

    @property
    def brand_query(self) -> str:
        """What keeps the branding of a log-in page in the addresses that it leads to."""
        return f"?brand={self.brand.public_slug}" if self.brand else ""

    @property
    def app_name(self) -> str:
        return (self.brand.app_name if self.brand else "") or APP_NAME

    @property
    def switcher_rows(self) -> list[dict[str, Any]]:
        """The teams of the switcher, and for each its branding."""
        listed = self.teams
        if self.chosen is not None and self.chosen not in listed:
            listed = [self.chosen, *listed]
        return [
            {"team": team, "brand": branding_of(team), "is_current": team == self.chosen}
            for team in listed
        ]

    @property
    def switch_next(self) -> str:
        """Where the switcher leads to: to this page where it is a list of several teams' things."""
        match = self._request.resolver_match
        listing = match is not None and match.view_name in {"dashboard", "projects:list"}
        return self._request.get_full_path() if listing else reverse("projects:list")

    @cached_property
    def invitation_count(self) -> int:
        """How many invitations wait for the person."""
        return self._waiting.count(INVITATION)

    @cached_property
    def navigation(self) -> list[LinkGroup]:
        if self.actor is None:
            return []
        narrowed = f"?team={self.filtered.pk}" if self.filtered else ""
        groups = [
            LinkGroup(
                "",
                [
                    self._link("Chat", "inference:chat", "message-circle"),
                    self._link("Projects", "projects:list", "folder", narrowed),
                    self._link("Usage", "dashboard", "chart-bar", narrowed),
                    self._link("Teams", "teams:list", "users-group"),
                ],
            )
        ]
        if self.actor.is_platform_admin:
            groups.append(LinkGroup("Platform", self._platform_links()))
        elif may_read(self.actor):
            groups[0].items.append(self._link("Audit", "audit:entries", "shield-check"))
        return groups

    def _platform_links(self) -> list[Link]:
        wanted = [
            ("Models", "cpu", ["catalog:models"]),
            ("Users", "users", ["accounts:users", "admin:accounts_user_changelist"]),
            ("Permissions", "table", ["projects:permissions"]),
            ("Guards", "eye", ["guards:guards"]),
            ("Audit", "shield-check", ["audit:entries", "admin:audit_entry_changelist"]),
            ("Settings", "settings", ["configuration:index"]),
            ("Security", "shield-lock", ["security"]),
        ]
        links = [self._first(label, icon, names) for label, icon, names in wanted]
        return [link for link in links if link is not None]

    def _first(self, label: str, icon: str, names: list[str]) -> Link | None:
        """Return a link to the first of the pages that this installation has."""
        for name in names:
            try:
                return self._link(label, name, icon)
            except NoReverseMatch:
                continue
        return None

    def _link(self, label: str, name: str, icon: str, query: str = "") -> Link:
        url = reverse(name)
        return Link(label, url + query, icon, hint="Page", is_current=self._is_current(name, url))

    def _is_current(self, name: str, url: str) -> bool:
        match = self._request.resolver_match
        if match is None:
            return False
        if name == "inference:chat":
            return match.app_name == "inference"
        inside = url != "/" and self._request.path.startswith(url)
        return match.view_name == name or (inside and match.app_name != "inference")

    @property
    def palette(self) -> list[Link]:
        """What the command palette shows before anything is typed."""
        pages = [link for group in self.navigation for link in group.items]
        more = [
            Link("Profile", reverse("accounts:profile"), "user", "Page"),
            Link("API keys", reverse("accounts:keys"), "key", "Page"),
            Link("Budgets", reverse("metering:budgets"), "activity", "Page"),
            Link("Invitations", reverse("projects:invitations"), "send", "Page"),
        ]
        if self.actor is not None and Team.objects.editable_by(self.actor).exists():
            more.append(Link("New project", reverse("projects:new"), "folder-plus", "Action"))
        return pages + more


def frame(request: HttpRequest) -> dict[str, Any]:
    """Give templates `frame`."""
    return {"frame": Frame(request)}

"""What every page needs to draw its frame."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from accounts.sessions.lifecycle import store_of
from restai_site.lib.actor import Actor
from teams.models import Team

APP_NAME = "RESTai"
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

    app_name = APP_NAME

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
        return list(Team.objects.visible_to(self.actor)[:TEAMS_IN_MENU])

    @cached_property
    def team(self) -> Team | None:
        """The team the address narrows the page to, if it is one of the actor's."""
        chosen = self._request.GET.get("team", "")
        return next((team for team in self.teams if str(team.pk) == chosen), None)

    @property
    def team_label(self) -> str:
        return self.team.name if self.team else "All teams"

    @property
    def all_teams_url(self) -> str:
        return self._team_url(None)

    @property
    def team_options(self) -> list[dict[str, Any]]:
        return [
            {"team": team, "url": self._team_url(team), "is_current": team == self.team}
            for team in self.teams
        ]

    def _team_url(self, team: Team | None) -> str:
        match = self._request.resolver_match
        listing = match is not None and match.view_name in {"dashboard", "projects:list"}
        path = self._request.path if listing else reverse("projects:list")
        kept = self._request.GET.copy() if listing else self._request.GET.__class__(mutable=True)
        kept.pop("page", None)
        kept.pop("team", None)
        if team is not None:
            kept["team"] = str(team.pk)
        return f"{path}?{kept.urlencode()}" if kept else path

    @cached_property
    def navigation(self) -> list[LinkGroup]:
        if self.actor is None:
            return []
        narrowed = f"?team={self.team.pk}" if self.team else ""
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
        return groups

    def _platform_links(self) -> list[Link]:
        wanted = [
            ("Models", "cpu", ["catalog:models"]),
            ("Users", "users", ["accounts:users", "admin:accounts_user_changelist"]),
            ("Permissions", "table", ["projects:permissions"]),
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
        ]
        if self.actor is not None and Team.objects.editable_by(self.actor).exists():
            more.append(Link("New project", reverse("projects:new"), "folder-plus", "Action"))
        return pages + more


def frame(request: HttpRequest) -> dict[str, Any]:
    """Give templates `frame`."""
    return {"frame": Frame(request)}

"""Forms: for how long a team or a project keeps what is said in it."""

from typing import Any

from django import forms

from projects.retention.services import Owner, applying_to, kinds_by_project, rules_of
from restai_site.ui.forms import PageForm
from teams.models import Team


class RulesForm(PageForm):
    """One field for each kind; empty: as long as the platform, or the team, keeps it."""

    def __init__(self, *args: Any, owner: Owner, **kwargs: Any) -> None:
        super().__init__(*args, initial=rules_of(owner), **kwargs)
        above = applying_to(owner.team) if not isinstance(owner, Team) else {}
        whose = "The platform" if isinstance(owner, Team) else "Its team"
        for kind in kinds_by_project():
            days = above.get(kind.slug, kind.days)
            kept = f"{whose} keeps them {f'for {days:,} days' if days else 'until deleted'}."
            self.fields[kind.slug] = forms.IntegerField(
                label=kind.title,
                required=False,
                min_value=1,
                max_value=days or None,
                help_text=f"Days. {kept} Empty: no period of its own.",
            )

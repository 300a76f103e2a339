"""The projects to which API keys can be narrowed."""

from typing import Any

from django.db.models import QuerySet

from accounts.limits import PROJECTS, limit
from projects.models import Project
from restai_site.lib.actor import Actor


@limit(PROJECTS)
def projects_of(actor: Actor) -> QuerySet[Any, Any]:
    """Return the projects that the actor sees, with the names of their teams."""
    visible = Project.objects.visible_to(actor).order_by("name", "pk")
    return visible.values_list("pk", "name", "team__name")

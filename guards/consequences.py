"""What guards have to say before a project is deleted or moved to another team."""

from guards.models import GuardBinding
from projects.consequences import consequence
from projects.models import Project

NAMED = 5


@consequence
def protection(project: Project) -> list[str]:
    """Say which projects the project guards: nothing passes there any more without it."""
    guarding = GuardBinding.objects.filter(guard=project).order_by("project__name")
    places = list(guarding.values_list("project__team_id", "project__name"))
    own = [name for team_id, name in places if team_id == project.team_id]
    names = list(dict.fromkeys(own))
    rest = len(places) - len(own)
    said = [f"“{name}”" for name in names[:NAMED]]
    more = len(names) - len(said)
    if more:
        said.append("one more project of the team" if more == 1 else f"{more} more of the team")
    if rest:
        said.append("one more place" if rest == 1 else f"{rest} more places")
    if not said:
        return []
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    ends = "without it every request there is blocked until its binding is removed or replaced."
    return [f"It guards {listed}: {ends}"]

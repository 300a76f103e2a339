"""What the security posture asks of projects and their use."""

from projects.models import Project
from restai_site.lib.posture import Area, Finding, State, check, failed, good, listed, page, words


@check("projects-open", "Projects open to a whole team", Area.DATA, State.ADVICE)
def open_projects() -> Finding:
    open_to_team = Project.objects.filter(visibility=Project.Visibility.TEAM)
    found = listed(open_to_team, "projects:access", name="name")
    if not found.total:
        return good("Every project is for the people who were added to it.")
    reason = words(
        found.total,
        "One project can be used by everybody in its team.",
        "{} projects can be used by everybody in their team.",
    )
    return failed(reason, page("Open projects", "projects:list"), found=found)

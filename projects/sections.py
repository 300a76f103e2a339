"""Settings of this app."""

from projects.models import Project
from restai_site.lib.configuration import Choice, Section


class LoggingSection(Section):
    """What the platform keeps of what people say, unless a project says otherwise."""

    slug = "logging"
    title = "Logging"
    lede = (
        "What is kept of the chats of new projects. Each project can change it for itself, on its "
        "page Settings; projects that exist stay as they are."
    )
    order = 90

    new_projects = Choice(
        Project.InferenceLogging.FULL.value,
        choices=Project.InferenceLogging.choices,
        label="Inference logging of new projects",
        explanation="Off: no question and no answer is in any table, log or cache.",
        variable="NEW_PROJECTS_LOGGING",
    )

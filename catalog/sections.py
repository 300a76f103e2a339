"""Settings of this app."""

from restai_site.lib.configuration import Number, Section


class ModelsSection(Section):
    """How patient the platform is with providers. All in seconds."""

    slug = "models"
    title = "Models"
    lede = "How long to wait for model providers before a call is given up."
    order = 20

    connect_seconds = Number(
        10,
        least=1,
        most=120,
        label="Seconds to connect",
        explanation="How long the connection to a provider may take.",
        variable="PROVIDER_CONNECT_SECONDS",
    )
    idle_seconds = Number(
        60,
        least=1,
        most=3600,
        label="Seconds of silence",
        explanation="How long a provider may say nothing, before or within an answer.",
        variable="PROVIDER_IDLE_SECONDS",
    )
    total_seconds = Number(
        600,
        least=1,
        most=7200,
        label="Seconds for an answer",
        explanation="How long a whole answer may take.",
        variable="PROVIDER_TOTAL_SECONDS",
    )

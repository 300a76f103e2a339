"""Forms of this app's pages. They validate; services save."""

from restai_site.ui.forms import PageForm, PerMinuteField


class RateLimitForm(PageForm):
    """How often a project may be called."""

    requests_per_minute = PerMinuteField(
        help_text="Calls of everybody together, in the chat and by the API. Empty: no limit."
    )

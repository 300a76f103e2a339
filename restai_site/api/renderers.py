"""The browsable API under the content security policy."""

from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer

from restai_site.middleware import STYLE_ATTRIBUTES_POLICY


class PageRenderer(BrowsableAPIRenderer):
    """The framework's pages. Their markup has style attributes, which this page alone may have.

    Only those who are signed in get here: every view refuses others, and errors are JSON.
    """

    def get_context(self, data: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Do without the style element that colours examples."""
        return {**super().get_context(data, *args, **kwargs), "code_style": None}

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the page and set its policy."""
        page = super().render(data, *args, **kwargs)
        response = self.renderer_context["response"]  # type: ignore[attr-defined]
        response.headers["Content-Security-Policy"] = STYLE_ATTRIBUTES_POLICY
        return page

"""The REST API of all apps, its schema and its documentation page."""

from django.urls import URLPattern, URLResolver, include, path

# Registers the authentication scheme with the schema generator.
from restai_site.api import schema  # noqa: F401
from restai_site.api.views import DocumentationView, RootView, SchemaView, no_such_address
from restai_site.posture.api import PostureView
from restai_site.trail.export import entries_csv, entries_jsonl

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RootView.as_view(), name="api-root"),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocumentationView.as_view(), name="docs"),
    path("posture", PostureView.as_view(), name="posture"),
    path("", include("accounts.api.urls")),
    path("audit.csv", entries_csv, name="audit-csv"),
    path("audit.jsonl", entries_jsonl, name="audit-jsonl"),
    path("", include("audit.api.urls")),
    path("", include("configuration.api.urls")),
    path("", include("catalog.api.urls")),
    path("", include("teams.api.urls")),
    path("", include("projects.api.urls")),
    path("", include("metering.api.urls")),
    path("", include("guards.api.urls")),
    path("", include("inference.api.urls")),
    path("", include("inference.bench.api")),
    path("", include("widget.api_urls")),
    path("<path:rest>", no_such_address),
]

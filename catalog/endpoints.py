"""Where and how a model is called, with the platform's patience."""

from catalog.adapters.types import Endpoint
from catalog.sections import ModelsSection
from restai_site.lib.configuration import current


def endpoint_of(*, kind: str, model: str, base_url: str, api_key: str) -> Endpoint:
    """Return the endpoint of a model at a provider. Reads settings: see `current`."""
    patience = current(ModelsSection)
    return Endpoint(
        kind=kind,
        model=model,
        base_url=base_url,
        api_key=api_key,
        connect_seconds=patience.connect_seconds,
        idle_seconds=patience.idle_seconds,
        timeout_seconds=patience.total_seconds,
    )

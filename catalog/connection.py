"""“Test connection” for what is stored: an account, or a model at it.

Ten times a minute for each administrator. Raises TooManyRequests, and Unavailable where the uses
cannot be counted.
"""

from asgiref.sync import async_to_sync

from catalog.adapters.probe import ProbeResult, Purpose, probe
from catalog.adapters.types import Endpoint
from catalog.models import CatalogModel, EmbeddingModel, ProviderAccount
from catalog.sections import ModelsSection
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import Forbidden
from restai_site.lib.rate_limit import count_test

TEST_GROUP = "catalog.test"


def test_provider(provider: ProviderAccount, *, actor: Actor) -> ProbeResult:
    """Return whether the account answers, in words."""
    return _test(provider, "", "chat", actor)


def test_model(model: CatalogModel, *, actor: Actor) -> ProbeResult:
    """Return whether the model answers, in words. Costs one tiny call at most."""
    purpose: Purpose = "embedding" if isinstance(model, EmbeddingModel) else "chat"
    return _test(model.provider, model.litellm_model, purpose, actor)


def _test(provider: ProviderAccount, model: str, purpose: Purpose, actor: Actor) -> ProbeResult:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may test connections.")
    count_test(TEST_GROUP, actor)
    endpoint = Endpoint(
        kind=provider.kind,
        model=model,
        base_url=provider.base_url,
        api_key=provider.api_key,
        connect_seconds=current(ModelsSection).connect_seconds,
    )
    return async_to_sync(probe)(endpoint, purpose)

"""“Test connection” for what is stored: an account, or a model at it."""

from asgiref.sync import async_to_sync
from django.conf import settings

from catalog.adapters.probe import ProbeResult, Purpose, probe
from catalog.adapters.types import Endpoint
from catalog.models import CatalogModel, EmbeddingModel, ProviderAccount


def test_provider(provider: ProviderAccount) -> ProbeResult:
    """Return whether the account answers, in words."""
    return _test(provider, "", "chat")


def test_model(model: CatalogModel) -> ProbeResult:
    """Return whether the model answers, in words. Costs one tiny call at most."""
    purpose: Purpose = "embedding" if isinstance(model, EmbeddingModel) else "chat"
    return _test(model.provider, model.litellm_model, purpose)


def _test(provider: ProviderAccount, model: str, purpose: Purpose) -> ProbeResult:
    endpoint = Endpoint(
        kind=provider.kind,
        model=model,
        base_url=provider.base_url,
        api_key=provider.api_key,
        connect_seconds=settings.PROVIDER_CONNECT_SECONDS,
    )
    return async_to_sync(probe)(endpoint, purpose)

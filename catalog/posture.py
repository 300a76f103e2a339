"""What the security posture asks of providers and models."""

from urllib.parse import urlsplit

from django.db.models import CharField, Q, QuerySet, Value

from catalog.models import (
    LLM,
    AudioGenerator,
    CatalogModel,
    EmbeddingModel,
    ImageGenerator,
    ProviderAccount,
)
from restai_site.lib.posture import (
    Area,
    Example,
    Finding,
    Listing,
    State,
    check,
    failed,
    good,
    is_this_machine,
    listing_of,
    page,
    words,
)

# Each kind of model with the word for it in addresses, and with what says that it has no price.
KINDS: tuple[tuple[type[CatalogModel], str, Q], ...] = (
    (LLM, "llms", Q(input_price_per_million=0, output_price_per_million=0)),
    (EmbeddingModel, "embeddings", Q(input_price_per_million=0)),
    (ImageGenerator, "images", Q(price_per_image=0, input_price_per_million=0)),
    (AudioGenerator, "audio", Q(price_per_million_characters=0, input_price_per_million=0)),
)


@check("providers-plain", "Providers called without TLS", Area.NETWORK, State.CRITICAL)
def plain_providers() -> Finding:
    rows = ProviderAccount.objects.filter(base_url__istartswith="http://")
    plain = [
        row
        for row in rows.values_list("pk", "name", "base_url", "api_key_set_at")
        if not is_this_machine(urlsplit(row[2]).hostname or "")
    ]
    if not plain:
        return good("Every provider on another machine is called over TLS.")
    with_key = sum(set_at is not None for *_, set_at in plain)
    reason = words(
        len(plain),
        "One provider on another machine is called without TLS",
        "{} providers on other machines are called without TLS",
    )
    read = f"prompts, and the keys of {with_key}," if with_key else "prompts"
    reason += f": {read} can be read on the way."
    found = listing_of(Example(name, "catalog:provider_edit", (key,)) for key, name, *_ in plain)
    place = page("Open provider accounts", "catalog:providers")
    return failed(reason, place, found=found, state=None if with_key else State.WARNING)


@check("models-ungranted", "Models granted to nobody", Area.MODELS, State.ADVICE)
def ungranted_models() -> Finding:
    # `teams` is the relation name of the grants, defined in the layer above.
    found = _models([Q(teams=None) for _ in KINDS])
    if not found.total:
        return good("Every model that is on is granted to a team.")
    reason = words(
        found.total,
        "One model is on and granted to no team: turn it off, or grant it.",
        "{} models are on and granted to no team: turn them off, or grant them.",
    )
    return failed(reason, page("Open models", "catalog:models"), found=found)


@check("models-unpriced", "Models without a price", Area.MODELS, State.ADVICE)
def unpriced_models() -> Finding:
    found = _models([free for _, _, free in KINDS])
    if not found.total:
        return good("Every model that is on has a price.")
    reason = words(
        found.total,
        "One model is on and has no price, so that its use counts as free.",
        "{} models are on and have no price, so that their use counts as free.",
    )
    return failed(reason, page("Open models", "catalog:models"), found=found)


def _models(conditions: list[Q]) -> Listing:
    """Return the models that are on and meet the condition of their kind. One query."""
    parts: list[QuerySet[CatalogModel, tuple[str, int, str]]] = [
        kind._default_manager.filter(condition, enabled=True)
        .order_by()
        .values_list("name", "pk", Value(slug, CharField()))
        for (kind, slug, _), condition in zip(KINDS, conditions, strict=True)
    ]
    rows = parts[0].union(*parts[1:], all=True).order_by("name")
    return listing_of(Example(name, "catalog:edit", (slug, key)) for name, key, slug in rows)

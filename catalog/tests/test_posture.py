"""What the security posture finds about providers and models."""

import pytest
from django.db import connection

from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator, ProviderAccount
from catalog.services import create_model, create_provider
from restai_site.tests.posture import names, outcome, told
from restai_site.tests.world import SYSTEM
from teams.services import set_grants

pytestmark = pytest.mark.django_db


def provider(name, base_url, **values):
    kind = {"kind": "openai_compatible", "name": name, "base_url": base_url}
    return create_provider({**kind, **values}, actor=SYSTEM)


def test_a_provider_without_tls_on_another_machine_is_named():
    plain = provider("Plain", "http://models.example.org/v1", api_key="sk-secret-key")
    provider("Bare", "HTTP://10.0.0.9:8080/v1")
    provider("Here", "http://localhost:8080/v1", api_key="sk-here")
    provider("Safe", "https://models.example.org/v1", api_key="sk-safe")
    result = outcome("providers-plain")
    assert told(result) == (
        "critical",
        (
            "2 providers on other machines are called without TLS: prompts, and the keys of 1, "
            "can be read on the way."
        ),
    )
    assert names(result) == ["Bare", "Plain"]
    assert result.finding.found.examples[1].url == f"/models/providers/{plain.pk}"
    assert "sk-secret-key" not in str(result)


def test_a_provider_without_tls_and_key_is_less_severe():
    provider("Bare", "http://vllm:8000/v1")
    assert told(outcome("providers-plain")) == (
        "warning",
        "One provider on another machine is called without TLS: prompts can be read on the way.",
    )


def test_providers_over_tls_or_on_this_machine_are_well():
    provider("Here", "http://[::1]:8080/v1", api_key="sk-here")
    provider("Safe", "https://models.example.org/v1")
    create_provider({"name": "Usual", "kind": "openai"}, actor=SYSTEM)
    assert told(outcome("providers-plain")) == (
        "good",
        "Every provider on another machine is called over TLS.",
    )


def test_a_key_that_cannot_be_decrypted_hides_no_finding():
    provider("Plain", "http://models.example.org/v1", api_key="sk-secret-key")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_provideraccount SET api_key = 'no token'")
    assert outcome("providers-plain").state.value == "critical"


def model(kind, name, **values):
    account = ProviderAccount.objects.first() or provider("Test", "https://models.example.org")
    values = {"name": name, "provider": account, "litellm_model": "mock", **values}
    return create_model(kind, values, actor=SYSTEM)


def test_models_of_every_kind_that_are_granted_to_nobody_are_named():
    made = [
        model(kind, f"{number}-model")
        for number, kind in enumerate((LLM, EmbeddingModel, ImageGenerator, AudioGenerator))
    ]
    model(LLM, "off", enabled=False)
    result = outcome("models-ungranted")
    assert told(result) == (
        "advice",
        "4 models are on and granted to no team: turn them off, or grant them.",
    )
    assert names(result) == ["0-model", "1-model", "2-model", "3-model"]
    assert [example.url for example in result.finding.found.examples] == [
        f"/models/llms/{made[0].pk}",
        f"/models/embeddings/{made[1].pk}",
        f"/models/images/{made[2].pk}",
        f"/models/audio/{made[3].pk}",
    ]


def test_granted_models_are_well(world):
    set_grants(world.beta, {"llms": [world.llm, world.other_llm]}, actor=SYSTEM)
    assert told(outcome("models-ungranted")) == (
        "good",
        "Every model that is on is granted to a team.",
    )


def test_models_of_every_kind_without_a_price_are_named():
    model(LLM, "free")
    model(LLM, "half", output_price_per_million=2)
    model(LLM, "off", enabled=False)
    model(EmbeddingModel, "free-embedding")
    model(EmbeddingModel, "paid-embedding", input_price_per_million=1)
    model(ImageGenerator, "free-image")
    model(ImageGenerator, "paid-image", price_per_image=1)
    model(AudioGenerator, "free-audio")
    model(AudioGenerator, "paid-audio", price_per_million_characters=1)
    result = outcome("models-unpriced")
    assert told(result) == (
        "advice",
        "4 models are on and have no price, so that their use counts as free.",
    )
    assert names(result) == ["free", "free-audio", "free-embedding", "free-image"]


def test_models_with_a_price_are_well():
    model(LLM, "paid", input_price_per_million=1)
    assert told(outcome("models-unpriced")) == ("good", "Every model that is on has a price.")


@pytest.mark.parametrize("slug", ["models-ungranted", "models-unpriced", "providers-plain"])
def test_each_is_found_in_one_query(slug, world, django_assert_num_queries):
    # Two more are the savepoint in which a check is made within the transaction of a test.
    with django_assert_num_queries(3):
        outcome(slug)

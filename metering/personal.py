"""What a person has used."""

from collections.abc import Iterator

from accounts.models import User
from accounts.personal.holdings import Held, holds
from metering.models import UsageRecord

CALL = (
    *("call_id", "created_at", "model_name", "kind", "prompt_tokens", "completion_tokens"),
    *("cost", "latency_ms", "outcome", "request_id"),
)


@holds("usage")
def usage(user: User) -> Iterator[Held]:
    """Calls of models."""
    yield from UsageRecord.objects.filter(user=user).order_by("pk").values(*CALL).iterator()

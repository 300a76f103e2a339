"""Shapes of the ledger in the REST API."""

from typing import Any

from rest_framework import serializers

from metering.models import UsageRecord
from projects.models import Project
from restai_site.lib.drf import ModelSerializer, PerMinuteField


class UsageSerializer(ModelSerializer):
    """One call of a model. Cost is in US dollars, times in milliseconds."""

    class Meta:
        model = UsageRecord
        fields = [
            "id",
            "created_at",
            "project",
            "team",
            "user",
            "api_key",
            "model_name",
            "kind",
            "prompt_tokens",
            "completion_tokens",
            "tokens_source",
            "cost",
            "latency_ms",
            "first_token_ms",
            "outcome",
            "streamed",
            "request_id",
        ]
        read_only_fields = fields


class ProjectLimitsSerializer(ModelSerializer):
    """How many calls of models a project may make in any minute; null: no limit."""

    requests_per_minute = PerMinuteField()

    class Meta:
        model = Project
        fields = ["requests_per_minute"]


class UsageDaySerializer(serializers.Serializer[Any]):
    """The calls of one day (UTC). Cost is in US dollars."""

    day = serializers.DateField()
    requests = serializers.IntegerField()
    failures = serializers.IntegerField(help_text="Calls that were not completed.")
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    cost = serializers.DecimalField(max_digits=24, decimal_places=12)
    average_latency_ms = serializers.FloatField()

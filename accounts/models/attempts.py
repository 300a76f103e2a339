"""What the limiter of log-ins counts."""

from django.db import models


class AttemptCounter(models.Model):
    """Failures of one account or one address. The bucket is a keyed digest: nothing is named."""

    bucket = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField()
    last_at = models.DateTimeField()
    blocked_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["last_at"], name="attempts_last")]

    def __str__(self) -> str:
        return f"{self.failures} attempts"

"""Links that were mailed to somebody."""

from django.db import models
from django.utils import timezone

from accounts.models.users import User


class MailedLink(models.Model):
    """A one-time link in a mail. It proves that whoever uses it reads the mail of `email`.

    Of each purpose a user has one row, so that a newer link voids the older one. Its token is in
    the mail alone.
    """

    class Purpose(models.TextChoices):
        RESET = "reset", "New password"
        INVITATION = "invitation", "Invitation"
        EMAIL_CHANGE = "email_change", "New e-mail address"

    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mailed_links")
    # Where it was sent; for a change of address, the new one.
    email = models.EmailField(max_length=254)
    digest = models.CharField(max_length=64, unique=True)
    # Stands for the password and address the user had then: a change of either voids the link.
    user_mark = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "purpose"], name="mailed_link_one_of_a_purpose")
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} for {self.email}"

    @property
    def is_open(self) -> bool:
        return self.used_at is None and self.expires_at > timezone.now()

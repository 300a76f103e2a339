"""Which entry of the directory a user is."""

from django.db import models

from accounts.models.users import User


class LdapAccount(models.Model):
    """Ties a user to an entry of the directory by what never changes in it.

    The e-mail of an entry can often be edited by its owner, and its name changes when people marry:
    neither says who somebody is.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="ldap_account")
    unique_id = models.UUIDField(unique=True, editable=False)
    dn = models.TextField("distinguished name", editable=False)
    linked_at = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return self.dn

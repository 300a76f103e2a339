"""What a directory or an identity provider says of a user when they sign in."""

from django.dispatch import Signal

# Sent by `send`, inside the transaction of the sign-in, so that an error in a receiver undoes both.
# Arguments: user (User), source ("ldap" or "provider:<slug>"), groups (frozenset of names),
# created (whether the user has just been made), actor (Actor, for the audit trail).
groups_read = Signal()

"""What the apps above are told of teams."""

from django.dispatch import Signal

# Sent inside the transaction that ends a membership, so that an error in a receiver undoes both.
# Arguments: team (Team, its row locked), user (User), actor (Actor, for the audit trail).
member_left = Signal()

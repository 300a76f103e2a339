"""What the apps above are told of projects.

All are sent inside the transaction of the change, with the project's row locked, so that an error
in a receiver undoes both.
"""

from django.dispatch import Signal

# Arguments: project (Project, of its new team already), before (Team), after (Team), actor (Actor).
project_changed_team = Signal()
# Sent before the row goes. Arguments: project (Project), actor (Actor).
project_deleted = Signal()
# Sent when everybody's stored conversations with the project are deleted: what else is kept of
# what was said there goes as well, and receivers return how many texts that were.
# Arguments: project (Project), actor (Actor).
conversations_deleted = Signal()

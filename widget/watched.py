"""Whether a widget that is answering somebody still may."""

from accounts.watch import Pairs, place
from widget.models import Widget

KIND = "widget"


@place(KIND)
def still_answering(pairs: Pairs) -> Pairs:
    """Return those of `pairs` of nobody and widget whose widget is neither paused nor over."""
    ids = {widget_id for _, widget_id in pairs}
    found = set(
        Widget.objects.answering().filter(pk__in=ids, is_paused=False).values_list("pk", flat=True)
    )
    return {pair for pair in pairs if pair[1] in found}

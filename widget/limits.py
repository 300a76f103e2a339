"""How often a widget may be used: by an address, a visitor, and in a day. Counted in Redis."""

from uuid import UUID, uuid4

from restai_site.lib import windows
from restai_site.lib.errors import TooManyRequests
from restai_site.lib.requests import counted_as
from restai_site.lib.windows import Window
from widget.models import Widget

A_MINUTE, A_DAY = 60, 86_400
SESSIONS_PER_ADDRESS = 20
SESSIONS_PER_WIDGET = 600
# A whole office behind one address looks at pages.
LOOKS_PER_ADDRESS = 600
# One address alone cannot use up the day of all: it has a fifth of the messages.
SHARES_OF_A_DAY, SHARE_AT_LEAST = 5, 20
# From so many new visitors in a minute on, a widget is under load.
LOAD = 60
ASKED_TOO_OFTEN = "That was a little fast; try again in {seconds} seconds."
DAY_IS_OVER = "This chat has answered as much as it may for today; come back tomorrow."


def count_message(widget: Widget, visitor_id: UUID, address: str | None) -> None:
    """Count a message in all of its windows, or in none.

    Raises TooManyRequests, and Unavailable where Redis does not answer.
    """
    name = f"widget:{widget.pk}"
    share = max(SHARE_AT_LEAST, widget.messages_per_day // SHARES_OF_A_DAY)
    _take(
        [
            Window(f"{name}:day", widget.messages_per_day, A_DAY),
            Window(f"{name}:day:{counted_as(address)}", share, A_DAY),
            Window(f"{name}:visitor:{visitor_id}", widget.visitor_per_minute, A_MINUTE),
            Window(f"{name}:address:{counted_as(address)}", widget.address_per_minute, A_MINUTE),
        ]
    )


def count_session(widget: Widget, address: str | None) -> None:
    """Count a new visitor. Raises as `count_message` does."""
    name = f"widget:{widget.pk}"
    _take(
        [
            Window(f"{name}:sessions", SESSIONS_PER_WIDGET, A_MINUTE),
            Window(f"{name}:sessions:{counted_as(address)}", SESSIONS_PER_ADDRESS, A_MINUTE),
        ]
    )


def count_look(widget: Widget, address: str | None) -> None:
    """Count a request that is neither, such as one for the history. Raises as the others do."""
    _take([Window(f"widget:{widget.pk}:looks:{counted_as(address)}", LOOKS_PER_ADDRESS, A_MINUTE)])


def is_under_load(widget: Widget) -> bool:
    """Count somebody who comes to a widget, and tell whether many do. Raises Unavailable."""
    taken = windows.take([Window(f"widget:{widget.pk}:load", LOAD, A_MINUTE)], uuid4().bytes)
    return not taken.is_admitted


def _take(wanted: list[Window]) -> None:
    taken = windows.take(wanted, uuid4().bytes)
    if taken.is_admitted:
        return
    full = max((one for one in taken.standings if one.is_full), key=lambda one: one.reset_seconds)
    seconds = full.reset_seconds
    is_daily = full.window.seconds == A_DAY
    words = DAY_IS_OVER if is_daily else ASKED_TOO_OFTEN.format(seconds=seconds)
    code = "widget_day" if is_daily else "rate_limited"
    raise TooManyRequests(words, retry_after=seconds, code=code)

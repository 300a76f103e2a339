"""What has changed since the period before, in signs and in words."""

import pytest

from metering.comparisons import change_in_points, change_of, share
from restai_site.ui.templatetags.ui import compact


@pytest.mark.parametrize(
    ("now", "before", "shown", "spoken"),
    [
        (112, 100, "▲ 12 % from 100", "12 percent more. In the 30 days before: 100."),
        (50, 100, "▼ 50 % from 100", "50 percent less. In the 30 days before: 100."),
        (0, 100, "▼ 100 % from 100", "100 percent less. In the 30 days before: 100."),
        (100, 100, "unchanged", "Unchanged. In the 30 days before: 100."),
        (1001, 1000, "unchanged", "Unchanged. In the 30 days before: 1 k."),
        (
            2500,
            100,
            "▲ \N{MULTIPLICATION SIGN} 25 from 100",
            "25 times as much. In the 30 days before: 100.",
        ),
        (5, 0, "none before", "None in the 30 days before."),
        (None, 100, "from 100", "In the 30 days before: 100."),
    ],
)
def test_a_change_is_shown_and_told(now, before, shown, spoken):
    change = change_of(now, before, show=compact, period="30 days")
    # Between a sign, a number and its unit no line is broken.
    assert change.shown.replace("\N{NO-BREAK SPACE}", " ") == shown
    assert change.spoken == spoken


@pytest.mark.parametrize(("now", "before"), [(0, 0), (None, None), (None, 0), (0, None)])
def test_nothing_is_not_compared_with_nothing(now, before):
    assert change_of(now, before, show=compact, period="7 days") is None


def test_shares_are_compared_in_points():
    change = change_in_points(0.031, 0.021, period="7 days")
    assert change.shown.replace("\N{NO-BREAK SPACE}", " ") == "▲ 1 point from 2.1 %"
    assert change.spoken.startswith("1 percentage point more.")
    assert change_in_points(0.02, 0.02, period="7 days").shown == "unchanged"
    assert change_in_points(None, 0.02, period="7 days") is None


def test_a_share_is_a_percentage():
    assert share(0.5) == "50\N{NO-BREAK SPACE}%"
    assert share(None) == "\N{EN DASH}"

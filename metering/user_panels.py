"""What the own profile and the page of a user show of budgets."""

from accounts.access import SignedInRequest
from accounts.models import User
from accounts.panels import Panel, Place, panel
from metering.meters import meters_of
from metering.models import Budget

APPLYING_MAX = 50


@panel(Place.PROFILE, order=10)
def own(request: SignedInRequest, person: User) -> Panel:
    """Return what the user may still spend, and whose budgets limit them besides."""
    rows = Budget.objects.applying_to(request.actor).with_owners().order_by("pk")[:APPLYING_MAX]
    meters = meters_of(rows)
    context = {
        "own": [one for one in meters if one.budget.user_id is not None],
        "others": [one for one in meters if one.budget.user_id is None],
    }
    return Panel("metering/own_budgets.html", context)


@panel(Place.USER, order=10)
def of_user(request: SignedInRequest, person: User) -> Panel:
    """Return the budgets of a user, for platform administrators."""
    rows = Budget.objects.visible_to(request.actor).filter(user=person).with_owners()
    return Panel("metering/user_card.html", {"meters": meters_of(rows)})

"""Telling people in time that a budget is being used up.

`metering_settle` notes each share of a budget that is reached, once, with what was counted. The
background looks for what nobody has been told of, every few seconds: a call waits for no queue, and
no crash loses an alert.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from itertools import groupby
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import mails
from accounts.models import User
from metering.errors import BudgetExceeded
from metering.meters import WARNING_PERCENT, meters_of, page_of
from metering.models import Budget, BudgetAlert
from metering.reserving import begin_period_of
from restai_site.lib.background import send
from teams.models import Membership

AT_ONCE = 100
# Whoever has not handed on by then has died; who was told before is told again.
CLAIM_HOLDS = timedelta(minutes=2)
Given = ParamSpec("Given")
Prepared = TypeVar("Prepared")
# A budget is hardly ever spent to the last cent: it is used up when it refuses calls.
REFUSED = """
    INSERT INTO metering_budgetalert (period_id, percent, created_at)
    SELECT period.id, 100, clock_timestamp() FROM metering_budgetperiod AS period
    JOIN metering_budget AS budget ON budget.id = period.budget_id
    WHERE period.budget_id = %s AND period.starts_at = %s AND budget.amount > 0
      AND period.spent * 100 >= budget.amount * %s
    ON CONFLICT (period_id, percent) DO NOTHING
"""


def noting_refusals(prepare: Callable[Given, Prepared]) -> Callable[Given, Prepared]:
    """Note when a budget refuses what the decorated function prepares.

    Outside of its transaction, which the refusal undoes.
    """

    @wraps(prepare)
    def noting(*args: Given.args, **kwargs: Given.kwargs) -> Prepared:
        try:
            return prepare(*args, **kwargs)
        except BudgetExceeded as refusal:
            note_refusal(refusal)
            raise

    return noting


def note_refusal(refusal: BudgetExceeded) -> None:
    """Note that a budget refuses calls: it is used up, if it was nearly so before.

    A call that asks for too much of a budget that is hardly used is no reason to tell anybody.
    """
    with transaction.atomic():
        # The refusal has undone its beginning too; else the next call would sum up once more.
        begin_period_of(refusal.budget_id, refusal.window)
        with connection.cursor() as cursor:
            spell = refusal.window
            cursor.execute(REFUSED, (refusal.budget_id, spell.starts_at, WARNING_PERCENT))


def tell_untold() -> int:
    """Hand on every alert that nobody has been told of; return how many mails that makes.

    Of several shares of one budget the highest is told. Two of these at once share the work. Raises
    Unavailable where the queue is away; then, and where a process dies, they are found again.
    """
    mailed = 0
    while alerts := _claim():
        for _, group in groupby(alerts, key=lambda one: one.period_id):
            rows = list(group)
            mailed += _hand_on(rows[-1])
            told = BudgetAlert.objects.filter(pk__in=[row.pk for row in rows])
            told.update(told_at=timezone.now())
    return mailed


@transaction.atomic
def _claim() -> list[BudgetAlert]:
    now = timezone.now()
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM_HOLDS)
    untold = BudgetAlert.objects.filter(free, told_at=None)
    locked = untold.select_for_update(skip_locked=True, of=("self",)).select_related("period")
    rows = list(locked.order_by("period_id", "percent")[:AT_ONCE])
    BudgetAlert.objects.filter(pk__in=[row.pk for row in rows]).update(claimed_at=now)
    return rows


def _hand_on(alert: BudgetAlert) -> int:
    from metering.tasks import mail_alert

    if alert.period.ends_at <= timezone.now():
        return 0
    budget = Budget.objects.with_owners().filter(pk=alert.period.budget_id).first()
    if budget is None:
        return 0
    people = list(recipients(budget).values_list("pk", flat=True))
    for user_id in people:
        send(mail_alert, alert.pk, user_id)
    return len(people)


def recipients(budget: Budget) -> QuerySet[User]:
    """Return who is told: those who can do something about it, and whoever it limits by name."""
    if budget.user is not None:
        told = Q(pk=budget.user.pk)
    elif budget.api_key is not None:
        told = Q(pk=budget.api_key.user_id)
    else:
        team = budget.team or budget.project.team  # type: ignore[union-attr]
        admins = Membership.objects.filter(team=team, role=Membership.Role.ADMIN)
        told = Q(pk__in=admins.values("user_id"))
        if budget.team is not None:
            told |= Q(is_platform_admin=True)
    people: QuerySet[User] = User.objects.filter(told, is_active=True).order_by("pk")
    return people


def mail(alert_id: int, user_id: int) -> bool:
    """Mail an alert to somebody who is still to be told; return whether that was so.

    Raises MailFailed.
    """
    alert = BudgetAlert.objects.select_related("period").filter(pk=alert_id).first()
    if alert is None or not mails.mail_is_set_up():
        return False
    budget = Budget.objects.with_owners().get(pk=alert.period.budget_id)
    person = recipients(budget).filter(pk=user_id).first()
    if person is None:
        return False
    (meter,) = meters_of([budget], alert.period.starts_at)
    address = f"{settings.PUBLIC_URL}{page_of(budget)}"
    context = {"meter": meter, "percent": alert.percent, "address": address}
    mails.send("budget_alert", person.email, folder="metering", **context)
    return True

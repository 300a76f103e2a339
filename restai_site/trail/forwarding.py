"""Page: how far the destinations of the trail have got, and what they would not take."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin
from audit.forwarding import engine
from audit.forwarding.destinations import destinations
from audit.forwarding.section import ForwardingSection
from audit.models import DeadLetter, Delivery
from restai_site.lib.configuration import current
from restai_site.ui.tables import table_of

PAGE = "audit:forwarding"


@require_safe
@platform_admin
def forwarding(request: SignedInRequest) -> HttpResponse:
    """Show each destination that is set up, and the seals that were laid aside."""
    rows = {row.kind: row for row in Delivery.objects.all()}
    newest = engine.newest_number()
    chosen = [one.kind for one in destinations(current(ForwardingSection))]
    states = [(kind, rows.get(kind), _behind(rows.get(kind), newest)) for kind in chosen]
    letters = DeadLetter.objects.visible_to(request.actor)
    table = table_of(request, letters, sorts={"failed": "failed_at"}, default="-failed")
    return render(request, "audit/forwarding.html", {"states": states, "table": table})


@require_POST
@platform_admin
def send_again(request: SignedInRequest, dead_letter_id: int) -> HttpResponse:
    """Have a seal sent again that was laid aside."""
    letter = get_object_or_404(DeadLetter.objects.visible_to(request.actor), pk=dead_letter_id)
    engine.ask_again(letter, actor=request.actor)
    messages.success(request, f"Seal {letter.number} is being sent again.")
    return redirect(PAGE)


def _behind(row: Delivery | None, newest: int) -> int:
    return max(0, newest - row.delivered_until) if row is not None else 0

"""Pages: to an identity provider and back, and one's accounts there."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts import proof, sign_in
from accounts.access import SignedInRequest, signed_in
from accounts.actors import user_behind
from accounts.credentials import anonymous, resolve
from accounts.factor_forms import ProofForm, proof_errors_on
from accounts.models import IdentityProvider, LinkedAccount
from accounts.sections import AuthenticationSection
from accounts.services import linked_accounts
from accounts.services.linked_accounts import IdentityRefused
from accounts.sessions.lifecycle import MFA
from accounts.sso import claims, dance
from accounts.sso.dance import Purpose, Returned
from accounts.sso.errors import SignInNotBegun
from accounts.views.profile import own_user
from restai_site.lib.configuration import current
from restai_site.lib.errors import DomainError, NotFound
from restai_site.lib.http import error_headers
from restai_site.lib.rate_limit import count_use
from restai_site.lib.requests import counted_as
from restai_site.ui.forms import errors_told, safe_next

START_GROUP = "accounts.sso"
# Each asks the provider: nobody shall make the platform ask without end.
STARTS_RATE = "30/m"


@require_POST
def start(request: HttpRequest, provider_slug: str) -> HttpResponse:
    """Send somebody who wants to sign in to the provider."""
    target = safe_next(request, reverse("dashboard"))
    if request.user.is_authenticated:
        return redirect(target)
    try:
        return _go(request, _offered(provider_slug), purpose=Purpose.SIGN_IN, target=target)
    except DomainError as error:
        return _failed(request, error)


@sensitive_post_parameters("password", "code", "passkey")
@require_POST
@signed_in
def link(request: SignedInRequest, provider_slug: str) -> HttpResponse:
    """Send somebody who is signed in to the provider, to link their account there.

    A linked account is a way in that lasts: a session that was left open must not be enough.
    """
    target, user_id = reverse("accounts:security"), request.actor.own_id
    question = _ask_who_it_is(request)
    if question is not None:
        return question
    try:
        return _go(
            request, _offered(provider_slug), purpose=Purpose.LINK, target=target, user_id=user_id
        )
    except DomainError as error:
        messages.error(request, error.message)
        return redirect(target)


def _ask_who_it_is(request: SignedInRequest) -> HttpResponse | None:
    """Return the page that asks for a proof, or None where there is one, or a recent sign-in."""
    user = own_user(request)
    if proof.confirmed(request, user).holds_any:
        return None
    is_answer = not {"password", "code"}.isdisjoint(request.POST)
    form = ProofForm(user, request.POST if is_answer else None)
    if form.is_valid():
        with proof_errors_on(form):
            proof.confirm(request, user, **form.given())
            return None
    if form.fields.keys().isdisjoint({"password", "code"}):
        messages.error(request, "Log in again first, then link the account within 15 minutes.")
        return redirect("accounts:security")
    context = {
        "form": form,
        "title": "Link an account",
        "text": "Whoever signs in by it reaches this account from then on: show that it is you.",
        "label": "Go on",
    }
    return render(request, "accounts/confirm.html", context, status=400 if form.errors else 200)


@require_GET
def callback(request: HttpRequest, provider_slug: str) -> HttpResponse:
    """Take somebody back from the provider."""
    try:
        provider = _offered(provider_slug)
        returned = dance.finish(request, provider)
        if returned.purpose is Purpose.LINK:
            return _link(request, provider, returned)
        return redirect(_sign_in(request, provider, returned))
    except DomainError as error:
        return _failed(request, error)


@require_POST
@signed_in
def unlink(request: SignedInRequest, link_id: int) -> HttpResponse:
    own = LinkedAccount.objects.visible_to(request.actor).filter(user_id=request.actor.own_id)
    with errors_told(request):
        linked_accounts.unlink_account(get_object_or_404(own, pk=link_id), actor=request.actor)
        messages.success(request, "The account is unlinked.")
    return redirect("accounts:security")


def _offered(slug: str) -> IdentityProvider:
    """Return the provider. Raises NotFound where there is none, or it is switched off."""
    found: IdentityProvider | None = IdentityProvider.objects.filter(
        slug=slug, enabled=True
    ).first()
    if found is None:
        raise NotFound("This way to sign in is not offered here, or not any more.")
    return found


def _go(
    request: HttpRequest,
    provider: IdentityProvider,
    *,
    purpose: Purpose,
    target: str,
    user_id: int = 0,
) -> HttpResponse:
    """Return a page that goes on to the provider by itself.

    No redirect: browsers hold one to the policy of the page whose form was sent, which lets forms
    go nowhere but here.
    """
    count_use(START_GROUP, counted_as(getattr(request, "client_ip", None)), rate=STARTS_RATE)
    address = dance.begin(request, provider, purpose=purpose, target=target, user_id=user_id)
    return render(request, "accounts/to_provider.html", {"provider": provider, "address": address})


def _sign_in(request: HttpRequest, provider: IdentityProvider, returned: Returned) -> str:
    """Return where to go to next: the session has begun, or asks for a second factor."""
    identity, actor = returned.identity, anonymous(request)
    trusted = current(AuthenticationSection).trust_provider_mfa and claims.is_mfa(identity)
    amr = ("sso", MFA) if trusted else ("sso",)
    try:
        with transaction.atomic():
            user = linked_accounts.user_of(provider, identity, actor=actor)
            return sign_in.begin(request, user, amr=amr, target=returned.target)
    except IdentityRefused as refusal:
        linked_accounts.refuse(provider, refusal.reason, identity, actor=actor)
        raise


def _link(request: HttpRequest, provider: IdentityProvider, returned: Returned) -> HttpResponse:
    actor = resolve(request)
    if actor is None or actor.user_id != returned.user_id:
        raise SignInNotBegun
    user = user_behind(actor)
    try:
        linked_accounts.link_account(provider, returned.identity, user, actor=actor)
        messages.success(request, f"Your account at {provider} is linked.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect(returned.target)


def _failed(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Say what went wrong, with the way back to the log-in page."""
    response = render(
        request, "accounts/sign_in_failed.html", {"error": error}, status=error.status
    )
    for name, value in error_headers(error).items():
        response.headers[name] = value
    return response

"""The second stage of a log-in, and the log-in by a passkey alone."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import challenges, proof, sign_in
from accounts.actors import anonymous
from accounts.factor_forms import PasskeyForm, SecondFactorForm, sent
from accounts.models import Passkey, TotpDevice, User
from accounts.services.passkeys import begin_authentication
from accounts.sessions.lifecycle import MFA
from accounts.views.passkeys import errors_as_json
from restai_site.lib.rate_limit import count_use
from restai_site.ui.forms import errors_on, errors_told, safe_next

# For all who share an address.
OPTIONS_RATE = "60/m"


@sensitive_post_parameters("code", "recovery_code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    user = sign_in.pending(request)
    if user is None:
        return redirect("accounts:login")
    form = SecondFactorForm(sent(request))
    if form.is_valid():
        with errors_on(form):
            return redirect(sign_in.finish(request, amr=(_check(request, user, form),)))
    context = {
        "form": form,
        "pending": user,
        "has_app": TotpDevice.objects.filter(user=user, confirmed=True).exists(),
        "has_passkey": Passkey.objects.filter(user=user).exists(),
    }
    status = 400 if form.errors else 200
    return render(request, "accounts/second_factor.html", context, status=status)


@errors_as_json
@require_POST
def passkey_options(request: HttpRequest) -> JsonResponse:
    """Answer with the options for the browser: of whoever is at the second stage, else for anyone.

    The challenge lives in the session, so that no other browser can use the answer to it.
    """
    user = sign_in.pending(request)
    if user is None:
        # Each challenge makes a session, so strangers get no more than people need.
        count_use("passkey_options", str(anonymous(request).ip), rate=OPTIONS_RATE)
    options, state = begin_authentication(user)
    challenges.keep(request, challenges.SECOND_FACTOR if user else challenges.SIGN_IN, state)
    return JsonResponse(options)


@sensitive_post_parameters("passkey")
@require_POST
def sign_in_with_passkey(request: HttpRequest) -> HttpResponse:
    target = safe_next(request, reverse("dashboard"))
    form = PasskeyForm(request.POST)
    credential = form.cleaned_data["passkey"] if form.is_valid() else None
    with errors_told(request):
        user = proof.check_passkey_alone(request, credential or {})
        return redirect(sign_in.begin(request, user, amr=(proof.PASSKEY, MFA), target=target))
    return redirect(f"{reverse('accounts:login')}?{urlencode({'next': target})}")


def _check(request: HttpRequest, user: User, form: SecondFactorForm) -> str:
    """Return how `user` has proven who they are. Raises Invalid, TooManyRequests."""
    given = form.cleaned_data
    if given["passkey"]:
        purpose = challenges.SECOND_FACTOR
        proof.check_passkey(request, user, given["passkey"], purpose=purpose)
        return proof.PASSKEY
    if given["code"]:
        return proof.check_code(request, user, given["code"])
    return proof.check_recovery_code(request, user, given["recovery_code"])

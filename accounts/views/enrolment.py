"""Pages on which people set up, renew and remove second factors of their own."""

import segno
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts import proof
from accounts.access import SignedInRequest, signed_in
from accounts.factor_forms import CodeForm, NewPasskeyForm, ProofForm, proof_errors_on, sent
from accounts.limiter import Kind, count
from accounts.models import TotpDevice, User
from accounts.policy import second_factor_required_of
from accounts.services.passkeys import passkeys_available
from accounts.services.recovery_codes import new_recovery_codes
from accounts.services.second_factor import begin_totp, confirm_totp, otpauth_uri, remove_totp
from accounts.sessions import lifecycle
from accounts.views.profile import own_user
from restai_site.ui.forms import errors_on

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
GROUP = 4


@sensitive_post_parameters("password", "code", "passkey")
@get_or_post
@signed_in
def enrol(request: SignedInRequest) -> HttpResponse:
    """Offer what can be set up; a POST confirms who is there, where that is asked."""
    user = own_user(request)
    form = ProofForm(user, sent(request))
    if form.is_valid():
        with errors_on(form):
            proof.confirm(request, user, **form.given())
            return redirect("accounts:enrol")
    return enrolment_page(request, user, proof_form=form)


@require_POST
@signed_in
def begin_app(request: SignedInRequest) -> HttpResponse:
    """Show the secret of a new app, in this answer alone."""
    user = own_user(request)
    device = begin_totp(user, proof=proof.confirmed(request, user), actor=request.actor)
    return _app_page(request, CodeForm(), device)


@sensitive_post_parameters("code")
@require_POST
@signed_in
def confirm_app(request: SignedInRequest) -> HttpResponse:
    user = own_user(request)
    form = CodeForm(request.POST)
    if form.is_valid():
        with errors_on(form):
            attempt = count(Kind.CODE, account=user.email, request=request)
            codes = confirm_totp(user, code=form.cleaned_data["code"], actor=request.actor)
            attempt.succeeded()
            lifecycle.renew(request, amr=(proof.OTP, lifecycle.MFA))
            messages.success(request, "Your authenticator app is set up.")
            return show_codes(request, codes) if codes else redirect("accounts:security")
    return _app_page(request, form, None)


@sensitive_post_parameters("password", "code", "passkey")
@get_or_post
@signed_in
def remove_app(request: SignedInRequest) -> HttpResponse:
    user = own_user(request)
    form = ProofForm(user, sent(request))
    if form.is_valid():
        with proof_errors_on(form):
            given = proof.prove(request, user, **form.given())
            remove_totp(user, proof=given, actor=request.actor)
            lifecycle.renew(request)
            messages.success(request, "Your authenticator app is removed.")
            return redirect("accounts:security")
    context = {
        "form": form,
        "title": "Remove the authenticator app",
        "text": "Its codes no longer work. With the last factor the recovery codes go as well.",
        "label": "Remove app",
        "is_dangerous": True,
    }
    status = 400 if form.errors else 200
    return render(request, "accounts/confirm.html", context, status=status)


@sensitive_post_parameters("password", "code", "passkey")
@get_or_post
@signed_in
def recovery_codes(request: SignedInRequest) -> HttpResponse:
    user = own_user(request)
    form = ProofForm(user, sent(request))
    if form.is_valid():
        with proof_errors_on(form):
            given = proof.prove(request, user, **form.given())
            codes = new_recovery_codes(user, proof=given, actor=request.actor)
            return show_codes(request, codes)
    context = {
        "form": form,
        "title": "New recovery codes",
        "text": "Ten new codes are made, and the old ones stop working. Enter your password or a "
        "code: one of them is enough.",
        "label": "Make new codes",
    }
    status = 400 if form.errors else 200
    return render(request, "accounts/confirm.html", context, status=status)


def show_codes(request: SignedInRequest, codes: list[str]) -> HttpResponse:
    """Show recovery codes, in this answer alone: they are stored nowhere."""
    return render(request, "accounts/recovery_codes.html", {"codes": "\n".join(codes)})


def enrolment_page(
    request: SignedInRequest,
    user: User,
    *,
    proof_form: ProofForm | None = None,
    passkey_form: NewPasskeyForm | None = None,
) -> HttpResponse:
    """Return the page that offers what can be set up."""
    has_factor = user.second_factor_since is not None
    required = second_factor_required_of(is_platform_admin=user.is_platform_admin)
    context = {
        "form": proof_form or ProofForm(user),
        "passkey_form": passkey_form or NewPasskeyForm(),
        "needs_proof": not proof.confirmed(request, user).holds_any,
        "is_enforced": required and not has_factor,
        "has_app": TotpDevice.objects.filter(user=user, confirmed=True).exists(),
        "offers_passkeys": passkeys_available(),
    }
    wrong = any(form is not None and form.errors for form in (proof_form, passkey_form))
    return render(request, "accounts/enrol.html", context, status=400 if wrong else 200)


@sensitive_variables()
def _app_page(request: SignedInRequest, form: CodeForm, device: TotpDevice | None) -> HttpResponse:
    """Return the page that asks for the first code; with a device also its secret."""
    context: dict[str, object] = {"form": form}
    if device is not None:
        secret = device.secret
        context["qr_code"] = _qr_code(otpauth_uri(device))
        context["secret"] = " ".join(
            secret[start : start + GROUP] for start in range(0, len(secret), GROUP)
        )
    return render(request, "accounts/app.html", context, status=400 if form.errors else 200)


def _qr_code(text: str) -> str:
    """Return `text` as a QR code: the address of an image that is in the page itself."""
    made = segno.make(text, error="m", micro=False)
    return made.svg_data_uri(border=4, omitsize=True)

"""Pages of one's own passkeys, and the options that browsers ask for."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import challenges, proof
from accounts.access import SignedInRequest, signed_in
from accounts.factor_forms import NewPasskeyForm, PasskeyNameForm, ProofForm, proof_errors_on, sent
from accounts.models import Passkey, User
from accounts.services.passkeys import (
    add_passkey,
    begin_authentication,
    begin_registration,
    remove_passkey,
    rename_passkey,
)
from accounts.sessions import lifecycle
from accounts.views.enrolment import enrolment_page, show_codes
from accounts.views.profile import own_user
from restai_site.lib.errors import DomainError
from restai_site.lib.http import error_headers, json_response, problem_of
from restai_site.ui.forms import errors_on

PROBLEM_TYPE = "application/problem+json"


def errors_as_json(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Answer errors as problem details: the page's script reads them."""

    @wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            body = problem_of(error, getattr(request, "request_id", ""))
            response = json_response(body, error.status, PROBLEM_TYPE)
            for name, value in error_headers(error).items():
                response.headers[name] = value
            return response

    return answered


@errors_as_json
@require_POST
@signed_in
def registration_options(request: SignedInRequest) -> JsonResponse:
    options, state = begin_registration(own_user(request))
    challenges.keep(request, challenges.REGISTER, state)
    return JsonResponse(options)


@errors_as_json
@require_POST
@signed_in
def proof_options(request: SignedInRequest) -> JsonResponse:
    options, state = begin_authentication(own_user(request))
    challenges.keep(request, challenges.PROOF, state)
    return JsonResponse(options)


@sensitive_post_parameters("passkey", "password", "code")
@require_POST
@signed_in
def add(request: SignedInRequest) -> HttpResponse:
    user = own_user(request)
    form = NewPasskeyForm(request.POST)
    if form.is_valid():
        with errors_on(form):
            return _added(request, user, form)
    return enrolment_page(request, user, passkey_form=form)


def _added(request: SignedInRequest, user: User, form: NewPasskeyForm) -> HttpResponse:
    passkey, codes = add_passkey(
        user,
        name=form.cleaned_data["name"],
        credential=form.cleaned_data["passkey"],
        state=challenges.take(request, challenges.REGISTER),
        proof=proof.confirmed(request, user),
        actor=request.actor,
    )
    lifecycle.renew(request, amr=(proof.PASSKEY, lifecycle.MFA))
    messages.success(request, f"The passkey “{passkey.name}” is added.")
    return show_codes(request, codes) if codes else redirect("accounts:security")


@require_POST
@signed_in
def rename(request: SignedInRequest, passkey_id: int) -> HttpResponse:
    passkey = _own_passkey(request, passkey_id)
    form = PasskeyNameForm(request.POST)
    if form.is_valid():
        rename_passkey(passkey, name=form.cleaned_data["name"], actor=request.actor)
        messages.success(request, "The passkey is renamed.")
    else:
        messages.error(request, "Enter a name of at most 64 characters.")
    return redirect("accounts:security")


@sensitive_post_parameters("passkey", "password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def remove(request: SignedInRequest, passkey_id: int) -> HttpResponse:
    user, passkey = own_user(request), _own_passkey(request, passkey_id)
    form = ProofForm(user, sent(request))
    if form.is_valid():
        with proof_errors_on(form):
            given = proof.prove(request, user, **form.given())
            remove_passkey(passkey, proof=given, actor=request.actor)
            lifecycle.renew(request)
            messages.success(request, f"The passkey “{passkey.name}” is removed.")
            return redirect("accounts:security")
    context = {
        "form": form,
        "title": f"Remove the passkey “{passkey.name}”",
        "text": "It no longer signs you in. Your device may still list it: delete it there too.",
        "label": "Remove passkey",
        "is_dangerous": True,
    }
    status = 400 if form.errors else 200
    return render(request, "accounts/confirm.html", context, status=status)


def _own_passkey(request: SignedInRequest, passkey_id: int) -> Passkey:
    rows = Passkey.objects.visible_to(request.actor)
    passkey: Passkey = get_object_or_404(rows, pk=passkey_id)
    return passkey

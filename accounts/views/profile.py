"""Pages: one's own profile, and what keeps it safe."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import services
from accounts.access import SignedInRequest, signed_in
from accounts.actors import user_behind
from accounts.confirmation import confirming
from accounts.factor_cards import factor_cards
from accounts.forms import ProfileForm, ThemeForm
from accounts.models import LinkedAccount, Session, User
from accounts.panels import Place, panels_of
from accounts.password_forms import EmailForm, PasswordForm
from accounts.services.providers import offered
from accounts.sessions import lifecycle
from accounts.views.sign_in import get_or_post
from accounts.views.tabs import account_tabs
from restai_site.ui.forms import errors_on, safe_next

SESSIONS_SHOWN = 50


def own_user(request: SignedInRequest) -> User:
    """Return the user who sent the request."""
    return user_behind(request.actor)


@get_or_post
@signed_in
def profile(request: SignedInRequest) -> HttpResponse:
    user = own_user(request)
    form = ProfileForm(request.POST or None, initial={"name": user.name, "theme": user.theme})
    if request.method == "POST" and form.is_valid():
        services.update_user(user, form.cleaned_data, actor=request.actor)
        messages.success(request, "Your profile is saved.")
        return redirect("accounts:profile")
    panels = panels_of(Place.PROFILE, request, user)
    context = {"form": form, "panels": panels, "tabs": account_tabs("profile")}
    return render(request, "accounts/profile.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def change_theme(request: SignedInRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if form.is_valid():
        services.update_user(own_user(request), form.cleaned_data, actor=request.actor)
    return redirect(safe_next(request, reverse("accounts:profile")))


@require_safe
@signed_in
def security(request: SignedInRequest) -> HttpResponse:
    return security_page(request)


def security_page(
    request: SignedInRequest,
    *,
    password_form: PasswordForm | None = None,
    email_form: EmailForm | None = None,
) -> HttpResponse:
    """Return the page with everything by which the user is known; a form that was wrong stays."""
    user = own_user(request)
    forms = {
        "password_form": password_form or PasswordForm(user=user),
        "email_form": email_form or EmailForm(),
    }
    context = {
        **forms,
        "has_password": user.has_usable_password(),
        "linked_accounts": (links := list(own_links(request))),
        "linkable": [one for one in offered() if one.pk not in {row.provider_id for row in links}],
        "sessions": own_sessions(request)[:SESSIONS_SHOWN],
        "current_session": request.actor.session_id,
        "tabs": account_tabs("security"),
        **factor_cards(own_user(request)),
    }
    wrong = any(form.errors for form in forms.values())
    return render(request, "accounts/security.html", context, status=400 if wrong else 200)


@sensitive_post_parameters("current_password", "password")
@require_POST
@signed_in
def change_password(request: SignedInRequest) -> HttpResponse:
    user = own_user(request)
    form = PasswordForm(request.POST, user=user)
    if form.is_valid():
        with errors_on(form), confirming(user, request):
            services.change_password(
                user,
                current_password=form.cleaned_data["current_password"],
                new=form.cleaned_data["password"],
                actor=request.actor,
            )
        if form.is_valid():
            lifecycle.renew(request)
            messages.success(request, "Your password is changed. Other sessions have ended.")
            return redirect("accounts:security")
    return security_page(request, password_form=form)


@sensitive_post_parameters("current_password")
@require_POST
@signed_in
def change_email(request: SignedInRequest) -> HttpResponse:
    user = own_user(request)
    form = EmailForm(request.POST)
    if form.is_valid():
        with errors_on(form), confirming(user, request):
            services.ask_for_email(user, **form.cleaned_data, actor=request.actor)
        if form.is_valid():
            messages.success(request, "Look into the mail of the new address, and confirm it.")
            return redirect("accounts:security")
    return security_page(request, email_form=form)


def own_sessions(request: SignedInRequest) -> "QuerySet[Session]":
    """Return the sessions of the user who sent the request, the last used first."""
    own = Session.objects.visible_to(request.actor).filter(user_id=request.actor.own_id)
    found: QuerySet[Session] = own.select_related("impersonator").order_by("-last_seen_at")
    return found


def own_links(request: SignedInRequest) -> "QuerySet[LinkedAccount]":
    """Return the accounts elsewhere by which the user who sent the request signs in."""
    rows = LinkedAccount.objects.visible_to(request.actor).filter(user_id=request.actor.own_id)
    return rows.select_related("provider").defer("provider__client_secret")


@require_POST
@signed_in
def end_session(request: SignedInRequest, session_id: str) -> HttpResponse:
    session = get_object_or_404(own_sessions(request), pk=session_id)
    lifecycle.end_one(session, actor=request.actor)
    if session.pk == request.actor.session_id:
        return redirect("accounts:login")
    messages.success(request, "That session has ended.")
    return redirect("accounts:security")


@require_POST
@signed_in
def end_other_sessions(request: SignedInRequest) -> HttpResponse:
    ended = lifecycle.end_others(own_user(request), actor=request.actor)
    words = "One other session has" if ended == 1 else f"{ended} other sessions have"
    messages.success(request, f"{words} ended." if ended else "There was no other session.")
    return redirect("accounts:security")

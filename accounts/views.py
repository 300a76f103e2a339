"""Pages: log-in, set-up, one's own profile and API keys."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services, sessions
from accounts.access import SignedInRequest, signed_in
from accounts.credentials import anonymous
from accounts.forms import ApiKeyForm, LogInForm, PasswordForm, ProfileForm, SetUpForm, ThemeForm
from accounts.models import ApiKey, User
from restai_site.ui.forms import errors_on, safe_next
from restai_site.ui.tables import tab

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@sensitive_post_parameters("password")
@get_or_post
def log_in(request: HttpRequest) -> HttpResponse:
    target = safe_next(request, reverse("dashboard"))
    if request.user.is_authenticated:
        return redirect(target)
    form = LogInForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid() and form.user is not None:
        sessions.sign_in(request, form.user)
        return redirect(target)
    context = {"form": form, "next": target}
    return render(request, "accounts/login.html", context, status=400 if form.errors else 200)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    sessions.sign_out(request)
    return redirect("accounts:login")


@sensitive_post_parameters("password")
@get_or_post
def set_up(request: HttpRequest, token: str) -> HttpResponse:
    if not services.setup_link_is_open(token):
        raise Http404
    form = SetUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            actor = anonymous(request)
            user = services.use_setup_link(token, **form.cleaned_data, actor=actor)
            sessions.sign_in(request, user)
            return redirect("inference:chat")
    context = {"form": form}
    return render(request, "accounts/setup.html", context, status=400 if form.errors else 200)


@get_or_post
@signed_in
def profile(request: SignedInRequest) -> HttpResponse:
    user = _own(request)
    initial = {"name": user.name, "theme": user.theme}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.update_user(user, form.cleaned_data, actor=request.actor)
        messages.success(request, "Your profile is saved.")
        return redirect("accounts:profile")
    return _profile_page(request, form, PasswordForm())


@sensitive_post_parameters("current_password", "password")
@require_POST
@signed_in
def change_password(request: SignedInRequest) -> HttpResponse:
    user = _own(request)
    form = PasswordForm(request.POST)
    if form.is_valid():
        with errors_on(form):
            user = services.change_password(
                user,
                current=form.cleaned_data["current_password"],
                new=form.cleaned_data["password"],
                actor=request.actor,
            )
            sessions.keep_session(request, user)
            messages.success(request, "Your password is changed. Other sessions have ended.")
            return redirect("accounts:profile")
    initial = {"name": user.name, "theme": user.theme}
    return _profile_page(request, ProfileForm(initial=initial), form)


@require_POST
@signed_in
def change_theme(request: SignedInRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if form.is_valid():
        services.update_user(_own(request), form.cleaned_data, actor=request.actor)
    return redirect(safe_next(request, reverse("accounts:profile")))


@get_or_post
@signed_in
def keys(request: SignedInRequest) -> HttpResponse:
    form = ApiKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        lifetime = form.cleaned_data["lifetime"]
        key, plaintext = services.create_api_key(
            _own(request),
            name=form.cleaned_data["name"],
            expires_at=timezone.now() + lifetime if lifetime else None,
            actor=request.actor,
        )
        # Shown in this answer alone: it is stored nowhere, so there is no page to redirect to.
        return render(request, "accounts/key_created.html", {"key": key, "plaintext": plaintext})
    own = ApiKey.objects.visible_to(request.actor).filter(user=_own(request))
    context = {
        "form": form,
        "keys": own,
        "tabs": _tabs("keys"),
        "now": timezone.now(),
    }
    return render(request, "accounts/keys.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def revoke_key(request: SignedInRequest, key_id: int) -> HttpResponse:
    own = ApiKey.objects.editable_by(request.actor).filter(user=_own(request))
    key = services.revoke_api_key(get_object_or_404(own, pk=key_id), actor=request.actor)
    messages.success(request, f"The key “{key.name}” is revoked.")
    return redirect("accounts:keys")


def _own(request: SignedInRequest) -> User:
    user: User = get_object_or_404(User.objects.visible_to(request.actor), pk=request.actor.user_id)
    return user


def _profile_page(
    request: SignedInRequest, form: ProfileForm, password_form: PasswordForm
) -> HttpResponse:
    context = {"form": form, "password_form": password_form, "tabs": _tabs("profile")}
    wrong = form.errors or password_form.errors
    return render(request, "accounts/profile.html", context, status=400 if wrong else 200)


def _tabs(current: str) -> list[dict[str, object]]:
    return [
        tab("Profile", reverse("accounts:profile"), is_current=current == "profile"),
        tab("API keys", reverse("accounts:keys"), is_current=current == "keys"),
    ]

"""Pages: a forgotten password, one's own password and e-mail address, and links from mails."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts import links_in_session, services, sign_in
from accounts.actors import anonymous
from accounts.forgotten import ask_for_reset, refuse_where_closed
from accounts.links_in_session import PAGE_OF, no_referrer
from accounts.password_forms import AcceptForm, ForgottenForm, NewPasswordForm
from accounts.services.links import Purpose
from accounts.sessions import lifecycle
from restai_site.ui.forms import errors_on

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@get_or_post
def forgot(request: HttpRequest) -> HttpResponse:
    refuse_where_closed()
    form = ForgottenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        ask_for_reset(form.cleaned_data["email"], request)
        return redirect("accounts:forgot_sent")
    return render(
        request, "accounts/forgot.html", {"form": form}, status=400 if form.errors else 200
    )


@require_safe
def forgot_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/forgot_sent.html")


@require_safe
@no_referrer
@sensitive_variables("token")
def follow_link(request: HttpRequest, token: str, purpose: Purpose) -> HttpResponse:
    """Take the token out of the address at once: the page itself is reached without it."""
    digest = services.digest_of(token)
    if services.find_link(digest, purpose) is None:
        return _gone(request, purpose)
    links_in_session.keep(request, purpose, digest)
    return redirect(PAGE_OF[purpose])


@sensitive_post_parameters("password")
@get_or_post
def reset(request: HttpRequest) -> HttpResponse:
    digest = links_in_session.kept(request, Purpose.RESET)
    link = services.find_reset_link(digest)
    if link is None:
        return _gone(request, Purpose.RESET)
    form = NewPasswordForm(request.POST or None, user=link.user)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            password = form.cleaned_data["password"]
            services.reset_password(digest, password=password, actor=anonymous(request))
            lifecycle.end(request)
            messages.success(request, "Your password is changed. Log in with the new one.")
            return redirect("accounts:login")
    context = {"form": form, "email": link.user.email}
    return render(request, "accounts/reset.html", context, status=400 if form.errors else 200)


@sensitive_post_parameters("password")
@get_or_post
def accept(request: HttpRequest) -> HttpResponse:
    digest = links_in_session.kept(request, Purpose.INVITATION)
    link = services.find_invitation(digest)
    if link is None:
        return _gone(request, Purpose.INVITATION)
    form = AcceptForm(request.POST or None, user=link.user, initial={"name": link.user.name})
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            user = services.accept_invitation(digest, **form.cleaned_data, actor=anonymous(request))
            target = reverse("inference:chat")
            return redirect(sign_in.begin(request, user, amr=("pwd",), target=target))
    context = {"form": form, "email": link.user.email}
    return render(request, "accounts/accept.html", context, status=400 if form.errors else 200)


@get_or_post
def confirm_email(request: HttpRequest) -> HttpResponse:
    """Change the address by a button: what looks into mails for people follows links, too."""
    digest = links_in_session.kept(request, Purpose.EMAIL_CHANGE)
    link = services.find_link(digest, Purpose.EMAIL_CHANGE)
    if link is None:
        return _gone(request, Purpose.EMAIL_CHANGE)
    if request.method == "POST":
        services.confirm_email(digest, actor=anonymous(request))
        links_in_session.forget(request, Purpose.EMAIL_CHANGE)
        messages.success(request, f"Your e-mail address is now {link.email}.")
        return redirect("accounts:profile")
    return render(request, "accounts/confirm_email.html", {"email": link.email})


def _gone(request: HttpRequest, purpose: Purpose) -> HttpResponse:
    return render(request, "accounts/link_gone.html", {"purpose": purpose.value}, status=404)

"""Pages: log-in, log-out, set-up."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import policy, services, sign_in
from accounts.credentials import anonymous
from accounts.forms import LogInForm, SetUpForm
from accounts.services.passkeys import passkeys_available
from accounts.services.providers import offered
from accounts.sessions import lifecycle
from restai_site.lib.errors import DomainError, TooManyRequests, Unavailable
from restai_site.ui.forms import errors_on, safe_next

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@sensitive_post_parameters("password")
@get_or_post
def log_in(request: HttpRequest) -> HttpResponse:
    target = safe_next(request, reverse("dashboard"))
    if request.user.is_authenticated:
        return redirect(target)
    form = LogInForm(request.POST or None)
    refusal: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            checked = sign_in.check_password(**form.cleaned_data, request=request)
            return redirect(sign_in.begin(request, checked.user, amr=checked.amr, target=target))
        except (sign_in.SignInRefused, TooManyRequests, Unavailable) as error:
            refusal = error
            form.add_error(None, error.message)
    return _log_in_page(request, form, target, refusal)


def _log_in_page(
    request: HttpRequest, form: LogInForm, target: str, refusal: DomainError | None
) -> HttpResponse:
    context = {
        "form": form,
        "next": target,
        "offers_passkeys": passkeys_available(),
        "by_password": policy.takes_passwords(),
        "providers": offered(),
    }
    wrong = refusal is not None or form.errors
    response = render(request, "accounts/login.html", context, status=400 if wrong else 200)
    if isinstance(refusal, TooManyRequests | Unavailable):
        response.status_code = refusal.status
    if refusal is not None and refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    lifecycle.end(request)
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
            chat = reverse("inference:chat")
            return redirect(sign_in.begin(request, user, amr=("pwd",), target=chat))
    context = {"form": form}
    return render(request, "accounts/setup.html", context, status=400 if form.errors else 200)

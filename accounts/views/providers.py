"""Pages: the identity providers among the settings; for platform administrators."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin
from accounts.models import IdentityProvider
from accounts.provider_forms import IdentityProviderForm, initial_of
from accounts.services import providers as services
from accounts.sso import probe as probes
from accounts.sso.protocols import callback_url
from accounts.views.sign_in import get_or_post
from restai_site.ui.forms import errors_on
from restai_site.ui.probes import Probe, as_probed, probed
from restai_site.ui.settings_tabs import PROVIDERS_PAGE, tabs_of_settings
from restai_site.ui.tables import table_of


@require_safe
@platform_admin
def provider_list(request: SignedInRequest) -> HttpResponse:
    table = table_of(
        request,
        IdentityProvider.objects.visible_to(request.actor),
        sorts={"name": "name", "kind": "kind", "position": "position"},
        default="position",
        search=["name", "slug", "server_url"],
    )
    context = {"table": table, "tabs": tabs_of_settings(PROVIDERS_PAGE)}
    return render(request, "accounts/providers.html", context)


@sensitive_post_parameters("client_secret")
@get_or_post
@platform_admin
def provider_new(request: SignedInRequest) -> HttpResponse:
    form = IdentityProviderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            provider = services.create_provider(form.values(), actor=request.actor)
            messages.success(request, f"“{provider}” is saved. Enter its call-back address there.")
            return redirect("accounts:provider_edit", provider.pk)
    return _page(request, form, None)


@sensitive_post_parameters("client_secret")
@get_or_post
@platform_admin
def provider_edit(request: SignedInRequest, identity_provider_id: int) -> HttpResponse:
    provider = _provider(request, identity_provider_id)
    sent = request.POST if request.method == "POST" else None
    form = IdentityProviderForm(sent, initial=initial_of(provider), provider=provider)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.update_provider(provider, form.values(), actor=request.actor)
            messages.success(request, "The provider is saved.")
            return redirect("accounts:provider_edit", provider.pk)
    return _page(request, form, provider)


@require_POST
@platform_admin
def provider_test(request: SignedInRequest, identity_provider_id: int) -> HttpResponse:
    provider = _provider(request, identity_provider_id)
    probe = probed(lambda: probes.test_provider(provider, actor=request.actor))
    form = IdentityProviderForm(initial=initial_of(provider), provider=provider)
    return _page(request, form, provider, probe)


@require_POST
@platform_admin
def provider_delete(request: SignedInRequest, identity_provider_id: int) -> HttpResponse:
    provider = _provider(request, identity_provider_id)
    services.delete_provider(provider, actor=request.actor)
    messages.success(request, f"“{provider}” is deleted.")
    return redirect("accounts:providers")


def _provider(request: SignedInRequest, provider_id: int) -> IdentityProvider:
    rows = IdentityProvider.objects.editable_by(request.actor)
    provider: IdentityProvider = get_object_or_404(rows, pk=provider_id)
    return provider


def _page(
    request: SignedInRequest,
    form: IdentityProviderForm,
    provider: IdentityProvider | None,
    probe: Probe | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "provider": provider,
        "probe": probe,
        "callback_url": callback_url(provider) if provider else "",
    }
    status = 400 if form.errors else 200
    return as_probed(render(request, "accounts/provider_form.html", context, status=status), probe)

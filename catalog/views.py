"""Pages: models of all kinds and the provider accounts behind them; for platform administrators."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin
from catalog import connection, price_list, services
from catalog.forms import FORMS, CatalogForm, ProviderForm
from catalog.models import (
    LLM,
    AudioGenerator,
    CatalogModel,
    EmbeddingModel,
    ImageGenerator,
    ProviderAccount,
)
from restai_site.ui.forms import errors_on, errors_told
from restai_site.ui.probes import Probe, as_probed, probed
from restai_site.ui.tables import tab, table_of

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@dataclass(frozen=True)
class Kind:
    """One kind of model: its word in addresses, its names on pages, and its table."""

    slug: str
    plural: str
    singular: str
    model: type[CatalogModel]
    can_be_tested: bool = False


KINDS = {
    kind.slug: kind
    for kind in (
        Kind("llms", "Language models", "language model", LLM, can_be_tested=True),
        Kind("embeddings", "Embeddings", "embedding model", EmbeddingModel, can_be_tested=True),
        Kind("images", "Images", "image generator", ImageGenerator),
        Kind("audio", "Audio", "audio generator", AudioGenerator),
    )
}


@require_safe
@platform_admin
def model_list(request: SignedInRequest, slug: str = "llms") -> HttpResponse:
    kind = _kind(slug)
    rows = kind.model.objects.visible_to(request.actor).with_provider()
    table = table_of(
        request,
        rows,
        sorts={"name": "name", "provider": "provider__name", "added": "created_at"},
        default="name",
        search=["name", "litellm_model", "provider__name"],
    )
    context = {
        "table": table,
        "kind": kind,
        "tabs": _tabs(slug),
        "has_providers": ProviderAccount.objects.visible_to(request.actor).exists(),
    }
    return render(request, "catalog/list.html", context)


@get_or_post
@platform_admin
def model_new(request: SignedInRequest, slug: str) -> HttpResponse:
    kind = _kind(slug)
    form = FORMS[kind.model](request.POST or None)
    if request.method == "POST" and "prefill" in request.POST:
        form = _prefilled(request, kind, form)
    elif request.method == "POST" and form.is_valid():
        with errors_on(form):
            row = services.create_model(kind.model, form.cleaned_data, actor=request.actor)
            messages.success(request, f"“{row.name}” is in the catalog. Grant it to a team next.")
            return redirect("catalog:list", slug)
    return _model_page(request, kind, form, None)


@get_or_post
@platform_admin
def model_edit(request: SignedInRequest, slug: str, model_id: int) -> HttpResponse:
    kind = _kind(slug)
    row = _row(request, kind, model_id)
    form = FORMS[kind.model](request.POST or None, initial=_initial(kind, row))
    if request.method == "POST" and "prefill" in request.POST:
        form = _prefilled(request, kind, form)
    elif request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.update_model(row, form.cleaned_data, actor=request.actor)
            messages.success(request, f"“{form.cleaned_data['name']}” is saved.")
            return redirect("catalog:list", slug)
    return _model_page(request, kind, form, row)


@require_POST
@platform_admin
def model_test(request: SignedInRequest, slug: str, model_id: int) -> HttpResponse:
    kind = _kind(slug)
    row = _row(request, kind, model_id)
    if not kind.can_be_tested:
        raise Http404
    form = FORMS[kind.model](initial=_initial(kind, row))
    probe = probed(lambda: connection.test_model(row, actor=request.actor))
    return _model_page(request, kind, form, row, probe)


@require_POST
@platform_admin
def model_delete(request: SignedInRequest, slug: str, model_id: int) -> HttpResponse:
    row = _row(request, _kind(slug), model_id)
    with errors_told(request):
        services.delete(row, actor=request.actor)
        messages.success(request, f"“{row.name}” is deleted.")
    return redirect("catalog:list", slug)


@require_safe
@platform_admin
def provider_list(request: SignedInRequest) -> HttpResponse:
    table = table_of(
        request,
        ProviderAccount.objects.visible_to(request.actor),
        sorts={"name": "name", "kind": "kind", "added": "created_at"},
        default="name",
        search=["name", "base_url"],
    )
    return render(request, "catalog/providers.html", {"table": table, "tabs": _tabs("providers")})


@sensitive_post_parameters("api_key")
@get_or_post
@platform_admin
def provider_new(request: SignedInRequest) -> HttpResponse:
    form = ProviderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            provider = services.create_provider(form.values(), actor=request.actor)
            messages.success(request, f"“{provider.name}” is saved. Test the connection.")
            return redirect("catalog:provider_edit", provider.pk)
    return _provider_page(request, form, None)


@sensitive_post_parameters("api_key")
@get_or_post
@platform_admin
def provider_edit(request: SignedInRequest, provider_id: int) -> HttpResponse:
    provider = _provider(request, provider_id)
    form = _provider_form(request, provider)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.update_provider(provider, form.values(), actor=request.actor)
            messages.success(request, "The provider account is saved.")
            return redirect("catalog:provider_edit", provider.pk)
    return _provider_page(request, form, provider)


@require_POST
@platform_admin
def provider_test(request: SignedInRequest, provider_id: int) -> HttpResponse:
    provider = _provider(request, provider_id)
    probe = probed(lambda: connection.test_provider(provider, actor=request.actor))
    return _provider_page(request, _unbound(provider), provider, probe)


@require_POST
@platform_admin
def provider_delete(request: SignedInRequest, provider_id: int) -> HttpResponse:
    provider = _provider(request, provider_id)
    with errors_told(request):
        services.delete(provider, actor=request.actor)
        messages.success(request, f"“{provider.name}” is deleted.")
        return redirect("catalog:providers")
    return redirect("catalog:provider_edit", provider_id)


def _kind(slug: str) -> Kind:
    if slug not in KINDS:
        raise Http404
    return KINDS[slug]


def _row(request: SignedInRequest, kind: Kind, model_id: int) -> CatalogModel:
    rows = kind.model.objects.editable_by(request.actor).with_provider()
    row: CatalogModel = get_object_or_404(rows, pk=model_id)
    return row


def _provider(request: SignedInRequest, provider_id: int) -> ProviderAccount:
    rows = ProviderAccount.objects.editable_by(request.actor)
    provider: ProviderAccount = get_object_or_404(rows, pk=provider_id)
    return provider


def _provider_form(request: SignedInRequest, provider: ProviderAccount) -> ProviderForm:
    if request.method == "POST":
        return ProviderForm(request.POST, provider=provider)
    return _unbound(provider)


def _unbound(provider: ProviderAccount) -> ProviderForm:
    initial = {name: getattr(provider, name) for name in ("name", "kind", "base_url")}
    return ProviderForm(initial=initial, provider=provider)


def _initial(kind: Kind, row: CatalogModel) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FORMS[kind.model].base_fields}


def _prefilled(request: SignedInRequest, kind: Kind, form: CatalogForm) -> CatalogForm:
    """Return the form as it was sent, filled in from the price list."""
    sent = {name: bound.value() for name, bound in ((one.name, one) for one in form)}
    provider = form.fields["provider"].clean(sent["provider"]) if sent["provider"] else None
    known = price_list.suggest(provider.kind, sent["litellm_model"] or "") if provider else {}
    if known:
        messages.success(request, "Filled in from litellm's price list. Check before you save.")
    else:
        messages.error(request, "The price list does not know this model. Fill the fields in.")
    sent["name"] = sent["name"] or (sent["litellm_model"] or "").rpartition("/")[2]
    return FORMS[kind.model](initial=sent | known)


def _model_page(
    request: SignedInRequest,
    kind: Kind,
    form: CatalogForm,
    row: CatalogModel | None,
    probe: Probe | None = None,
) -> HttpResponse:
    has_providers = ProviderAccount.objects.visible_to(request.actor).exists()
    context = {
        "form": form,
        "kind": kind,
        "row": row,
        "probe": probe,
        "has_providers": has_providers,
    }
    status = 400 if form.errors else 200
    return as_probed(render(request, "catalog/form.html", context, status=status), probe)


def _provider_page(
    request: SignedInRequest,
    form: ProviderForm,
    provider: ProviderAccount | None,
    probe: Probe | None = None,
) -> HttpResponse:
    context = {"form": form, "provider": provider, "probe": probe}
    status = 400 if form.errors else 200
    return as_probed(render(request, "catalog/provider_form.html", context, status=status), probe)


def _tabs(current: str) -> list[dict[str, Any]]:
    tabs = [
        tab(kind.plural, reverse("catalog:list", args=[slug]), is_current=slug == current)
        for slug, kind in KINDS.items()
    ]
    accounts = reverse("catalog:providers")
    return [*tabs, tab("Provider accounts", accounts, is_current=current == "providers")]

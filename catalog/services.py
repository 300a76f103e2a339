"""What can be done to the catalog; for platform administrators."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from audit.services import CHANGED, changes_of, is_secret, record
from catalog.models import CatalogModel, ProviderAccount
from restai_site.lib.actor import Actor
from restai_site.lib.egress import check_url
from restai_site.lib.errors import Conflict, Forbidden, Invalid

ModelT = TypeVar("ModelT", bound=CatalogModel)
RowT = TypeVar("RowT", bound=models.Model)


@transaction.atomic
def create_provider(values: Mapping[str, Any], *, actor: Actor) -> ProviderAccount:
    """Create a provider account. Raises Forbidden, Conflict (name taken), Invalid."""
    _require_platform_admin(actor)
    _check_base_url(values)
    provider = ProviderAccount(**values)
    if provider.api_key:
        provider.api_key_set_at = timezone.now()
    _save_new(provider)
    record(actor, "provider.create", provider, changes=_shown(provider, values))
    return provider


@transaction.atomic
def update_provider(
    provider: ProviderAccount, values: Mapping[str, Any], *, actor: Actor
) -> ProviderAccount:
    """Change a provider account.

    A new destination needs the key again: whoever may edit the address must not be able to have
    the stored key sent to a place of their own. Raises Forbidden, Conflict, Invalid.
    """
    _require_platform_admin(actor)
    _check_base_url(values)
    provider = ProviderAccount.objects.select_for_update().get(pk=provider.pk)
    destination = {name: values[name] for name in ("base_url", "kind") if name in values}
    keeps_key = "api_key" not in values
    if keeps_key and changes_of(provider, destination) and _has_key(provider):
        message = "The destination changes: enter the API key again."
        raise Invalid(message, fields={"api_key": [message]})
    changes = _update(provider, values)
    if "api_key" in changes:
        provider.api_key_set_at = timezone.now() if provider.api_key else None
        provider.save(update_fields=["api_key_set_at"])
    if changes:
        record(actor, "provider.update", provider, changes=changes)
    return provider


@transaction.atomic
def create_model(kind: type[ModelT], values: Mapping[str, Any], *, actor: Actor) -> ModelT:
    """Create a catalog model of `kind`. Raises Forbidden, Conflict (name taken)."""
    _require_platform_admin(actor)
    row = kind(**values)
    _save_new(row)
    record(actor, f"{kind._meta.model_name}.create", row, changes=_shown(row, values))
    return row


@transaction.atomic
def update_model(row: ModelT, values: Mapping[str, Any], *, actor: Actor) -> ModelT:
    """Change a catalog model. Raises Forbidden, Conflict (name taken)."""
    _require_platform_admin(actor)
    row = type(row)._default_manager.select_for_update().get(pk=row.pk)
    changes = _update(row, values)
    if changes:
        record(actor, f"{row._meta.model_name}.update", row, changes=changes)
    return row


@transaction.atomic
def delete(row: ProviderAccount | CatalogModel, *, actor: Actor) -> None:
    """Delete a provider account or model. Raises Forbidden, Conflict while something uses it."""
    _require_platform_admin(actor)
    name = "provider" if isinstance(row, ProviderAccount) else row._meta.model_name
    record(actor, f"{name}.delete", row)
    try:
        row.delete()
    except ProtectedError:
        raise Conflict(f"“{row}” is still in use; change what uses it first.") from None


def _has_key(provider: ProviderAccount) -> bool:
    # Asks without opening the key, which may be under one that the server has lost.
    return ProviderAccount.objects.filter(pk=provider.pk).exclude(api_key="").exists()


def _check_base_url(values: Mapping[str, Any]) -> None:
    if not values.get("base_url"):
        return
    try:
        check_url(values["base_url"])
    except Invalid as error:
        raise Invalid(error.message, fields={"base_url": [error.message]}) from None


def _save_new(row: models.Model) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise _explained(error) from None


def _update(row: models.Model, values: Mapping[str, Any]) -> dict[str, Any]:
    changes = changes_of(row, values)
    for name in changes:
        setattr(row, name, values[name])
    if not changes:
        return changes
    try:
        with transaction.atomic():
            row.save(update_fields=list(changes))
    except IntegrityError as error:
        raise _explained(error) from None
    return changes


def _explained(error: IntegrityError) -> Invalid | Conflict:
    if "provider_compatible_needs_base_url" in str(error):
        message = "An OpenAI-compatible provider needs a base URL."
        return Invalid(message, fields={"base_url": [message]})
    message = "There is already one with this name."
    return Conflict(message, fields={"name": [message]})


def _shown(row: models.Model, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: CHANGED if is_secret(row, name) else value for name, value in values.items()}


def _require_platform_admin(actor: Actor) -> None:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may change the catalog.")

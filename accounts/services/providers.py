"""What can be done to identity providers; for platform administrators who are signed in.

A key must not do it: whoever controls a provider signs in as the people it vouches for, and would
outlive the key.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.directory import leave, team_choices
from accounts.models import IdentityProvider
from audit.services import CHANGED, changes_of, is_secret, record
from restai_site.lib.actor import Actor
from restai_site.lib.egress import check_url
from restai_site.lib.errors import Conflict, Forbidden, Invalid

# What decides where the secret is sent, and whose subjects the linked accounts are.
DESTINATION = ("kind", "server_url", "tenant")
TENANT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|common|organizations|consumers")
DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9-]{1,63}\.)+[a-z][a-z0-9-]{0,62}")
DOMAINS_MAX = 100
# Pages of ours, beside which a provider of this name could not be reached.
TAKEN_SLUGS = frozenset({"passkey", "second-factor"})
Kind = IdentityProvider.Kind


def offered() -> Sequence[IdentityProvider]:
    """Return the providers that the log-in page offers, in their order."""
    return list(IdentityProvider.objects.filter(enabled=True))


@transaction.atomic
def create_provider(values: Mapping[str, Any], *, actor: Actor) -> IdentityProvider:
    """Create an identity provider. Raises Forbidden, Conflict (slug taken), Invalid."""
    _require_may_edit(actor)
    values = _normal(values)
    provider = IdentityProvider(**values)
    provider.client_secret_set_at = timezone.now() if provider.client_secret else None
    _check(provider)
    _save(provider)
    shown = {name: CHANGED if is_secret(provider, name) else values[name] for name in values}
    record(actor, "identity_provider.create", provider, changes=shown)
    return provider


@transaction.atomic
def update_provider(
    provider: IdentityProvider, values: Mapping[str, Any], *, actor: Actor
) -> IdentityProvider:
    """Change an identity provider; its slug stays, for it is part of the call-back address.

    A new destination needs the client secret again, and ends all links: whoever a subject was at
    the old place may be somebody else at the new one. Raises Forbidden, Invalid.
    """
    _require_may_edit(actor)
    provider = IdentityProvider.objects.select_for_update().get(pk=provider.pk)
    values = _normal(values)
    changes = changes_of(provider, values)
    if "slug" in changes:
        message = "The short name cannot be changed: it is part of the call-back address."
        raise Invalid(message, fields={"slug": [message]})
    moves = not changes.keys().isdisjoint(DESTINATION)
    if moves and "client_secret" not in values and provider.client_secret_set_at is not None:
        message = "The destination changes: enter the client secret again."
        raise Invalid(message, fields={"client_secret": [message]})
    for name in changes:
        setattr(provider, name, values[name])
    if "client_secret" in changes:
        provider.client_secret_set_at = timezone.now() if provider.client_secret else None
    _check(provider)
    if changes:
        _save(provider, [*changes, "client_secret_set_at"])
        ended = {"links_ended": _end_links(provider, actor)} if moves else {}
        record(actor, "identity_provider.update", provider, changes=changes | ended)
    return provider


@transaction.atomic
def delete_provider(provider: IdentityProvider, *, actor: Actor) -> None:
    """Delete an identity provider and the links to it. Raises Forbidden."""
    _require_may_edit(actor)
    ended = _end_links(provider, actor)
    record(actor, "identity_provider.delete", provider, changes={"links_ended": ended})
    provider.delete()


def _end_links(provider: IdentityProvider, actor: Actor) -> int:
    """Untie everybody from `provider`, and end what its groups have given them."""
    links = list(provider.links.select_related("user").order_by("user_id"))
    provider.links.all().delete()
    for link in links:
        leave(link.user, source=provider.source, actor=actor)
    return len(links)


def _require_may_edit(actor: Actor) -> None:
    if not (actor.is_platform_admin and actor.handles_credentials):
        raise Forbidden("Only platform administrators, signed in, may change identity providers.")


def _normal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` in the one spelling under which they are kept."""
    normal = dict(values)
    if "server_url" in normal:
        normal["server_url"] = normal["server_url"].strip().rstrip("/")
    if "allowed_domains" in normal:
        found = [one.strip().lower().removeprefix("@") for one in normal["allowed_domains"]]
        normal["allowed_domains"] = list(dict.fromkeys(found))
    return normal


def _check(provider: IdentityProvider) -> None:
    """Raise Invalid, naming the fields, unless the values go together."""
    if provider.slug in TAKEN_SLUGS:
        _refuse("slug", "This short name is taken by a page of the platform.")
    _check_addresses(provider)
    domains = provider.allowed_domains
    if len(domains) > DOMAINS_MAX or not all(map(DOMAIN.fullmatch, domains)):
        _refuse("allowed_domains", "Enter domains such as example.org, 100 at most.")
    if provider.enabled and provider.client_secret_set_at is None:
        _refuse("client_secret", "Enter the client secret before people sign in by this provider.")
    teams = {team_id for team_id, _ in team_choices()}
    if provider.default_team_id is not None and provider.default_team_id not in teams:
        _refuse("default_team_id", "There is no such team.")


def _check_addresses(provider: IdentityProvider) -> None:
    if provider.kind == Kind.OPENID_CONNECT and not provider.server_url:
        _refuse("server_url", "Enter the address of the issuer, such as https://sso.example.org.")
    if provider.server_url:
        try:
            check_url(provider.server_url)
        except Invalid as error:
            _refuse("server_url", error.message)
        if "?" in provider.server_url or "#" in provider.server_url:
            _refuse("server_url", "The address must have no query and no fragment.")
    if provider.kind == Kind.MICROSOFT and not TENANT.fullmatch(provider.tenant):
        _refuse("tenant", "Enter the directory (tenant) id, or organizations, consumers or common.")


def _refuse(field: str, message: str) -> None:
    raise Invalid(message, fields={field: [message]})


def _save(provider: IdentityProvider, fields: Sequence[str] | None = None) -> None:
    try:
        with transaction.atomic():
            provider.save(update_fields=fields)
    except IntegrityError:
        message = "There is already a provider with this short name."
        raise Conflict(message, fields={"slug": [message]}) from None

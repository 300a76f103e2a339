"""Pages: one's own API keys."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts import services
from accounts.access import SignedInRequest, signed_in
from accounts.forms import ApiKeyForm
from accounts.models import ApiKey
from accounts.views.profile import own_user
from accounts.views.sign_in import get_or_post
from accounts.views.tabs import account_tabs


@get_or_post
@signed_in
def keys(request: SignedInRequest) -> HttpResponse:
    form = ApiKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        lifetime = form.cleaned_data["lifetime"]
        key, plaintext = services.create_api_key(
            own_user(request),
            name=form.cleaned_data["name"],
            expires_at=timezone.now() + lifetime if lifetime else None,
            actor=request.actor,
        )
        # Shown in this answer alone: it is stored nowhere, so there is no page to redirect to.
        return render(request, "accounts/key_created.html", {"key": key, "plaintext": plaintext})
    own = ApiKey.objects.visible_to(request.actor).filter(user=own_user(request))
    context = {"form": form, "keys": own, "tabs": account_tabs("keys"), "now": timezone.now()}
    return render(request, "accounts/keys.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def revoke_key(request: SignedInRequest, key_id: int) -> HttpResponse:
    own = ApiKey.objects.editable_by(request.actor).filter(user=own_user(request))
    key = services.revoke_api_key(get_object_or_404(own, pk=key_id), actor=request.actor)
    messages.success(request, f"The key “{key.name}” is revoked.")
    return redirect("accounts:keys")

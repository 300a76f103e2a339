"""Pages: the secrets of a project. No page ever holds a value."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, signed_in
from projects import services
from projects.forms import NewSecretForm, SecretForm
from projects.models import ProjectSecret
from projects.views import for_editors, get_or_post
from restai_site.ui.forms import errors_on
from restai_site.ui.tables import table_of


@sensitive_post_parameters("value")
@get_or_post
@signed_in
def secrets(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_editors(request, project_id, "secrets")
    project = context["project"]
    form = NewSecretForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            made = services.create_secret(project, **form.cleaned_data, actor=request.actor)
            messages.success(request, f"The secret {made.name} is stored.")
            return redirect("projects:secrets", project.pk)
    rows = ProjectSecret.objects.visible_to(request.actor).filter(project=project)
    table = table_of(
        request,
        rows.without_values(),
        sorts={"name": "name", "set": "set_at"},
        default="name",
        search=["name", "description"],
    )
    context |= {"form": form, "table": table}
    return render(request, "projects/secrets.html", context, status=400 if form.errors else 200)


@sensitive_post_parameters("value")
@get_or_post
@signed_in
def secret(request: SignedInRequest, project_id: int, secret_id: int) -> HttpResponse:
    context = for_editors(request, project_id, "secrets")
    row = _secret(request, project_id, secret_id)
    form = SecretForm(request.POST or None, secret=row)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.update_secret(row, form.values(), actor=request.actor)
            messages.success(request, f"The secret {row.name} is saved.")
            return redirect("projects:secrets", project_id)
    context |= {"form": form, "secret": row}
    return render(request, "projects/secret.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def secret_delete(request: SignedInRequest, project_id: int, secret_id: int) -> HttpResponse:
    for_editors(request, project_id, "secrets")
    row = _secret(request, project_id, secret_id)
    services.delete_secret(row, actor=request.actor)
    messages.success(request, f"The secret {row.name} is deleted.")
    return redirect("projects:secrets", project_id)


def _secret(request: SignedInRequest, project_id: int, secret_id: int) -> ProjectSecret:
    rows = ProjectSecret.objects.editable_by(request.actor).without_values()
    return get_object_or_404(rows, pk=secret_id, project_id=project_id)

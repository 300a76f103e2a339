"""Pages: which groups of providers lead to which teams; for platform administrators."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import SignedInRequest, platform_admin
from restai_site.ui.forms import errors_on
from restai_site.ui.settings_tabs import PROVIDERS_PAGE, tabs_of_settings
from restai_site.ui.tables import table_of
from teams import groups
from teams.forms import GroupMappingForm
from teams.models import GroupMapping


@require_http_methods(["GET", "HEAD", "POST"])
@platform_admin
def group_mappings(request: SignedInRequest) -> HttpResponse:
    form = GroupMappingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            mapping = groups.create_mapping(form.cleaned_data, actor=request.actor)
            messages.success(request, f"“{mapping.group}” leads to “{mapping.team}”.")
            return redirect("teams:group_mappings")
    table = table_of(
        request,
        GroupMapping.objects.visible_to(request.actor).select_related("team"),
        sorts={"group": "group", "source": "source", "team": "team__name"},
        default="group",
        search=["group", "team__name"],
    )
    names = dict(form.fields["source"].choices)  # type: ignore[attr-defined]
    context = {
        "form": form,
        "table": table,
        "rows": [(row, names.get(row.source, row.source)) for row in table.rows],
        "tabs": tabs_of_settings(PROVIDERS_PAGE),
    }
    return render(request, "teams/groups.html", context, status=400 if form.errors else 200)


@require_POST
@platform_admin
def delete_group_mapping(request: SignedInRequest, group_mapping_id: int) -> HttpResponse:
    rows = GroupMapping.objects.editable_by(request.actor)
    groups.delete_mapping(get_object_or_404(rows, pk=group_mapping_id), actor=request.actor)
    messages.success(request, "The mapping is deleted. Memberships end at the next sign-in.")
    return redirect("teams:group_mappings")

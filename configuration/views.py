"""Pages of platform settings; for platform administrators."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin
from configuration import services
from configuration.forms import SectionForm
from configuration.shown import show
from restai_site.lib.configuration import Section, section_named, sections
from restai_site.ui.forms import errors_on
from restai_site.ui.probes import Probe, as_probed, probed
from restai_site.ui.settings_tabs import tabs_of_settings

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@platform_admin
def index(request: SignedInRequest) -> HttpResponse:
    return redirect("configuration:section", sections()[0].slug)


@sensitive_post_parameters()
@get_or_post
@platform_admin
def section_page(request: SignedInRequest, section: str) -> HttpResponse:
    found = section_named(section)
    shown = show(found, actor=request.actor)
    form = SectionForm(request.POST if request.method == "POST" else None, shown=shown)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.update_section(found, form.values(), actor=request.actor)
            messages.success(request, f"The settings of “{found.title}” are saved.")
            return redirect("configuration:section", section)
    return _page(request, found, form)


@require_POST
@platform_admin
def section_test(request: SignedInRequest, section: str) -> HttpResponse:
    found = section_named(section)
    probe = probed(lambda: services.test_section(found, actor=request.actor))
    form = SectionForm(shown=show(found, actor=request.actor))
    return _page(request, found, form, probe)


def _page(
    request: SignedInRequest, section: type[Section], form: SectionForm, probe: Probe | None = None
) -> HttpResponse:
    context = {
        "section": section,
        "form": form,
        "probe": probe,
        "tabs": tabs_of_settings(section.slug),
    }
    status = 400 if form.errors else 200
    return as_probed(render(request, "configuration/section.html", context, status=status), probe)

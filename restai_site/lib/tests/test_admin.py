"""The base classes of the administration, where a page itself fails."""

import pytest
from django.contrib.admin import site

from catalog.models import ProviderAccount
from restai_site.lib.admin import ViewOnlyAdmin
from restai_site.lib.errors import Unavailable


class Broken(ViewOnlyAdmin):
    def get_queryset(self, request):
        raise Unavailable("Something is away.")

    def has_view_permission(self, request, obj=None):
        return True


def test_a_list_that_cannot_be_shown_is_an_error_and_no_circle_of_redirects(rf, world):
    request = rf.get("/admin/catalog/provideraccount/")
    request.user = world.platform_admin
    with pytest.raises(Unavailable):
        Broken(ProviderAccount, site).changelist_view(request)

"""REST API of the audit trail; for platform administrators."""

from audit.api.filters import EntryFilter
from audit.api.serializers import EntrySerializer
from audit.models import Entry
from restai_site.lib.drf import NewestFirstCursor
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import ReadViewSet


class EntryViewSet(ReadViewSet):
    """The audit trail, newest first; for platform administrators. Nothing changes it."""

    queryset = Entry.objects.all()
    serializer_class = EntrySerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    filterset_class = EntryFilter
    pagination_class = NewestFirstCursor
    lookup_url_kwarg = "entry_id"
    lookup_value_converter = "int"

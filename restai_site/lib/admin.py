"""Base classes of Django's admin: it looks at rows, and changes them by services alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from restai_site.lib.actor import Actor
from restai_site.lib.errors import DomainError

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[Any]
    RowForm = forms.ModelForm[Any]
else:
    BaseAdmin = admin.ModelAdmin
    RowForm = forms.ModelForm


class ViewOnlyAdmin(BaseAdmin):
    """Shows rows. Stays quick with many: no count of the whole table, no lists of all rows."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    ordering: ClassVar[Any] = ("-pk",)
    actions: Any = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what the audit trail says of the row; it is the only history there is."""
        target = {"target_type": self.model._meta.label_lower, "target_id": object_id}
        return redirect(f"{reverse('admin:audit_entry_changelist')}?{urlencode(target)}")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list; an action that a service refuses is answered in words."""
        try:
            return super().changelist_view(request, extra_context)
        except DomainError as error:
            return self._refused(request, error)

    def _refused(self, request: HttpRequest, error: DomainError) -> HttpResponseBase:
        # The page itself would fail in the same way again, and send people round in a circle.
        if request.method != "POST":
            raise error
        self.message_user(request, error.message, messages.ERROR)
        return redirect(request.get_full_path())


class ServiceAdmin(ViewOnlyAdmin):
    """Changes rows by the services that subclasses name in `create`, `update` and `remove`.

    `allows` says which of add, change and delete there is a service for.
    """

    allows: frozenset[str] = frozenset({"add", "change", "delete"})
    actions: Any = ("delete_selected",)

    def create(self, values: dict[str, Any], actor: Actor) -> Model:
        """Make a row by a service and return it."""
        raise NotImplementedError

    def update(self, row: Any, values: dict[str, Any], actor: Actor) -> Model:
        """Change a row by a service and return it."""
        raise NotImplementedError

    def remove(self, row: Any, actor: Actor) -> None:
        """Delete a row by a service."""
        raise NotImplementedError

    def values_of(self, form: forms.BaseForm, names: list[str]) -> dict[str, Any]:
        """Return what the form says of the fields `names`, as the services take it."""
        return {name: form.cleaned_data[name] for name in names}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return "add" in self.allows and _may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "change" in self.allows and _may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return "delete" in self.allows and _may(request)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Take nothing from the address: the framework fails on values that are no ids."""
        return {}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Let a service write what the form holds."""
        if change:
            stored = self.get_queryset(request).get(pk=obj.pk)
            self.update(stored, self.values_of(form, form.changed_data), actor_of(request))
            return
        made = self.create(self.values_of(form, list(form.cleaned_data)), actor_of(request))
        obj.pk, obj._state.adding = made.pk, False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has written the relations."""

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove(obj, actor_of(request))

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete all rows by the service, or none."""
        for row in queryset:
            self.remove(row, actor_of(request))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Name the rows alone: what hangs on them may be a hundred thousand, and services judge."""
        rows = list(objs)
        count = {str(self.opts.verbose_name_plural): len(rows)}
        return [str(row) for row in rows], count, set(), []

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form; the second time, it says why the service refused the first."""
        form = super().get_form(request, obj, change, **kwargs)
        refusal: DomainError | None = getattr(request, "refusal", None)
        if refusal is None:
            return form
        return type(form.__name__, (form,), {"clean": lambda this: _tell(this, refusal)})

    def changeform_view(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Show or save the form; what a service refuses stands on the form again."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as error:
            request.refusal = error
            return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Delete; a refusal is answered in words."""
        try:
            return super().delete_view(request, *args, **kwargs)
        except DomainError as error:
            return self._refused(request, error)

    # The audit trail is the one record of changes; the services write it.
    def log_addition(self, *_: Any) -> Any:
        """Write nothing."""

    def log_change(self, *_: Any) -> Any:
        """Write nothing."""

    def log_deletions(self, *_: Any) -> Any:
        """Write nothing."""


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor that the admin site has put on the request."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _may(request: HttpRequest) -> bool:
    return actor_of(request).is_platform_admin


def _tell(form: Any, refusal: DomainError) -> Mapping[str, Any]:
    told = False
    for name, words in (refusal.fields or {}).items():
        if name in form.fields:
            form.add_error(name, list(words))
            told = True
    if not told:
        form.add_error(None, refusal.message)
    return form.cleaned_data  # type: ignore[no-any-return]

"""Each way of Django into and out of an encrypted column: a token inside, the secret outside."""

import io
import json

import pytest
from django import forms
from django.contrib.admin import site
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Case, Count, F, Func, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Cast, Concat, Upper
from django.forms.models import model_to_dict, modelform_factory
from django.test.utils import CaptureQueriesContext

from catalog.models import LLM, ProviderAccount
from restai_site.embedded.keys import fernet_key
from restai_site.lib.crypto import DecryptionFailed, EncryptedField
from restai_site.lib.drf import MASK, ModelSerializer, SecretField
from restai_site.tests.tables import tables_holding

pytestmark = pytest.mark.django_db
SECRET = "sk-a-very-secret-value"


@pytest.fixture
def row():
    return ProviderAccount.objects.create(name="P", kind="openai", api_key=SECRET)


@pytest.fixture
def model_of_row(row):
    return LLM.objects.create(name="m", provider=row, litellm_model="m")


def tokens() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM catalog_provideraccount ORDER BY id")
        return [token for (token,) in cursor.fetchall()]


def assert_kept(row, secret):
    """Assert that the table holds tokens alone and the row reads as `secret`."""
    assert all(token.startswith("gAAAA") for token in tokens())
    assert tables_holding(secret) == []
    assert ProviderAccount.objects.get(pk=row.pk).api_key == secret


def update(row):
    ProviderAccount.objects.filter(pk=row.pk).update(api_key=SECRET + "2")


def save(row):
    row.api_key = SECRET + "2"
    row.save(update_fields=["api_key"])


def bulk_create(row):
    ProviderAccount.objects.bulk_create(
        [ProviderAccount(name=f"Q{n}", kind="openai", api_key=SECRET + "2") for n in range(3)]
    )
    update(row)


def bulk_create_over(row):
    ProviderAccount.objects.bulk_create(
        [ProviderAccount(name="P", kind="openai", api_key=SECRET + "2")],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["api_key"],
    )


def bulk_update(row):
    row.api_key = SECRET + "2"
    ProviderAccount.objects.bulk_update([row], ["api_key"])


def update_or_create(row):
    ProviderAccount.objects.update_or_create(name="P", defaults={"api_key": SECRET + "2"})


def update_by_a_value_of_the_field(row):
    field = ProviderAccount._meta.get_field("api_key")
    value = Value(SECRET + "2", output_field=field)
    ProviderAccount.objects.update(api_key=value)
    cases = Case(When(pk=row.pk, then=value), default=Value(None), output_field=field)
    ProviderAccount.objects.update(api_key=Cast(cases, field))


@pytest.mark.parametrize(
    "write",
    [
        *(update, save, bulk_create, bulk_create_over, bulk_update, update_or_create),
        update_by_a_value_of_the_field,
    ],
)
def test_each_way_in_encrypts(row, write):
    write(row)
    assert_kept(row, SECRET + "2")


@pytest.mark.parametrize(
    "expression",
    [
        Value("sk-plain"),
        F("name"),
        Concat(F("name"), Value("x")),
        Upper("api_key"),
        Func(Value("x"), function="repeat", template="repeat('x', 3)"),
        Case(When(pk__gt=0, then=Value("sk-plain"))),
        Case(When(pk__gt=0, then=F("name")), default=Value(None)),
        Cast(Value("sk-plain"), ProviderAccount._meta.get_field("name")),
        Subquery(ProviderAccount.objects.values("name")[:1]),
    ],
    ids=lambda expression: type(expression).__name__,
)
def test_what_the_database_would_work_out_in_plaintext_is_refused(row, expression):
    before = tokens()
    with pytest.raises(FieldError), transaction.atomic():
        ProviderAccount.objects.update(api_key=expression)
    row.api_key = expression
    with pytest.raises((FieldError, ValueError)), transaction.atomic():
        row.save()
    assert tokens() == before


WAYS_OUT = {
    "get": lambda rows: rows.get().api_key,
    "first": lambda rows: rows.first().api_key,
    "only": lambda rows: rows.only("api_key").get().api_key,
    "only another": lambda rows: rows.only("name").get().api_key,
    "defer": lambda rows: rows.defer("api_key").get().api_key,
    "defer nothing": lambda rows: rows.defer(None).get().api_key,
    "values": lambda rows: rows.values("api_key").get()["api_key"],
    "all values": lambda rows: rows.values().get()["api_key"],
    "values_list": lambda rows: rows.values_list("api_key").get()[0],
    "flat values_list": lambda rows: rows.values_list("api_key", flat=True).get(),
    "named values_list": lambda rows: rows.values_list("api_key", named=True).get().api_key,
    "annotate": lambda rows: rows.annotate(other=F("api_key")).get().other,
    "alias": lambda rows: rows.alias(a=F("api_key")).annotate(b=F("a")).values("b").get()["b"],
    "aggregate": lambda rows: rows.aggregate(one=Max("api_key"))["one"],
    "group": lambda rows: rows.values("api_key").annotate(n=Count("pk")).get()["api_key"],
    "distinct": lambda rows: rows.values_list("api_key", flat=True).distinct().get(),
    "subquery": lambda rows: (
        rows.annotate(
            other=Subquery(ProviderAccount.objects.filter(pk=OuterRef("pk")).values("api_key"))
        )
        .get()
        .other
    ),
    "union": lambda rows: rows.values_list("api_key").union(rows.values_list("api_key"))[0][0],
    "iterator": lambda rows: next(rows.values_list("api_key", flat=True).iterator()),
    "in_bulk": lambda rows: next(iter(rows.in_bulk().values())).api_key,
    "dates along": lambda rows: rows.values_list("created_at", "api_key").get()[1],
    "raw": lambda rows: ProviderAccount.objects.raw("TABLE catalog_provideraccount")[0].api_key,
    "lock": lambda rows: rows.select_for_update().get().api_key,
    "get_or_create": lambda rows: rows.get_or_create(name="P")[0].api_key,
    "foreign key": lambda rows: LLM.objects.get().provider.api_key,
    "select_related": lambda rows: LLM.objects.select_related("provider").get().provider.api_key,
    "with_provider": lambda rows: LLM.objects.with_provider().get().provider.api_key,
    "prefetch": lambda rows: LLM.objects.prefetch_related("provider").get().provider.api_key,
    "values across": lambda rows: LLM.objects.values_list("provider__api_key").get()[0],
    "annotate across": lambda rows: LLM.objects.annotate(k=F("provider__api_key")).get().k,
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_each_way_out_decrypts(model_of_row, way):
    assert WAYS_OUT[way](ProviderAccount.objects.all()) == SECRET


@pytest.mark.parametrize("way", WAYS_OUT)
def test_each_way_out_raises_where_the_key_is_lost(model_of_row, use_keys, way):
    use_keys(fernet_key())
    with pytest.raises(DecryptionFailed):
        WAYS_OUT[way](ProviderAccount.objects.all())


def test_refresh_from_db_reads_what_is_stored_now(row):
    update(row)
    row.refresh_from_db()
    assert row.api_key == SECRET + "2"
    row.refresh_from_db(fields=["name"])
    assert row.api_key == SECRET + "2"


def test_what_the_database_has_made_of_a_token_is_not_shown(row):
    with pytest.raises(DecryptionFailed):
        ProviderAccount.objects.annotate(loud=Upper("api_key")).get()


def test_lists_fetch_no_secret_until_one_is_asked_for(model_of_row, use_keys):
    use_keys(fernet_key())
    with CaptureQueriesContext(connection) as queries:
        (account,) = ProviderAccount.objects.all()
        (model,) = LLM.objects.with_provider()
    assert len(queries) == 2
    assert not [query for query in queries if '"api_key"' in query["sql"]]
    for found in (account, model.provider):
        assert found.name == "P"
        with pytest.raises(DecryptionFailed):
            found.api_key  # noqa: B018


@pytest.mark.parametrize(
    "condition",
    [
        *({"api_key": SECRET}, {"api_key__contains": "sk"}, {"api_key__startswith": "gAAAA"}),
        *({"api_key__in": [SECRET]}, {"api_key__gt": "a"}, {"api_key__regex": "."}),
        *({"api_key__iexact": SECRET}, {"api_key__length": 3}, {"api_key": F("name")}),
        *({"api_key": 1}, {"api_key__exact": None, "api_key__lt": "x"}),
    ],
    ids=str,
)
def test_a_secret_cannot_be_searched_for(row, condition):
    """Neither would find anything, and both would put the secret into a statement."""
    with pytest.raises(FieldError):
        ProviderAccount.objects.filter(**condition).exists()
    with pytest.raises(FieldError):
        LLM.objects.filter(**{f"provider__{name}": value for name, value in condition.items()})


def test_whether_there_is_a_secret_can_be_asked(row):
    empty = ProviderAccount.objects.create(name="Q", kind="openai")
    assert list(ProviderAccount.objects.filter(api_key="")) == [empty]
    assert list(ProviderAccount.objects.exclude(api_key="")) == [row]
    assert ProviderAccount.objects.filter(~Q(api_key=""), api_key__isnull=False).count() == 1


@pytest.mark.parametrize("form", ["json", "jsonl", "xml"])
def test_a_fixture_holds_the_token_and_loads_again(row, form, tmp_path, use_keys, settings):
    empty = ProviderAccount.objects.create(name="Q", kind="openai")
    out = io.StringIO()
    call_command("dumpdata", "catalog.provideraccount", format=form, stdout=out)
    assert SECRET not in out.getvalue()
    assert out.getvalue().count("fernet:gAAAA") == 1
    file = tmp_path / f"fixture.{form}"
    file.write_text(out.getvalue())
    ProviderAccount.objects.all().delete()
    call_command("loaddata", str(file), verbosity=0)
    assert ProviderAccount.objects.get(pk=row.pk).api_key == SECRET
    assert ProviderAccount.objects.get(pk=empty.pk).api_key == ""
    assert tables_holding("fernet:") == []
    use_keys(fernet_key(), *settings.FIELD_ENCRYPTION_KEY)
    call_command("loaddata", str(file), verbosity=0)
    assert ProviderAccount.objects.get(pk=row.pk).api_key == SECRET
    before = tokens()
    use_keys(fernet_key())
    with pytest.raises(Exception, match="cannot be read"):
        call_command("loaddata", str(file), verbosity=0)
    assert tokens() == before


def test_a_fixture_is_not_written_where_the_key_is_lost(row, use_keys):
    use_keys(fernet_key())
    out = io.StringIO()
    with pytest.raises(CommandError, match="FIELD_ENCRYPTION_KEY"):
        call_command("dumpdata", "catalog.provideraccount", stdout=out)
    assert "gAAAA" not in out.getvalue()


def test_a_fixture_written_by_hand_is_encrypted_when_it_is_loaded(tmp_path):
    fields = {"name": "H", "kind": "openai", "api_key": SECRET, "created_at": "2026-01-01T00:00Z"}
    file = tmp_path / "fixture.json"
    file.write_text(json.dumps([{"model": "catalog.provideraccount", "pk": 77, "fields": fields}]))
    call_command("loaddata", str(file), verbosity=0)
    assert_kept(ProviderAccount(pk=77), SECRET)


def test_the_values_of_a_row_hold_no_secret_in_the_clear(row):
    """Forms take their initial values from there."""
    values = model_to_dict(row)
    assert values["api_key"].startswith("fernet:gAAAA")
    assert model_to_dict(ProviderAccount(name="Q"))["api_key"] == ""


class TestAFormOfTheModel:
    """Django makes it of the field; nobody has to remember that it holds a secret."""

    @pytest.fixture(params=[None, forms.Textarea, forms.TextInput], ids=str)
    def form_class(self, request):
        widgets = {"api_key": request.param()} if request.param else None
        fields = ["name", "kind", "api_key"]
        return modelform_factory(ProviderAccount, fields=fields, widgets=widgets)

    def test_never_shows_the_secret_or_its_token(self, row, form_class):
        page = str(form_class(instance=row))
        assert SECRET not in page
        assert "gAAAA" not in page
        sent = {"name": "", "kind": "openai", "api_key": "sk-just-typed"}
        assert "sk-just-typed" not in str(form_class(sent, instance=row))

    def test_keeps_the_secret_where_nothing_is_sent(self, row, form_class):
        form = form_class({"name": "Renamed", "kind": "openai", "api_key": ""}, instance=row)
        assert form.is_valid()
        assert "api_key" not in form.changed_data
        form.save()
        assert_kept(row, SECRET)

    def test_takes_a_new_secret(self, row, form_class):
        form = form_class({"name": "P", "kind": "openai", "api_key": "sk-new"}, instance=row)
        assert form.is_valid()
        assert form.changed_data == ["api_key"]
        form.save()
        assert_kept(row, "sk-new")

    def test_opens_no_pasted_token(self, row, form_class):
        token = tokens()[0]
        other = ProviderAccount(name="Q", kind="openai")
        form = form_class({"name": "Q", "kind": "openai", "api_key": token}, instance=other)
        form.save()
        assert ProviderAccount.objects.get(name="Q").api_key == token


def test_a_serializer_of_the_model_masks_the_secret(row):
    """The framework makes it of the field; nobody has to remember that it holds a secret."""

    class Serializer(ModelSerializer):
        class Meta:
            model = ProviderAccount
            fields = ["name", "api_key"]

    assert Serializer(row).data == {"name": "P", "api_key": MASK}
    assert Serializer(ProviderAccount(name="Q")).data == {"name": "Q", "api_key": ""}
    assert isinstance(Serializer().fields["api_key"], SecretField)
    serializer = Serializer(data={"name": "Q", "api_key": tokens()[0]})
    assert serializer.is_valid(), serializer.errors
    made = serializer.save()
    assert ProviderAccount.objects.get(pk=made.pk).api_key == serializer.validated_data["api_key"]


def test_no_table_of_the_administration_shows_or_searches_an_encrypted_column():
    for model, table in site._registry.items():
        secret = {field.name for field in model._meta.fields if isinstance(field, EncryptedField)}
        shown = {*table.list_display, *table.readonly_fields, *table.list_filter}
        searched = {name.partition("__")[0] for name in table.search_fields}
        assert not secret & (shown | searched), model
    assert any(
        isinstance(field, EncryptedField)
        for model in site._registry
        for field in model._meta.fields
    )

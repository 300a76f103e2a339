"""EncryptedJSONField: any JSON value as one token, under the rules of encrypted texts."""

import json
import uuid

import pytest
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import connection, models, transaction
from django.db.migrations.writer import MigrationWriter
from django.forms.models import modelform_factory
from django.test.utils import isolate_apps

from audit.services import changes_of
from catalog.models import ProviderAccount
from restai_site.embedded.keys import fernet_key
from restai_site.lib.crypto import DecryptionFailed, EncryptedJSONField, EncryptionFailed
from restai_site.lib.crypto.columns import Column, Replacement
from restai_site.lib.drf import MASK, ModelSerializer, SecretJSONField, settle_secret
from restai_site.lib.json import parse_json

pytestmark = pytest.mark.django_db
SECRET = {"Authorization": "Bearer very-secret", "retries": 3}
VALUES = [
    *({}, [], "", "text", 0, -1.5, True, False, SECRET, [1, [2, {"a": None}]]),
    {"ü": "\u20ac\U0001f600", "nul": "\0"},
]


@pytest.fixture(scope="module")
def kept():
    """A model that has such fields and a primary key that is no number, outside the real ones."""
    with isolate_apps("guards"):

        class Kept(models.Model):
            id = models.UUIDField(primary_key=True, default=uuid.uuid4)
            headers = EncryptedJSONField(null=True, blank=True)
            environment = EncryptedJSONField(default=dict, blank=True)
            needed = EncryptedJSONField(default=list)

            class Meta:
                app_label = "guards"
                db_table = "kept_for_tests"

            def __str__(self):
                return str(self.pk)

        yield Kept


@pytest.fixture
def rows(kept, db):
    """The manager of that model, with its table."""
    with connection.schema_editor() as editor:
        editor.create_model(kept)
    return kept.objects


def stored(column: str) -> list[str | None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM kept_for_tests ORDER BY id")  # noqa: S608
        return [token for (token,) in cursor.fetchall()]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_any_json_value_comes_back_as_it_went_in(rows, value):
    row = rows.create(headers=value, environment=value)
    found = rows.get(pk=row.pk)
    assert (found.headers, found.environment) == (value, value)
    assert type(found.headers) is type(value)
    assert rows.values_list("environment", flat=True).get() == value
    for column in ("headers", "environment"):
        assert stored(column)[0].startswith("gAAAA")


def test_none_is_null_and_says_that_there_is_nothing(rows):
    rows.create(headers=None)
    assert stored("headers") == [None]
    assert rows.filter(headers__isnull=True).get().headers is None
    assert rows.get().environment == {}


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), {1, 2}, b"x", object, {"a": {(): 1}}],
    ids=["nan", "inf", "a set", "bytes", "a class", "a key that is no text"],
)
def test_what_is_no_json_is_refused_with_a_sentence_and_not_stored(rows, value):
    with pytest.raises(EncryptionFailed) as caught, transaction.atomic():
        rows.create(headers=value)
    assert caught.value.message == "The secret is no JSON value."
    with pytest.raises(ValidationError, match="no JSON value"):
        rows.model(headers=value).full_clean()
    assert stored("headers") == []


def test_depth_without_end_is_refused(rows):
    value = []
    value.append(value)
    with pytest.raises(EncryptionFailed):
        rows.create(headers=value)


@pytest.mark.parametrize(
    "condition",
    [{"headers": SECRET}, {"headers__retries": 3}, {"headers__has_key": "a"}, {"headers": {}}],
    ids=str,
)
def test_it_cannot_be_searched(rows, condition):
    with pytest.raises(FieldError):
        rows.filter(**condition).exists()


def test_bulk_writes_encrypt(rows):
    row, other = rows.bulk_create([rows.model(headers=SECRET), rows.model(headers=None)])
    row.headers, other.headers = None, SECRET
    rows.bulk_update([row, other], ["headers"])
    assert rows.get(pk=row.pk).headers is None
    assert rows.get(pk=other.pk).headers == SECRET
    rows.update(headers=SECRET)
    assert all(token.startswith("gAAAA") for token in stored("headers"))


@pytest.mark.parametrize("damage", ["{}", "null", "", "gAAAA", '{"a": 1}'])
def test_what_is_no_token_raises(rows, damage):
    rows.create(headers=SECRET)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kept_for_tests SET headers = %s", [damage])
    with pytest.raises(DecryptionFailed, match=r"kept_for_tests\.headers"):
        rows.get()


def test_a_token_of_a_text_is_no_json_value(rows):
    rows.create(headers=SECRET)
    token = ProviderAccount._meta.get_field("api_key").seal("sk-text")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kept_for_tests SET headers = %s", [token])
    with pytest.raises(DecryptionFailed):
        rows.get()


def test_a_lost_key_raises_and_deferring_does_not(rows, use_keys):
    rows.create(headers=SECRET)
    use_keys(fernet_key())
    with pytest.raises(DecryptionFailed):
        rows.get()
    assert rows.only("id").get().pk


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_fixture_holds_tokens_and_loads_again(rows, value):
    rows.create(headers=value)
    assert serializers.serialize("xml", rows.all()).count("fernet:gAAAA") == 3
    (held,) = json.loads(serializers.serialize("json", rows.all()))
    assert all(sealed.startswith("fernet:gAAAA") for sealed in held["fields"].values())
    # As a deserializer does, which would look for the model among the real ones.
    fields = {field.name: field for field in rows.model._meta.fields}
    restored = rows.model(
        **{name: fields[name].to_python(text) for name, text in held["fields"].items()}
    )
    rows.all().delete()
    restored.save_base(raw=True)
    assert rows.get().headers == value


def test_a_form_takes_json_and_shows_none(rows):
    row = rows.create(headers=SECRET, needed=["x"])
    form_class = modelform_factory(rows.model, fields=["headers", "needed"])
    page = str(form_class(instance=row))
    assert "very-secret" not in page
    assert "gAAAA" not in page
    kept = form_class({"headers": "", "needed": "[1]"}, instance=row)
    assert kept.is_valid(), kept.errors
    assert kept.changed_data == ["needed"]
    kept.save()
    assert (rows.get().headers, rows.get().needed) == (SECRET, [1])
    assert not form_class({"headers": "{", "needed": "[1]"}, instance=row).is_valid()
    form_class({"headers": '{"a": 1}', "needed": "[1]"}, instance=row).save()
    assert rows.get().headers == {"a": 1}


def test_a_serializer_takes_json_and_answers_with_a_mask(rows):
    class Serializer(ModelSerializer):
        class Meta:
            model = rows.model
            fields = ["headers", "environment"]

        def validate(self, attrs):
            return settle_secret(attrs, "headers")

    row = rows.create(headers=SECRET)
    assert Serializer(row).data == {"headers": MASK, "environment": ""}
    assert isinstance(Serializer().fields["headers"], SecretJSONField)
    kept = Serializer(row, data={"headers": MASK}, partial=True)
    assert kept.is_valid()
    kept.save()
    assert rows.get().headers == SECRET
    changed = Serializer(row, data={"headers": {"a": 1}}, partial=True)
    assert changed.is_valid()
    changed.save()
    assert rows.get().headers == {"a": 1}
    assert parse_json(b'{"a": 1}') == rows.get().headers


def test_the_audit_trail_says_only_that_it_changed(rows):
    row = rows.create(headers=SECRET)
    assert changes_of(row, {"headers": {"a": 1}, "environment": {}}) == {
        "headers": {"before": "changed", "after": "changed"}
    }


def test_a_migration_names_the_field_by_the_package(kept):
    written, imports = MigrationWriter.serialize(kept._meta.get_field("environment"))
    assert written == "restai_site.lib.crypto.EncryptedJSONField(blank=True, default=dict)"
    assert imports == {"import restai_site.lib.crypto"}


class TestTheTableByItsTokens:
    """What the rotation does, on a primary key that is no number."""

    @pytest.fixture
    def column(self, kept):
        return Column(kept, kept._meta.get_field("headers"))

    def test_all_rows_come_in_pages_and_in_order_without_those_that_hold_nothing(
        self, rows, column
    ):
        rows.bulk_create([rows.model(headers=n if n % 3 else None) for n in range(30)])
        keys = [row.key for row in column.rows()]
        assert keys == sorted(rows.filter(headers__isnull=False).values_list("pk", flat=True))
        assert column.size() == len(keys) == 20
        assert [row.key for row in column.page(keys[4], size=3)] == keys[5:8]
        assert column.page(keys[-1]) == []

    def test_a_replacement_needs_the_token_that_it_replaces(self, rows, column):
        row, other = rows.bulk_create([rows.model(headers=n) for n in range(2)])
        former = {one.key: one.token for one in column.rows()}
        rows.filter(pk=other.pk).update(headers="written meanwhile")
        fresh = column.field.seal("rotated")
        wanted = [Replacement(key, token, fresh) for key, token in former.items()]
        assert column.replace(wanted) == 1
        assert rows.get(pk=row.pk).headers == "rotated"
        assert rows.get(pk=other.pk).headers == "written meanwhile"

    def test_counts_are_by_key(self, rows, column, use_keys):
        keys = [fernet_key() for _ in range(3)]
        for key, many in zip(keys, (1, 2, 3), strict=True):
            use_keys(key)
            rows.bulk_create([rows.model(headers=n) for n in range(many)])
        use_keys(keys[2], keys[1])
        counts = column.count()
        assert (counts.newest, counts.older, counts.unreadable) == (3, 2, 1)

    @pytest.mark.parametrize(
        ("name", "nothing"), [("headers", None), ("environment", {}), ("needed", [])]
    )
    def test_nothing_is_null_or_the_default(self, rows, kept, name, nothing):
        field = kept._meta.get_field(name)
        rows.create(**{name: "secret"})
        column = Column(kept, field)
        (row,) = column.rows()
        assert column.replace([Replacement(row.key, row.token, field.nothing())]) == 1
        assert getattr(rows.get(), name) == nothing

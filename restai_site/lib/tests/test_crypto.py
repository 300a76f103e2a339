"""Secrets at rest: encrypted, or an error; never plaintext by accident."""

import base64
import os

import encrypted_model_fields.fields as library
import pytest
from cryptography.fernet import Fernet, MultiFernet
from django.db import connection

from catalog.models import ProviderAccount
from restai_site.lib.crypto import DecryptionFailed
from restai_site.tests.tables import tables_holding

pytestmark = pytest.mark.django_db
SECRET = "sk-a-very-secret-value"


@pytest.fixture
def keys(monkeypatch):
    """Return a function that sets the keys of the server, newest first."""

    def use(*texts: str) -> None:
        crypter = MultiFernet([Fernet(text) for text in texts])
        monkeypatch.setattr(library, "CRYPTER", crypter)

    return use


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def stored(row: ProviderAccount) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM catalog_provideraccount WHERE id = %s", [row.pk])
        return cursor.fetchone()[0]


def make(secret: str = SECRET) -> ProviderAccount:
    return ProviderAccount.objects.create(name="P", kind="openai", api_key=secret)


def test_the_table_holds_a_token_and_the_model_the_text():
    row = make()
    assert stored(row).startswith("gAAAA")
    assert tables_holding(SECRET) == []
    assert ProviderAccount.objects.get(pk=row.pk).api_key == SECRET


def test_update_and_bulk_create_encrypt_as_well():
    row = make()
    ProviderAccount.objects.filter(pk=row.pk).update(api_key=SECRET + "2")
    ProviderAccount.objects.bulk_create(
        [ProviderAccount(name="Q", kind="openai", api_key=SECRET + "3")]
    )
    assert tables_holding(SECRET) == []
    assert ProviderAccount.objects.get(pk=row.pk).api_key == SECRET + "2"


def test_a_pasted_ciphertext_stays_the_text_that_it_is():
    """Otherwise whoever sees a token from a dump could have it opened."""
    token = stored(make())
    other = ProviderAccount(name="Q", kind="openai", api_key=token)
    other.full_clean()
    other.save()
    assert ProviderAccount.objects.get(pk=other.pk).api_key == token
    assert stored(other) != token


def test_what_cannot_be_decrypted_raises_and_is_not_shown(keys):
    row = make()
    keys(new_key())
    with pytest.raises(DecryptionFailed, match="FIELD_ENCRYPTION_KEY") as caught:
        ProviderAccount.objects.get(pk=row.pk)
    assert SECRET not in str(caught.value)
    assert ProviderAccount.objects.defer("api_key").get(pk=row.pk).name == "P"


def test_plaintext_that_got_into_the_table_is_not_taken_for_a_secret():
    row = make()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_provideraccount SET api_key = 'sk-plain'")
    with pytest.raises(DecryptionFailed):
        ProviderAccount.objects.get(pk=row.pk)


def test_old_keys_still_read_and_the_newest_writes(keys):
    old, new = new_key(), new_key()
    keys(old)
    row = make()
    keys(new, old)
    found = ProviderAccount.objects.get(pk=row.pk)
    assert found.api_key == SECRET
    found.save()
    keys(new)
    assert ProviderAccount.objects.get(pk=row.pk).api_key == SECRET


def test_nothing_is_stored_as_nothing():
    assert stored(make("")) == ""


@pytest.mark.parametrize("secret", ["ü€😀", "x" * 4096, "line\nend", " spaces "])
def test_any_text_comes_back_as_it_went_in(secret):
    assert ProviderAccount.objects.get(pk=make(secret).pk).api_key == secret

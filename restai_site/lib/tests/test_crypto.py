"""Secrets at rest: encrypted, or an error; never plaintext by accident."""

import logging

import pytest
from cryptography.fernet import Fernet
from django.db import connection, transaction

from catalog.models import ProviderAccount
from restai_site.embedded.keys import fernet_key
from restai_site.lib.crypto import DecryptionFailed, EncryptionFailed
from restai_site.tests.tables import tables_holding

pytestmark = pytest.mark.django_db
SECRET = "sk-a-very-secret-value"


def stored(row: ProviderAccount) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM catalog_provideraccount WHERE id = %s", [row.pk])
        return cursor.fetchone()[0]


def make(secret: str = SECRET) -> ProviderAccount:
    return ProviderAccount.objects.create(name="P", kind="openai", api_key=secret)


def read(row: ProviderAccount) -> str:
    return ProviderAccount.objects.get(pk=row.pk).api_key


def test_the_table_holds_a_token_and_the_model_the_text():
    row = make()
    assert stored(row).startswith("gAAAA")
    assert tables_holding(SECRET) == []
    assert read(row) == SECRET


def test_a_pasted_ciphertext_stays_the_text_that_it_is():
    """Otherwise whoever sees a token from a dump could have it opened."""
    token = stored(make())
    other = ProviderAccount(name="Q", kind="openai", api_key=token)
    other.full_clean()
    other.save()
    assert read(other) == token
    assert stored(other) != token


def test_what_cannot_be_decrypted_raises_and_is_not_shown(use_keys, caplog):
    row = make()
    token = stored(row)
    use_keys(fernet_key())
    with caplog.at_level(logging.DEBUG), pytest.raises(DecryptionFailed) as caught:
        read(row)
    assert str(caught.value) == (
        "A secret in catalog_provideraccount.api_key cannot be read: put the key that it was "
        "written with at the end of FIELD_ENCRYPTION_KEY, or enter the secret again."
    )
    assert caught.value.message == (
        "A secret that this needs cannot be read now: ask an administrator of the platform to "
        "look at it."
    )
    for hidden in (SECRET, token):
        assert hidden not in caplog.text
        assert hidden not in repr(caught.value)
    assert ProviderAccount.objects.get(pk=row.pk).name == "P"


@pytest.mark.parametrize(
    "damage", ["sk-plain", "gAAAA", " ", "ü", "x{token}", "fernet:{token}", "\u0661"]
)
def test_what_is_no_token_of_ours_is_not_taken_for_a_secret(damage):
    row = make()
    value = damage.format(token=stored(row))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_provideraccount SET api_key = %s", [value])
    with pytest.raises(DecryptionFailed):
        read(row)


def test_one_changed_character_of_a_token_is_noticed():
    row = make()
    token = stored(row)
    for place in (0, 12, 40, len(token) // 2, len(token) - 5):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with connection.cursor() as cursor:
            cursor.execute("UPDATE catalog_provideraccount SET api_key = %s", [changed])
        with pytest.raises(DecryptionFailed):
            read(row)


def test_old_keys_still_read_and_the_newest_writes(use_keys):
    old, new = fernet_key(), fernet_key()
    use_keys(old)
    row = make()
    use_keys(new, old)
    assert read(row) == SECRET
    row.save()
    use_keys(new)
    assert read(row) == SECRET
    assert Fernet(new).decrypt(stored(row)).decode() == SECRET


def test_saving_a_row_whose_secret_was_not_read_leaves_the_token_as_it_is(use_keys):
    row = make()
    token = stored(row)
    use_keys(fernet_key())
    found = ProviderAccount.objects.get(pk=row.pk)
    found.name = "Renamed"
    found.save()
    assert stored(row) == token


def test_the_same_text_makes_another_token_each_time():
    row = make()
    first = stored(row)
    row.save()
    assert stored(row) != first


def test_nothing_is_stored_as_nothing():
    assert stored(make("")) == ""


@pytest.mark.parametrize("secret", ["ü€😀", "x" * 4096, "line\nend", " spaces ", "nul\0", "null"])
def test_any_text_comes_back_as_it_went_in(secret):
    assert read(make(secret)) == secret


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("half a \ud800 pair", "The secret contains characters that are no text."),
        (17, "A secret must be text."),
        (b"bytes", "A secret must be text."),
        ({"a": 1}, "A secret must be text."),
        (
            "fernet:gAAAA",
            "This is a secret as fixtures hold it: enter the secret itself.",
        ),
    ],
)
def test_what_cannot_be_encrypted_is_refused_with_a_sentence_and_not_stored(value, words):
    row = make()
    token = stored(row)
    row.api_key = value
    with pytest.raises(EncryptionFailed) as caught, transaction.atomic():
        row.save()
    assert caught.value.message == words
    assert stored(row) == token

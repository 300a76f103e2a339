"""Encrypted fields of models.

django-encrypted-model-fields as it is decrypts whatever is assigned, returns the raw value where
that fails, and encrypts the source of an expression, as `bulk_update` makes them, instead of its
value. The fields here change all three.
"""

import contextlib
import json
import logging
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.models import Case, Value, lookups
from django.db.models.functions import Cast
from encrypted_model_fields.fields import EncryptedMixin

from restai_site.lib.crypto.errors import DecryptionFailed, EncryptionFailed
from restai_site.lib.crypto.forms import SecretJSONFormField, SecretTextFormField
from restai_site.lib.crypto.keyring import keyring

logger = logging.getLogger(__name__)
# How a secret begins in a fixture, where it stands as its token.
FIXTURE_MARK = "fernet:"


class SealedText(str):
    """A token that goes into the column as it is."""

    __slots__ = ()


class IsEmpty(lookups.Exact):
    """The one comparison that a column of tokens allows: with nothing."""

    def get_prep_lookup(self) -> Any:
        """Return the empty text; raises FieldError for anything else."""
        if not isinstance(self.rhs, str) or self.rhs != "":
            raise FieldError("Secrets cannot be searched for: compare with the empty text alone.")
        return self.rhs


class EncryptedField(EncryptedMixin):  # type: ignore[misc]
    """A column that holds Fernet tokens and never anything else.

    Only what comes from the database, or from a fixture, is decrypted; what is assigned stays the
    text that it is. Reading what no key opens raises DecryptionFailed. Subclasses say how their
    values become text and back.
    """

    form_class: Any

    @property
    def column_label(self) -> str:
        """Table and column, for messages."""
        model = getattr(self, "model", None)
        return f"{model._meta.db_table}.{self.column}" if model else "an expression"

    def to_text(self, value: Any) -> str:
        """Return `value` as text. Raises EncryptionFailed."""
        raise NotImplementedError

    def from_text(self, text: str) -> Any:
        """Return the value that `to_text` made `text` of."""
        raise NotImplementedError

    def is_nothing(self, value: Any) -> bool:
        """Tell whether `value` is stored as it is, because there is nothing to encrypt."""
        return value is None

    def nothing(self) -> Any:
        """Return what the column holds where there is no secret."""
        raise NotImplementedError

    def from_db_value(self, value: str | None, *_: object) -> Any:
        """Decrypt what the database holds. Raises DecryptionFailed."""
        if value is None or self.is_nothing(value):
            return value
        opened = keyring().open(value)
        if opened is not None:
            # A token of another column may hold what is no value of this one.
            with contextlib.suppress(ValueError):
                return self.from_text(opened.text)
        failure = DecryptionFailed(self.column_label)
        logger.error("%s", failure)
        raise failure

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Encrypt `value`. Raises EncryptionFailed, FieldError for expressions."""
        if hasattr(value, "as_sql"):
            return self._only_of_values(value)
        if self.is_nothing(value):
            return value
        return str(value) if isinstance(value, SealedText) else self.seal(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return `value` as it is; only saving encrypts."""
        return value

    def seal(self, value: Any) -> str:
        """Return the token of `value`. Raises EncryptionFailed."""
        text = self.to_text(value)
        if text.startswith(FIXTURE_MARK):
            raise EncryptionFailed("This is a secret as fixtures hold it: enter the secret itself.")
        return keyring().seal(text)

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        """Validate what a form took, which is never decrypted."""
        self.validate(value, model_instance)
        self.run_validators(value)
        return value

    def to_python(self, value: Any) -> Any:
        """Return a value of a fixture; Django calls this where it loads one."""
        if not isinstance(value, str) or not value.startswith(FIXTURE_MARK):
            return value
        token = value.removeprefix(FIXTURE_MARK)
        if keyring().open(token) is None:
            raise DecryptionFailed(self.column_label)
        return SealedText(token)

    def value_from_object(self, obj: models.Model) -> Any:
        """Return the secret of `obj` as fixtures and the initial values of forms may hold it."""
        value = getattr(obj, self.attname)
        return value if self.is_nothing(value) else FIXTURE_MARK + self.seal(value)

    def value_to_string(self, obj: models.Model) -> Any:
        """Return what a fixture holds."""
        return self.value_from_object(obj)

    def formfield(self, **kwargs: Any) -> Any:
        """Return a form field that never shows the secret, whatever widget was asked for."""
        kwargs |= {"form_class": self.form_class, "show_hidden_initial": False}
        return models.Field.formfield(self, **kwargs)

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        """Keep the stored secret where a form sends nothing."""
        if data not in self.empty_values:
            setattr(instance, self.name, data)

    def get_lookup(self, lookup_name: str) -> Any:
        """Offer only what says whether there is a secret: a token equals no other."""
        return {"exact": IsEmpty, "isnull": lookups.IsNull}.get(lookup_name)

    def get_transform(self, lookup_name: str) -> None:
        """Offer none."""

    def deconstruct(self) -> Any:
        """Name the field in migrations by the package, whose modules may change."""
        name, _, args, kwargs = super().deconstruct()
        return name, f"restai_site.lib.crypto.{type(self).__name__}", args, kwargs

    def _only_of_values(self, expression: Any) -> Any:
        """Return an expression that writes nothing but values of encrypted fields.

        `bulk_update` makes such ones. The database would work out others, in plaintext.
        """
        if not _is_encrypted(expression):
            raise FieldError(f"{self.name} is encrypted: assign a value, not an expression.")
        return expression


def _is_encrypted(expression: Any) -> bool:
    if isinstance(expression, Value):
        return expression.value is None or isinstance(expression.output_field, EncryptedField)
    if isinstance(expression, Cast):
        return all(map(_is_encrypted, expression.get_source_expressions()))
    if isinstance(expression, Case):
        results = [case.result for case in expression.cases]
        return all(map(_is_encrypted, [*results, expression.default]))
    return False


class EncryptedTextField(EncryptedField, models.TextField):  # type: ignore[type-arg]
    """A text that is encrypted at rest. The empty text says that there is no secret."""

    form_class = SecretTextFormField

    def to_text(self, value: Any) -> str:
        """Return `value`, which must be text."""
        if not isinstance(value, str):
            raise EncryptionFailed("A secret must be text.")
        return value

    def from_text(self, text: str) -> str:
        """Return `text`."""
        return text

    def is_nothing(self, value: Any) -> bool:
        """Tell whether there is no text."""
        return value is None or value == ""

    def nothing(self) -> str:
        """Return the empty text."""
        return ""


class EncryptedJSONField(EncryptedField, models.TextField):  # type: ignore[type-arg]
    """A JSON value that is encrypted at rest, as one token. None is NULL."""

    form_class = SecretJSONFormField
    empty_strings_allowed = False

    def to_text(self, value: Any) -> str:
        """Return `value` as JSON."""
        try:
            return json.dumps(value, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError):
            raise EncryptionFailed("The secret is no JSON value.") from None

    def from_text(self, text: str) -> Any:
        """Return the value that `text` spells."""
        return json.loads(text)

    def nothing(self) -> Any:
        """Return NULL where the column takes it, else the token of the default."""
        return None if self.null else self.seal(self.get_default())

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Refuse what is no JSON value."""
        super().validate(value, model_instance)
        try:
            self.to_text(value)
        except EncryptionFailed as error:
            raise ValidationError(error.message, code="invalid") from None

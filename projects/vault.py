"""The secrets of a project where they are used: put into configurations, taken out of texts.

Configurations of tools and connectors hold `{{secret.NAME}}`; the value takes its place on the
server, at the moment of use. Prompts, messages and answers never pass through `resolve`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Self, TypeVar, cast

from django.db import models
from django.db.models.functions import Cast

from projects.models import SECRET_NAME_PATTERN, ProjectSecret
from projects.spellings import spellings
from restai_site.lib.crypto import DecryptionFailed, EncryptedTextField
from restai_site.lib.errors import Invalid, Unavailable

REFERENCE = re.compile(r"\{\{secret\.([^{}]*)\}\}")
# Deeper than any configuration; a structure that holds itself is one without end.
DEPTH_MAX = 32
# Shorter values stand in half of all texts by chance.
REDACTED_MIN_LENGTH = 4
ConfigurationT = TypeVar("ConfigurationT")


class Vault:
    """The secrets of one project as they were when it was opened.

    It asks the database once, when it is opened, and keeps what is encrypted encrypted until it
    is needed; `resolve` and `redact` may be called from async code. It shows no value: not as
    text, not in a log, not to pickle, not in the frames of an error that it raises.
    """

    __slots__ = ("_project_id", "_tokens")

    def __init__(self, project_id: int, tokens: dict[str, str]) -> None:
        self._project_id = project_id
        self._tokens = tokens

    @classmethod
    def of(cls, project_id: int) -> Self:
        """Open the vault of a project, by one query. A project that is gone has an empty one.

        Whoever calls it has made sure that the actor may use the project.
        """
        token = Cast("value", output_field=models.TextField())
        rows = ProjectSecret.objects.filter(project_id=project_id).order_by("name")
        return cls(project_id, dict(rows.values_list("name", token)))

    @staticmethod
    def references(value: Any) -> set[str]:
        """Return the names of the secrets that a configuration refers to, known or not.

        `value` is what JSON can hold. Raises Invalid for a reference that holds no name, and for
        more than DEPTH_MAX levels; TypeError for what JSON cannot hold.
        """
        names = {name for text in _texts(value) for name in REFERENCE.findall(text)}
        if not all(re.match(SECRET_NAME_PATTERN, name) for name in names):
            # Not repeated here: somebody may have put the secret itself where its name belongs.
            raise Invalid(
                "Write {{secret.NAME}} with the name of a secret, in capital letters, digits and "
                "underscores.",
                code="bad_secret_reference",
            )
        return names

    def resolve(self, value: ConfigurationT) -> ConfigurationT:
        """Return a copy of a configuration with each `{{secret.NAME}}` replaced by the value.

        `value` is the configuration of a tool or connector: a text, list or dict of what JSON can
        hold. Every text in it is read once, so what a secret's own text holds is never expanded.
        Keys of dicts stay as they are, and so does all that is no reference. Only the secrets
        that are referred to are decrypted.

        Raises Invalid where a name is unknown (it names it) or a reference holds none,
        Unavailable where a secret cannot be decrypted, TypeError for what JSON cannot hold. All
        of that is found before the first value is put in.
        """
        names = self.references(value)
        if unknown := sorted(names - self._tokens.keys()):
            raise Invalid(
                f"The project has no secret {', '.join(unknown)}; add it, or change what refers "
                "to it.",
                code="unknown_secret",
            )
        values = {name: self._opened(name) for name in sorted(names)}
        filled = _mapped(value, lambda text: REFERENCE.sub(lambda found: values[found[1]], text))
        return cast("ConfigurationT", filled)

    def redact(self, text: str) -> str:
        """Return `text` with every value of the project's secrets replaced by `[secret NAME]`.

        For results and errors of tools, before anybody or anything else sees them. Found are all
        secrets of the project, referred to or not, as they are and as JSON, URLs, HTML, Python and
        base64 write them (also in the midst of something longer, such as a log-in and its
        password), without the white space around them, with line ends of either kind. Where
        values overlap, nothing of any of them stays; where one lies in another, the longer is
        named.

        What it is not: proof that a text holds no secret. A value that was cut, reversed, hashed,
        encrypted or wrapped is not found; nor is one of fewer than REDACTED_MIN_LENGTH characters,
        which would be found everywhere; nor one that was replaced or deleted before the vault was
        opened. Give it the whole text: a value that is split over two calls is in neither. And
        whoever can have texts of theirs redacted learns whether a guess is right: a value that
        can be guessed, such as a number of four digits, is no secret here.

        Never raises, so that it can stand where an error is handled: where a secret cannot be
        decrypted, the whole text is withheld. With ten secrets of forty characters a text of a
        million takes about 25 ms of processor time; leave the event loop for much more.
        """
        try:
            spans = [span for name in self._tokens for span in self._spans_of(name, text)]
        except Unavailable as error:
            return f"[text withheld: {error.message}]"
        pieces, at = [], 0
        for start, end, name in sorted(spans, key=lambda span: (span[0], -span[1], span[2])):
            if end <= at:
                continue
            pieces += [text[at:start], f"[secret {name}]"]
            at = end
        return "".join([*pieces, text[at:]])

    def _opened(self, name: str) -> str:
        try:
            value = EncryptedTextField().from_db_value(self._tokens[name])
        except DecryptionFailed as error:
            raise Unavailable(
                f"The secret {name} cannot be decrypted with the keys of this server; set its "
                "value again.",
                code="secret_unreadable",
            ) from error
        return cast("str", value)

    def _spans_of(self, name: str, text: str) -> list[tuple[int, int, str]]:
        """Return where the value of a secret stands in `text`: start, end, and `name`."""
        # Spelled anew each time: a hundred long values would fill the memory with their spellings.
        value = self._opened(name).strip()
        if len(value) < REDACTED_MIN_LENGTH:
            return []
        return [
            (max(0, start - spelling.before), end + spelling.after, name)
            for spelling in spellings(value)
            for start, end in _stretches(text, spelling.text)
        ]

    def __repr__(self) -> str:
        return f"<Vault of project {self._project_id}: {len(self._tokens)} secrets>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A vault is neither pickled nor copied; open it where it is needed.")

    def __getstate__(self) -> NoReturn:
        self.__reduce_ex__(0)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts in a configuration, those of keys left out."""
    if depth > DEPTH_MAX:
        raise Invalid(f"A configuration has {DEPTH_MAX} levels at most.", code="too_deep")
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth + 1)
    elif value is not None and not isinstance(value, bool | int | float):
        raise TypeError(f"A configuration holds what JSON can hold, not {type(value).__name__}.")


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return a copy of a configuration in which `change` has been applied to every text."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    return value


def _stretches(text: str, form: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of what `form` covers in `text`; it may overlap itself."""
    length = len(form)
    start = text.find(form)
    while start != -1:
        last = start
        while (later := text.rfind(form, last + 1, last + 2 * length - 1)) != -1:
            last = later
        yield start, last + length
        start = text.find(form, last + length)

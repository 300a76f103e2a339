"""What makes a password good enough (NIST SP 800-63B-4, section 3.1.1.2).

Length, and a look into lists of what is guessed first. No rules of composition: they make passwords
worse. Long pass phrases are welcome, in any script.
"""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    UserAttributeSimilarityValidator,
)
from django.core.exceptions import ValidationError

from accounts.models import User, normal_password
from accounts.sections import PASSWORD_MOST, AuthenticationSection
from restai_site.lib.configuration import current
from restai_site.lib.errors import Invalid

PLATFORM = "restai"
# What is left of a password without the words that everybody would try first has this length.
LEFT_LEAST = 8
# Words shorter than this are found in too many good pass phrases.
WORD_LEAST = 4
REPEATED = re.compile(r"(.+?)\1+.{0,2}", re.DOTALL)
TAIL = re.compile(r"[\W\d_]+\Z")
COMMON = "Choose another one: this password is too common."
GUESSABLE = (
    "Choose another one: this password is little more than your name, your address or the "
    "platform's."
)
REPETITIVE = "Choose another one: this password repeats itself."


def minimum_length(user: User | None) -> int:
    """Return the least number of characters: fewer where a second factor stands beside it."""
    settings_ = current(AuthenticationSection)
    with_factor = user is not None and user.second_factor_since is not None
    if with_factor:
        return settings_.password_min_length_with_factor
    return settings_.password_min_length


def check_password_rules(password: str, user: User, *, field: str = "password") -> None:
    """Raise Invalid, naming `field`, unless `password` is good enough for `user`."""
    text = normal_password(password)
    least = minimum_length(user)
    problem = ""
    if len(text) < least:
        problem = f"Use at least {least} characters: a few unrelated words make a good password."
    elif len(text) > PASSWORD_MOST:
        problem = f"Use at most {PASSWORD_MOST} characters."
    elif "\0" in text:
        problem = "Leave out the character with the code zero."
    else:
        problem = _weakness(text, user)
    if problem:
        raise Invalid(problem, fields={field: [problem]})


def _weakness(text: str, user: User) -> str:
    folded = text.casefold()
    unit = _unit(folded)
    if unit != folded and len(unit) < LEFT_LEAST:
        return REPETITIVE
    if any(_is_common(form) for form in {folded, unit, TAIL.sub("", folded)}):
        return COMMON
    if _is_guessable(folded, user):
        return GUESSABLE
    return ""


def _unit(text: str) -> str:
    """Return what `text` repeats, or `text` itself."""
    found = REPEATED.fullmatch(text)
    return found[1] if found else text


def _is_common(text: str) -> bool:
    return bool(text) and text in _common().passwords


def _is_guessable(text: str, user: User) -> bool:
    try:
        UserAttributeSimilarityValidator(user_attributes=("email", "name")).validate(text, user)
    except ValidationError:
        return True
    left = text
    for word in sorted(_words(user), key=len, reverse=True):
        left = left.replace(word, "")
    return left != text and len(re.sub(r"[\W_]", "", left)) < LEFT_LEAST


def _words(user: User) -> set[str]:
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    known = f"{PLATFORM} {host} {user.email} {user.name}".casefold()
    whole = known.split()
    parts = re.split(r"[\W_]+", known)
    return {word for word in [*whole, *parts] if len(word) >= WORD_LEAST}


_validators: list[CommonPasswordValidator] = []


def _common() -> CommonPasswordValidator:
    """Return Django's list of 20,000 passwords, read when it is first needed."""
    if not _validators:
        _validators.append(CommonPasswordValidator())
    return _validators[0]

"""What people may write where a team shows it to everybody."""

import unicodedata

from django.core.exceptions import ValidationError

# Of the characters that show nothing these two join letters and parts of emoji; the others turn
# text round, hide it or break lines.
JOINERS = frozenset("\u200c\u200d")
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
WRONG = "Leave out characters that cannot be seen, such as line ends and marks of direction."
WRONG_IN_TEXT = "Leave out characters that cannot be seen, such as marks of direction."


def validate_line(text: str) -> None:
    """Refuse characters that show nothing, among them line ends. Raises ValidationError."""
    if any(map(_is_hidden, text)):
        raise ValidationError(WRONG)


def validate_text(text: str) -> None:
    """As `validate_line`, for text of several lines."""
    if any(map(_is_hidden, text.replace("\r\n", "").replace("\n", ""))):
        raise ValidationError(WRONG_IN_TEXT)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN and character not in JOINERS

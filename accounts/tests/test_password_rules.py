"""Which passwords are good enough (NIST SP 800-63B-4, section 3.1.1.2); how they are spelled."""

import pytest
from django.utils import timezone

from accounts.models import User, normal_password
from accounts.password_rules import check_password_rules, minimum_length
from accounts.sections import AuthenticationSection
from restai_site.lib.configuration import overridden
from restai_site.lib.errors import Invalid

GOOD = [
    "correct horse battery",
    "a" * 5 + "quite different thing",
    "zwölf Boxkämpfer jagen",
    "пятнадцать лошадей",
    "正しい馬のバッテリーのホッチキスと木",
    "🐎 horses eat green staples",
    "lovelace loves long poems",
    "0123456789 apples of a tree",
]
WEAK = {
    "only fourteen.": "Use at least 15 characters",
    "x" * 15: "repeats itself",
    "abcabcabcabcabcabc": "repeats itself",
    "passwordpassword": "too common",
    "password12345678": "too common",
    "DRAGON!!!!!!!!!!!!": "too common",
    "adalovelace2026!!": "little more than your name",
    "ada@example.org12": "little more than your name",
    "RESTai RESTai 2026": "little more than your name",
    "restai-example.org": "little more than your name",
}


@pytest.fixture
def ada(settings):
    settings.PUBLIC_URL = "https://restai.example.org"
    return User(email="ada@example.org", name="Ada Lovelace")


def refusal(password, user):
    with pytest.raises(Invalid) as refused:
        check_password_rules(password, user)
    assert refused.value.fields == {"password": [refused.value.message]}
    return refused.value.message


@pytest.mark.parametrize("password", GOOD)
def test_long_phrases_of_any_script_are_welcome_without_digits_or_signs(ada, password):
    check_password_rules(password, ada)


@pytest.mark.parametrize(("password", "reason"), WEAK.items())
def test_what_is_guessed_first_is_refused_with_the_reason(ada, password, reason):
    assert reason in refusal(password, ada)


def test_at_most_128_characters_and_that_many_are_fine(ada):
    phrase = " ".join(f"word{number}" for number in range(30))
    check_password_rules(phrase[:128], ada)
    assert refusal(phrase[:129], ada) == "Use at most 128 characters."


def test_beside_a_second_factor_eight_characters_are_enough(ada):
    assert minimum_length(ada) == 15
    ada.second_factor_since = timezone.now()
    assert minimum_length(ada) == 8
    check_password_rules("tr0ubl3d", ada)
    assert "at least 8 characters" in refusal("tr0ubl3", ada)


def test_settings_raise_the_lengths(ada):
    with overridden(
        AuthenticationSection, password_min_length=20, password_min_length_with_factor=12
    ):
        assert minimum_length(ada) == 20
        ada.second_factor_since = timezone.now()
        assert minimum_length(ada) == 12


@pytest.mark.parametrize(
    ("name", "value"), [("password_min_length", 14), ("password_min_length_with_factor", 7)]
)
def test_settings_cannot_lower_them(name, value):
    with pytest.raises(Invalid):
        AuthenticationSection.setting(name).clean(value)


def test_length_is_counted_in_the_spelling_that_is_stored(ada):
    # A letter and its accent, typed apart, are one character; a ligature is two.
    apart = "e\u0301" * 4 + "1ab cdf ghi"
    assert len(apart) == 19
    assert "at least 15" not in _reason(apart, ada)
    assert refusal("e\u0301" * 7 + "1234567", ada).startswith("Use at least 15")


def _reason(password, user):
    try:
        check_password_rules(password, user)
    except Invalid as error:
        return error.message
    return ""


def test_a_password_is_the_same_however_the_keyboard_spells_it(db):
    user = User(email="ada@example.org")
    user.set_password("zwo\u0308lf Boxka\u0308mpfer")
    assert user.check_password("zwölf Boxkämpfer")
    assert user.check_password("zwo\u0308lf Boxka\u0308mpfer")
    assert not user.check_password("zwolf Boxkampfer")


def test_passwords_in_ascii_are_left_as_they_are():
    every = "".join(chr(code) for code in range(32, 127))
    assert normal_password(every) == every
    assert normal_password(" a  b ") == " a  b "


def test_the_character_zero_is_refused_before_it_reaches_the_database(ada):
    assert "code zero" in refusal("correct horse\0 battery", ada)

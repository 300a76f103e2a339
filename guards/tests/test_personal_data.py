import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.detectors import detector
from guards.spans import masked
from guards.tests.hostile import NO_PERSONAL_DATA, PERSONAL_DATA
from restai_site.lib.errors import Invalid

FINDER = detector("personal_data")
ALL = FINDER.cleaned({"categories": [slug for slug, _ in FINDER.categories]})
EXAMPLES = [(kind, text) for kind, texts in PERSONAL_DATA.items() for text in texts]


def found(text, **configuration):
    values = FINDER.cleaned({**ALL, **configuration})
    return [(span.category, text[span.start : span.end]) for span in FINDER.find(text, values)]


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_personal_data_is_found_in_a_sentence(kind, text):
    assert [category for category, _ in found(f"My data: {text}, thank you.")] == [kind]


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_personal_data_is_found_in_full_width_and_with_invisible_characters(kind, text):
    wide = "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)
    assert kind in {category for category, _ in found(f"X {wide} Y")}
    assert kind in {category for category, _ in found("X " + "\u200b".join(text) + " Y")}


@pytest.mark.parametrize("text", NO_PERSONAL_DATA)
def test_code_hashes_dates_and_prices_are_not_blamed(text):
    assert found(text) == []


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_nothing_is_found_that_was_not_asked_for(kind, text):
    others = [slug for slug, _ in FINDER.categories if slug != kind]
    assert kind not in {category for category, _ in found(text, categories=others)}


def test_an_account_ends_where_its_country_says():
    assert found("Pay to DE89 3704 0044 0532 0130 00 BY NOON") == [
        ("iban", "DE89 3704 0044 0532 0130 00")
    ]


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1112", "DE88 3704 0044 0532 0130 00", "BSN 111222334", "54362315-A"]
)
def test_a_number_whose_checksum_fails_is_no_finding(text):
    assert found(text) == []


@pytest.mark.parametrize("text", ["111222333", "44051401359", "36574261809", "536904399"])
def test_bare_digits_count_only_beside_a_word_that_names_them(text):
    assert found(f"The total is {text} units.") == []


def test_a_card_within_a_longer_number_is_no_card():
    assert found("41111111111111114111111111111111") == []
    assert found("id-4111111111111111-a") == []


def test_numbers_without_a_country_are_read_by_the_chosen_ones():
    text = "Tel. 030 901820"
    assert found(text, countries=["DE"]) == [("phone", "030 901820")]
    assert found(text, countries=[]) == []


def test_the_network_address_of_this_machine_is_nobodys():
    assert found("127.0.0.1 and ::1 and 0.0.0.0") == []


def test_a_password_in_an_address_is_no_mail_address():
    assert found("postgres://app:word@db.example.org/app") == []


def test_network_addresses_are_left_out_unless_chosen():
    assert "ip_address" not in FINDER.cleaned({})["categories"]


def test_an_unknown_country_is_refused_in_words():
    with pytest.raises(Invalid) as error:
        FINDER.cleaned({"countries": ["XX"]})
    assert error.value.fields == {
        "countries": ["There is no country XX; write two capital letters."]
    }


@given(
    st.lists(
        st.sampled_from(EXAMPLES).map(lambda example: example[1])
        | st.text(alphabet="äbc (.,@:-", max_size=8),
        max_size=6,
    )
)
def test_a_masked_text_holds_nothing_that_was_found(parts):
    text = " | ".join(parts)
    spans = FINDER.find(text, ALL)
    rest = masked(text, spans)
    assert FINDER.find(rest, ALL) == []
    for span in spans:
        assert 0 <= span.start < span.end <= len(text)


@given(st.text(max_size=80))
def test_any_text_can_be_searched(text):
    for span in FINDER.find(text, ALL):
        assert 0 <= span.start < span.end <= len(text)


@pytest.mark.parametrize(
    "text", ["Änne <änne@exämple.de> wohnt in Köln", "tél. +33 1 42 68 53 00 é"]
)
def test_composed_and_decomposed_texts_give_the_same(text):
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    masks = [masked(one, FINDER.find(one, ALL)) for one in (composed, decomposed)]
    assert masks[0] == unicodedata.normalize("NFC", masks[1])
    assert masks[0] != composed

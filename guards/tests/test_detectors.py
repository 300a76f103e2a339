"""What holds for every detector."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from guards.detectors import detector, detectors
from guards.tests.hostile import OVERRIDE, PERSONAL_DATA, SECRETS
from restai_site.lib.errors import Invalid, NotFound

EVERY = {one.slug: one for one in detectors()}
SETTINGS = {"patterns": {"words": ["forbidden"], "expressions": [r"proj-\d+"]}}
TEXT = "\n".join(
    [
        *(f"My {kind}: {texts[0]}." for kind, texts in PERSONAL_DATA.items()),
        *(texts[0] for texts in SECRETS.values()),
        f"This forbidden text says: {OVERRIDE}. See proj-12.",
    ]
)


def settings(slug):
    return EVERY[slug].cleaned(SETTINGS.get(slug, {}))


def test_there_are_five_detectors():
    assert list(EVERY) == ["personal_data", "secrets", "patterns", "injection", "classifier"]


def test_an_unknown_detector_is_not_found():
    with pytest.raises(NotFound):
        detector("nothing")


@pytest.mark.parametrize("slug", EVERY)
def test_a_detector_says_what_it_is_for(slug):
    one = EVERY[slug]
    assert detector(slug) is one
    assert one.title
    assert one.explanation.endswith(".")
    assert len({category for category, _ in one.categories}) == len(one.categories) > 0


@pytest.mark.parametrize("slug", EVERY)
def test_the_settings_left_out_are_the_defaults(slug):
    kept = EVERY[slug].cleaned({})
    assert kept == {field.name: field.default for field in EVERY[slug].configuration}
    assert EVERY[slug].cleaned(kept) == kept


@pytest.mark.parametrize("slug", EVERY)
def test_unknown_settings_are_refused(slug):
    with pytest.raises(Invalid) as error:
        EVERY[slug].cleaned({"colour": "red"})
    assert error.value.fields == {"colour": ["There is no such setting."]}


@pytest.mark.parametrize("value", [None, 3.5, "text", ["unknown"], {"a": 1}, [1], [None], True, -1])
@pytest.mark.parametrize("slug", EVERY)
def test_settings_of_another_form_are_refused_in_words(slug, value):
    for field in EVERY[slug].configuration:
        if field.name in {"words", "expressions"} and value == ["unknown"]:
            continue
        if field.name == "any_case" and value is True:
            continue
        with pytest.raises(Invalid) as error:
            EVERY[slug].cleaned({field.name: value})
        (message,) = error.value.fields[field.name]
        assert message.endswith(".")


@pytest.mark.parametrize("slug", EVERY)
def test_findings_are_in_order_of_known_categories_and_apart(slug):
    spans = EVERY[slug].find(TEXT, settings(slug))
    assert spans
    known = {category for category, _ in EVERY[slug].categories}
    assert {span.category for span in spans} <= known
    assert all(0 <= span.start < span.end <= len(TEXT) for span in spans)
    assert [span.start for span in spans] == sorted(span.start for span in spans)
    if EVERY[slug].finds_spans:
        assert all(one.end <= two.start for one, two in pairwise(spans))


@pytest.mark.parametrize("slug", EVERY)
def test_many_threads_find_what_one_finds(slug):
    texts = [TEXT[start:] for start in range(0, 200, 10)]
    alone = [EVERY[slug].find(text, settings(slug)) for text in texts]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda text: EVERY[slug].find(text, settings(slug)), texts * 4))
    assert together == alone * 4


@pytest.mark.parametrize("slug", EVERY)
@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\x00", "\ud800", "a" * 20_000, "@" * 20_000, "1" * 20_000, "4111-" * 4000,
        "\u200b" * 20_000, "\u0301" * 20_000, "(" * 20_000, "a@" * 10_000, ":" * 20_000,
        "eyJ." * 5000, "+1 " * 7000, "i g n o r e " * 2000, "://:" * 5000, "password=" * 2500,
        "-----BEGIN PRIVATE KEY-----" * 700, "!" + "[" * 20_000, "from now on " * 1500,
    ],
    ids=lambda text: ascii(text[:12]),
)  # fmt: skip
def test_odd_texts_are_searched_to_the_end(slug, text):
    for span in EVERY[slug].find(text, settings(slug)):
        assert 0 <= span.start < span.end <= len(text)

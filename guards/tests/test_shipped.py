"""The sets that come with the platform."""

import json
from collections import Counter

import pytest

from guards.detectors import detectors
from guards.models import GuardCase, GuardSet
from guards.shipped import FOLDER, SETS, load_shipped

pytestmark = pytest.mark.django_db


def cases(slug):
    return GuardCase.objects.filter(set__source__startswith=f"{slug}:")


@pytest.mark.parametrize("slug", SETS)
def test_each_is_kept_balanced_and_without_repetitions(slug):
    texts = list(cases(slug).values_list("text", flat=True))
    assert len(texts) == len(set(texts)) == 60
    assert Counter(cases(slug).values_list("expected", flat=True)) == {"safe": 30, "unsafe": 30}
    assert not cases(slug).filter(expected="unsafe", category="").exists()
    lines = (FOLDER / f"{slug}.jsonl").read_text(encoding="utf-8").splitlines()
    assert texts == [json.loads(line)["text"] for line in lines]


@pytest.mark.parametrize("slug", SETS)
def test_each_has_several_scripts(slug):
    foreign = [text for text in cases(slug).values_list("text", flat=True) if not text.isascii()]
    assert len(foreign) >= 8


def test_loading_again_changes_nothing():
    before = list(GuardSet.objects.values_list("pk", "updated_at"))
    load_shipped()
    load_shipped()
    assert list(GuardSet.objects.values_list("pk", "updated_at")) == before
    assert GuardCase.objects.count() == 120


def test_a_set_whose_file_has_changed_becomes_a_new_one(world):
    GuardSet.objects.update(source="")
    GuardSet.objects.filter(name="Prompt injection").update(source="injection:0123")
    GuardSet.objects.filter(name="Unsafe requests").update(source="unsafe_requests:0123")
    kept = GuardSet.objects.get(name="Prompt injection")
    kept.runs.create(
        team=world.alpha, guard_name="x", label="x", detector="injection", version="x", total=60
    )
    load_shipped()
    names = sorted(GuardSet.objects.values_list("name", flat=True))
    assert names == ["Prompt injection", "Prompt injection (earlier)", "Unsafe requests"]
    kept.refresh_from_db()
    assert kept.name == "Prompt injection (earlier)"


def test_models_that_are_not_migrated_yet_are_no_trouble():
    class Before:
        def get_model(self, *names):
            raise LookupError

    load_shipped(apps=Before())


def test_no_text_was_trained_on():
    trained = {
        line.strip()
        for path in (FOLDER.parent / "training" / "own").glob("*.txt")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    assert trained
    assert not trained & set(GuardCase.objects.values_list("text", flat=True))


def test_no_text_holds_personal_data_or_secrets():
    for one in detectors():
        if one.slug in {"personal_data", "secrets"}:
            for text in GuardCase.objects.values_list("text", flat=True):
                assert not one.find(text, one.cleaned({})), text

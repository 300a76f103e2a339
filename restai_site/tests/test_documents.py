"""What the documents promise exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
CLAIMS = NAMED.findall((ROOT / "docs/security.md").read_text(encoding="utf-8"))


def test_there_are_claims():
    assert len(CLAIMS) > 40


@pytest.mark.parametrize(("file", "name"), CLAIMS, ids=[name for _, name in CLAIMS])
def test_the_test_of_a_claim_exists(file, name):
    source = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE)


def test_every_guarantee_names_a_section_with_claims():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = re.search(
        r"\| guarantee \| as long as \| section \|\n\|-+\|-+\|-+\|\n((?:\|.*\n)+)", text
    )
    rows = [line.strip("|").split("|") for line in table[1].splitlines()]
    claims = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    sections = {part.split("\n", 1)[0] for part in claims.split("\n## ")[1:] if NAMED.search(part)}
    assert len(rows) >= 7
    assert [row[2].strip() for row in rows if row[2].strip() not in sections] == []


def test_a_weakness_is_reported_privately_and_acknowledged_within_48_hours():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Report it privately" in text
    assert "within 48 hours" in text


@pytest.mark.parametrize(
    "document", ["README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/architecture.md"]
)
def test_files_that_are_named_exist(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    names = set(re.findall(r"`((?:docs|restai_site)/[\w./]+\.(?:md|py|txt|png))`", text))
    names |= set(re.findall(r"\]\((docs/[^)]+)\)", text))
    assert names
    assert not [name for name in names if not (ROOT / name).exists()]

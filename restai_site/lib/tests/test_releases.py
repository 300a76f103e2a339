"""The list of known bad releases, and how versions are compared with it."""

from importlib import metadata

import pytest

from restai_site.lib.releases import KNOWN_BAD, installed_bad_releases, known_bad, normalised


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8"])
def test_the_malicious_releases_of_litellm_are_known(version):
    bad = known_bad("litellm", version)
    assert (bad.name, bad.version) == ("litellm", version)
    assert str(bad) == (
        f"litellm {version} is malicious: it steals the keys and passwords of the machine "
        "(BerriAI/litellm issue 24518)"
    )


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("LiteLLM", "1.82.8"), ("litellm", "1.82.8.0"), ("litellm", "v1.82.8"),
        ("litellm", "0!1.82.8"), ("litellm", "1.82.8+local"), ("litellm", " 1.82.8 "),
    ],
)  # fmt: skip
def test_a_bad_release_is_known_in_every_spelling_that_an_installer_takes(name, version):
    assert known_bad(name, version).version == "1.82.8"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("litellm", "1.82.6"), ("litellm", "1.82.9"), ("litellm", "1.82.80"), ("litellm", "1.82"),
        ("litellm", ""), ("litellm-proxy", "1.82.8"), ("lite-llm", "1.82.8"),
    ],
)  # fmt: skip
def test_other_releases_are_not_blamed(name, version):
    assert known_bad(name, version) is None


def test_every_entry_has_a_reason_and_a_source_and_is_there_once():
    assert all(bad.reason and bad.source and bad.version for bad in KNOWN_BAD)
    assert all(bad.name == normalised(bad.name) for bad in KNOWN_BAD)
    assert len({(bad.name, bad.version) for bad in KNOWN_BAD}) == len(KNOWN_BAD)


def test_what_is_installed_here_is_looked_at_and_is_not_bad():
    assert metadata.version("litellm")
    assert list(installed_bad_releases()) == []

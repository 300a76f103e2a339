"""Server-side request forgery, tried on every way out, each contact watched.

The cases come from ssrf_attempts.jsonl and from here. They run in a network namespace where every
address of the world is local, so that nothing is lost on the way and nothing leaves the machine.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from accounts.ldap.section import is_installed
from restai_site.lib.egress import Reach, reach_of
from restai_site.tests.server import database_url
from restai_site.tests.world import make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
RUN_SECONDS = 300
PUBLIC = "93.184.216.34"
KINDS = ["openai_compatible", "anthropic"]
# Each kind of provider, and of "other" those whose libraries look for more than an answer: details
# of a model, or credentials of the machine.
LIBRARIES = [
    *((kind, "mock") for kind in ("openai", "anthropic", "azure", "gemini", "mistral", "groq")),
    *((kind, "mock") for kind in ("bedrock", "cohere", "openrouter")),
    ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0"),
    *(
        ("other", f"{prefix}/mock")
        for prefix in (
            *("ollama", "ollama_chat", "vertex_ai", "vertex_ai_beta", "sagemaker", "watsonx"),
            *("huggingface", "replicate", "databricks", "together_ai", "deepseek", "xai"),
            *("perplexity", "fireworks_ai", "predibase", "oci", "cloudflare", "github_copilot"),
            *("azure_ai", "triton", "petals", "sap", "snowflake", "nlp_cloud", "deepinfra"),
        )
    ),
]
MORE = [
    {"id": f"more-{number}", "expect": "block", "category": "more", "url": url, "dns": names}
    for number, (url, names) in enumerate(
        [
            ("http://both.test/", {"both.test": [["93.184.216.34", "::1"]]}),
            ("http://six.test/", {"six.test": [["2606:2800:220:1:248:1893:25c8:1946", "fd00::1"]]}),
            ("http://nat.test/", {"nat.test": [["64:ff9b::a00:1"]]}),
            ("http://sixtofour.test/", {"sixtofour.test": [["2002:a00:1::1"]]}),
            ("http://azure.test/", {"azure.test": [["168.63.129.16"]]}),
            ("http://alibaba.test/", {"alibaba.test": [["100.100.100.200"]]}),
            ("http://site-local.test/", {"site-local.test": [["fec0::1"]]}),
            ("http://srv6.test/", {"srv6.test": [["5f00::1"]]}),
            ("http://documentation.test/", {"documentation.test": [["3fff::1"]]}),
            (
                "http://hidden.test/",
                {"hidden.test": [[f"93.184.217.{n}" for n in range(1, 200)] + ["127.0.0.1"]]},
            ),
            ("http://flip.test/", {"flip.test": [["127.0.0.1"], ["93.184.216.34"]]}),
        ]
    )
]


_tried: dict[tuple[str, str], dict] = {}


def cases() -> list[dict]:
    lines = (FOLDER / "ssrf_attempts.jsonl").read_text(encoding="utf-8").splitlines()
    return [*map(json.loads, lines), *MORE]


def namespace_command() -> list[str]:
    # Who is not root becomes it inside, and inside alone.
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *mapped, "--net", "--mount", sys.executable]


@cache
def missing() -> str:
    """Return why the namespace cannot be made here, or nothing."""
    if not shutil.which("unshare") or not shutil.which(
        "ip", path=f"{os.environ['PATH']}:/usr/sbin"
    ):
        return "unshare or ip is not installed; type: sudo apt-get install util-linux iproute2"
    tried = subprocess.run([*namespace_command(), "-c", ""], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this system allows no network namespaces"


@pytest.fixture
def outcomes(transactional_db) -> dict[tuple[str, str], dict]:
    """What happened to each case on each way; it is tried once."""
    if _tried:
        return _tried
    if reason := missing():
        assert os.environ.get("CI") != "true", reason
        pytest.skip(reason)
    world = make_world()
    plan = {
        "cases": cases(),
        "kinds": KINDS,
        "database": database_url(),
        "key": make_key(world.platform_admin)[1],
        "provider": world.provider.pk,
        "model": world.llm.name,
        "llm": world.llm.pk,
        "libraries": LIBRARIES,
    }
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "NETWORK_PROVIDER_HOSTS": "",
        "PYTHONPATH": str(ROOT),
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
    }
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        environment[name] = "http://127.0.0.1:8080"
    run = subprocess.run(
        [*namespace_command(), "-m", "restai_site.tests.hostile.inside"],
        input=json.dumps(plan),
        text=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
        timeout=RUN_SECONDS,
        check=True,
    )
    rows = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    _tried.update({(row["way"], row["id"]): row for row in rows})
    return _tried


def test_nothing_internal_is_reached_and_nothing_public_is_refused(outcomes):
    wrong = []
    ways = {way for way, _ in outcomes} - {"library"}
    directory = {"ldap"} if is_installed() else set()
    assert ways == {"fetch", "connect", "identity", "image", *KINDS, *directory}
    for case in cases():
        for way in sorted(ways):
            row = outcomes[way, case["id"]]
            if reason := verdict(case, way, row):
                wrong.append(f"{way} {case['id']} {case['url']!a}: {reason} {row}")
    assert not wrong, "\n".join(wrong)
    print(f"{len(outcomes)} attempts on {len(ways)} ways out, none wrong.")


def test_no_library_of_a_provider_connects_by_itself(outcomes):
    rows = [row for (way, _), row in outcomes.items() if way == "library"]
    assert len(rows) == len(LIBRARIES)
    for row, library in zip(rows, LIBRARIES, strict=True):
        assert row["saved"] == [200, 200], library
        assert row["contacts"] == [], f"{library} connected: {row}"
        assert row["outcome"] not in {"status 0", "status 200", "status 500"}, f"{library}: {row}"
    # The names were looked up, so that it was the address that was refused.
    assert len({name for row in rows for name in row["asked"]}) > 5


def verdict(case: dict, way: str, row: dict) -> str:
    """Return what is wrong with the outcome of a case, or nothing."""
    inside = [one for one in row["contacts"] if reach_of(one) is not Reach.PUBLIC]
    if inside:
        return f"reached {inside}"
    if row["outcome"] in {"status 0", "status 500"}:
        return "failed"
    if way in {"fetch", *KINDS} and any(host != hosts_of(case) for host in row["secret_went_to"]):
        return "sent the secret to another host"
    if case["expect"] == "allow":
        return "" if row["contacts"] else "refused, though public"
    # An answer that was public when it was judged is connected to, and nothing else is.
    flips = any(len(answers) > 1 for answers in case.get("dns", {}).values())
    may_be_contacted = flips or case["category"] == "redirect" or way in {"connect", "ldap"}
    if row["contacts"] and not may_be_contacted:
        return "contacted something"
    # A name that the platform has resolved a moment ago keeps its judged address.
    flips = flips or "rebind" in str(case.get("redirect", ""))
    served = row["outcome"] == "status 200"
    return "was served" if served and not flips and way != "connect" else ""


def hosts_of(case: dict) -> str:
    from yarl import URL

    url = URL(case["url"])
    return url.raw_authority.removesuffix(":443") if url.scheme == "https" else url.raw_authority

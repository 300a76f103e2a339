"""No other module opens a connection: the lint rule is tried, and what it cannot see is found."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
APPS = "accounts audit catalog configuration guards inference projects restai_site teams widget"
# Methods of event loops and sockets, which the linter cannot tell by a name that is imported.
CONNECTING = {"create_connection", "create_unix_connection", "open_connection", "sock_connect"}
CONNECTING |= {"create_datagram_endpoint", "connect_ex", "sendto", "sock_sendto"}
# `make run` asks the engines that it has just started on this machine.
ALLOWED = ("restai_site/lib/egress/", "restai_site/embedded/")


def modules() -> list[Path]:
    found = [path for app in APPS.split() for path in (ROOT / app).rglob("*.py")]
    return [path for path in found if "tests" not in path.parts]


def linted(code: str, filename: str = "projects/services.py") -> str:
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251"]
    run = subprocess.run(
        [*command, "--output-format=concise", "--stdin-filename", filename, "-"],
        input=code,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return run.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import requests",
        "import httpx",
        "from httpx import AsyncClient",
        "import aiohttp\naiohttp.ClientSession()",
        "from aiohttp import ClientSession",
        "import urllib.request",
        "from urllib.request import urlopen",
        "import urllib3",
        "import http.client",
        "import socket\nsocket.create_connection(('x', 1))",
        "import socket\nsocket.socket()",
        "import asyncio\nasyncio.open_connection('x', 1)",
        "import smtplib",
        "import ftplib",
        "import ldap",
        "import boto3",
        "import dns.resolver",
    ],
)
def test_the_linter_refuses_a_connection_beside_the_way_out(code):
    assert "TID251" in linted(code)
    assert "TID251" not in linted(code, "restai_site/lib/egress/client.py")


def test_it_lets_the_way_out_be_used():
    assert "TID251" not in linted(
        "from restai_site.lib import egress\nfrom urllib.parse import quote"
    )


def test_no_module_calls_a_method_that_connects():
    assert len(modules()) > 100
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.func.attr}"
        for path in modules()
        if not str(path.relative_to(ROOT)).startswith(ALLOWED)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CONNECTING
    ]
    assert calls == []

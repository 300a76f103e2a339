"""Run inside a fresh network and mount namespace: tries every case on every way out.

Reads what to do as JSON from standard input and writes what happened as JSON lines. Usage:
`python -m restai_site.tests.hostile.inside FOLDER`.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from restai_site.tests.hostile.network import Network, open_every_address, use_name_server

SECRET = "sk-canary-of-the-provider"
OPENER = build_opener(ProxyHandler({}))


def main() -> None:
    plan = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        open_every_address()
        use_name_server(Path(folder))
        network = Network()
        network.start()
        os.environ |= {"REDIS_URL": _redis(Path(folder)), "DATABASE_THREADS": "4"}
        import django

        django.setup()
        for way in (_by_fetching, _by_connecting, _by_signing_in, _by_providers_of_identity):
            for row in way(plan, network):
                print(json.dumps(row), flush=True)
        for row in _by_the_api(plan, network):
            print(json.dumps(row), flush=True)


def _redis(folder: Path) -> str:
    from restai_site.embedded import valkey

    return valkey.start(folder / "valkey")


def _cases(plan: dict, network: Network) -> Iterator[dict[str, Any]]:
    for case in plan["cases"]:
        path = "/" + case["url"].partition("://")[2].partition("/")[2]
        network.begin(case.get("dns", {}), case.get("redirect"), path)
        yield case


def _row(way: str, case: dict, network: Network, outcome: str) -> dict[str, Any]:
    leaked = [head for head in network.heads if SECRET in head]
    return {
        "way": way,
        "id": case["id"],
        "outcome": outcome,
        "contacts": list(network.contacts),
        "secret_went_to": [_host(head) for head in leaked],
    }


def _host(head: str) -> str:
    return next(line[6:] for line in head.split("\r\n") if line.lower().startswith("host: "))


def _by_fetching(plan: dict, network: Network) -> Iterator[dict[str, Any]]:
    from asgiref.sync import async_to_sync

    from restai_site.lib import egress
    from restai_site.lib.errors import DomainError

    limits = egress.Limits(connect_seconds=1, total_seconds=4)
    headers = {"Authorization": f"Bearer {SECRET}"}
    for case in _cases(plan, network):
        try:
            answer = async_to_sync(egress.fetch)(
                case["url"], purpose=egress.Purpose.FETCH, headers=headers, limits=limits
            )
        except DomainError as error:
            yield _row("fetch", case, network, error.code)
        else:
            yield _row("fetch", case, network, f"status {answer.status}")


def _by_connecting(plan: dict, network: Network) -> Iterator[dict[str, Any]]:
    from urllib.parse import urlsplit

    from restai_site.lib import egress

    for case in _cases(plan, network):
        try:
            host = urlsplit(case["url"]).hostname or ""
            egress.connect(host, 25, purpose=egress.Purpose.MAIL, timeout=1).close()
            network.wait_for_contact()
        except (egress.ConnectFailed, ValueError):
            yield _row("connect", case, network, "refused")
        else:
            yield _row("connect", case, network, "status 200")


def _by_signing_in(plan: dict, network: Network) -> Iterator[dict[str, Any]]:
    """Let each host be the directory by which somebody signs in."""
    from urllib.parse import urlsplit

    from accounts.ldap.authentication import authenticate
    from accounts.ldap.section import LdapSection, is_installed
    from restai_site.lib.configuration import overridden
    from restai_site.lib.errors import Invalid, Unavailable

    for case in _cases(plan, network) if is_installed() else ():
        try:
            # The settings take names as a name server does.
            host = (urlsplit(case["url"]).hostname or "").encode("idna").decode()
            values = {"host": host, "port": 25, "timeout": 1}
            with overridden(LdapSection, enabled=True, user_base_dn="dc=x", **values):
                authenticate("ada", SECRET)
        except (Invalid, Unavailable, ValueError):
            yield _row("ldap", case, network, "refused")
        else:
            yield _row("ldap", case, network, "status 200")


def _by_providers_of_identity(plan: dict, network: Network) -> Iterator[dict[str, Any]]:
    """Ask each address as an identity provider: those are asked over TLS alone."""
    from restai_site.lib.egress.requests_session import RequestFailed, Session

    headers = {"Authorization": f"Bearer {SECRET}"}
    for case in _cases(plan, network):
        url = case["url"]
        if url.startswith("http:"):
            url = "https:" + url.removeprefix("http:")
        try:
            with Session() as session:
                answer = session.get(url, headers=headers)
        except RequestFailed:
            # A handshake that fails has been seen: the listener noted it before it hung up.
            yield _row("identity", case, network, "refused")
        else:
            yield _row("identity", case, network, f"status {answer.status_code}")


def _by_the_api(plan: dict, network: Network) -> Iterator[dict[str, Any]]:
    from restai_site.tests.server import Server

    environment = {"PROVIDER_CONNECT_SECONDS": "1", "PROVIDER_TOTAL_SECONDS": "4"}
    with Server(database=plan["database"], **environment) as server:
        api = _Api(server.url, plan["key"])
        for kind in plan["kinds"]:
            yield from _by_providers(plan, network, api, kind)
        yield from _by_images(plan, network, api)
        yield from _by_libraries(plan, network, api)


def _by_providers(plan: dict, network: Network, api: "_Api", kind: str) -> Iterator[dict[str, Any]]:
    for case in _cases(plan, network):
        saved = api.move_provider(plan["provider"], kind, case["url"])
        if saved >= 500:
            yield _row(kind, case, network, f"status {saved}")
        elif saved >= 400:
            yield _row(kind, case, network, "refused")
        else:
            called = api.send("POST", "/v1/chat/completions", _call(plan["model"]))
            yield _row(kind, case, network, f"status {called}")


def _by_images(plan: dict, network: Network, api: "_Api") -> Iterator[dict[str, Any]]:
    """Let the platform fetch each address as an image; the provider itself is a public one."""
    api.move_provider(plan["provider"], "openai_compatible", "http://models.example/v1")
    for case in _cases(plan, network):
        network.names["models.example"] = [["1.1.1.1"]]
        image = {"type": "image_url", "image_url": {"url": case["url"]}}
        called = api.send("POST", "/v1/chat/completions", _call(plan["model"], image))
        network.contacts[:] = [one for one in network.contacts if one != "1.1.1.1"]
        network.heads[:] = [head for head in network.heads if "models.example" not in head]
        yield _row("image", case, network, f"status {called}")


def _by_libraries(plan: dict, network: Network, api: "_Api") -> Iterator[dict[str, Any]]:
    """Call each kind of provider at its usual address, while every name leads inside."""
    network.begin({}, None, "")
    network.anything = ["10.0.0.1"]
    for number, (kind, model) in enumerate(plan["libraries"]):
        case = {"id": f"library-{number}"}
        for seen in (network.contacts, network.heads):
            seen.clear()
        change = {"kind": kind, "base_url": "", "api_key": SECRET}
        saved = api.send("PATCH", f"/api/providers/{plan['provider']}", change)
        named = api.send("PATCH", f"/api/llms/{plan['llm']}", {"litellm_model": model})
        called = api.send("POST", "/v1/chat/completions", _call(plan["model"]))
        row = _row("library", case, network, f"status {called}")
        yield {**row, "saved": [saved, named], "asked": sorted(network.asked)}


def _call(model: str, *parts: dict) -> dict[str, Any]:
    content = [{"type": "text", "text": "Hello"}, *parts]
    return {"model": model, "messages": [{"role": "user", "content": content}]}


class _Api:
    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def move_provider(self, provider: int, kind: str, base_url: str) -> int:
        change = {"kind": kind, "base_url": base_url, "api_key": SECRET}
        return self.send("PATCH", f"/api/providers/{provider}", change)

    def send(self, method: str, path: str, body: dict) -> int:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = json.dumps(body).encode()
        request = Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310
        try:
            return OPENER.open(request, timeout=20).status
        except OSError as error:
            return getattr(error, "code", 0)


if __name__ == "__main__":
    main()

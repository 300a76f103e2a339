import asyncio
import socket
import warnings

import aiohttp
import pytest

from benchmarks.mock_provider import MockProvider
from restai_site.lib import egress
from restai_site.tests.loopback import loopback_port


@pytest.fixture
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


async def test_one_session_for_a_loop():
    assert egress.session() is egress.session()
    await egress.close_all()


async def test_after_closing_there_is_a_new_one():
    first = egress.session()
    await egress.close_all()
    assert first.closed
    assert egress.session() is not first
    await egress.close_all()
    await egress.close_all()


async def test_a_session_that_somebody_closed_is_replaced():
    first = egress.session()
    await first.close()
    assert not egress.session().closed
    await egress.close_all()


def test_each_loop_has_its_own_session_which_ends_with_it(provider):
    async def use() -> aiohttp.ClientSession:
        async with egress.session(listed=True).get(f"{provider.url}/models") as response:
            assert response.status == 200
        return egress.session(listed=True)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = asyncio.run(use()), asyncio.run(use())
    assert first is not second
    assert first.closed
    assert second.closed


async def test_proxy_variables_are_ignored(provider, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with egress.session(listed=True).get(f"{provider.url}/models") as response:
        assert response.status == 200
    await egress.close_all()


async def test_cookies_are_not_kept():
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", loopback_port())
    port = server.sockets[0].getsockname()[1]
    async with egress.session(listed=True).get(f"http://127.0.0.1:{port}/"):
        assert len(egress.session(listed=True).cookie_jar) == 0
    await egress.close_all()
    server.close()


async def test_sockets_notice_a_peer_that_vanished(provider):
    async with egress.session(listed=True).get(f"{provider.url}/models") as response:
        opened = response.connection
        if opened is not None:
            raw = opened.transport.get_extra_info("socket")
            assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    [kept] = [c for pool in egress.session(listed=True).connector._conns.values() for c, _ in pool]
    raw = kept.transport.get_extra_info("socket")
    assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    await egress.close_all()

import asyncio
import socket
import warnings

import aiohttp
import pytest

from benchmarks.mock_provider import MockProvider
from restai_site.lib import egress
from restai_site.lib.errors import Invalid


@pytest.fixture
def provider():
    with MockProvider() as running:
        yield running


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://localhost:11434/v1",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/v1",
        "HTTPS://Example.COM/a/b?c=d",
        "https://bücher.example/v1",
    ],
)
def test_good_addresses_pass_unchanged(url):
    assert egress.check_url(url) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begin with http"),
        ("v1", "begin with http"),
        ("//host/v1", "begin with http"),
        ("ftp://host/", "begin with http"),
        ("file:///etc/passwd", "begin with http"),
        ("gopher://host/", "begin with http"),
        ("data:text/plain,x", "begin with http"),
        ("javascript:alert(1)", "begin with http"),
        ("http:/127.0.0.1", "names no host"),
        ("http:127.0.0.1", "names no host"),
        ("http://", "names no host"),
        ("http:///path", "names no host"),
        ("http://:80/", "not a valid URL"),
        ("http://127.0.0.1\\@good.com/", "backslash"),
        ("http://good.com\\@127.0.0.1/", "backslash"),
        ("http://good.com@127.0.0.1/", "user name"),
        ("http://user:password@host/", "user name"),
        ("http://@host/", "user name"),
        ("http://good.com#@127.0.0.1/", "'#'"),
        ("http://127.0.0.1\t.good.com/", "invisible"),
        ("http://good.com\r\nHost: evil/", "invisible"),
        ("http://good.com\x00/", "invisible"),
        ("http://good.com /", "spaces"),
        (" http://good.com/", "spaces"),
        ("http://good\u200b.com/", "invisible"),
        ("http://good\u202e.com/", "invisible"),
        ("http://good.com/\ud800", "invisible"),
        ("http://%31%32%37.0.0.1/", "names no host"),
        ("http://[fe80::1%25eth0]/", "names no host"),
        ("http://[::1/", "not a valid URL"),
        ("http://host:99999/", "not a valid URL"),
        ("http://host:0/", "port"),
        ("http://host:x/", "not a valid URL"),
        ("http://host/" + "a" * 3000, "longer than"),
    ],
)
def test_addresses_that_parsers_could_read_differently_are_refused(url, words):
    with pytest.raises(Invalid) as caught:
        egress.check_url(url)
    assert words in caught.value.message


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
        async with egress.session().get(f"{provider.url}/models") as response:
            assert response.status == 200
        return egress.session()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = asyncio.run(use()), asyncio.run(use())
    assert first is not second
    assert first.closed
    assert second.closed


async def test_proxy_variables_are_ignored(provider, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with egress.session().get(f"{provider.url}/models") as response:
        assert response.status == 200
    await egress.close_all()


async def test_cookies_are_not_kept():
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with egress.session().get(f"http://127.0.0.1:{port}/"):
        assert len(egress.session().cookie_jar) == 0
    await egress.close_all()
    server.close()


async def test_sockets_notice_a_peer_that_vanished(provider):
    async with egress.session().get(f"{provider.url}/models") as response:
        opened = response.connection
        if opened is not None:
            raw = opened.transport.get_extra_info("socket")
            assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    [kept] = [c for pool in egress.session().connector._conns.values() for c, _ in pool]
    raw = kept.transport.get_extra_info("socket")
    assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    await egress.close_all()

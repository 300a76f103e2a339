"""Fetching from a hostile web server, and connecting for other protocols."""

import asyncio
import gzip
import socket
import tracemalloc
import zlib

import pytest

from restai_site.lib.configuration import overridden
from restai_site.lib.egress import (
    ConnectFailed,
    FetchFailed,
    Limits,
    NetworkSection,
    Purpose,
    close_all,
    connect,
    fetch,
)
from restai_site.lib.errors import Invalid
from restai_site.tests.server import free_port

MEGABYTE = 1024 * 1024
QUICK = Limits(connect_seconds=0.5, total_seconds=1, max_bytes=MEGABYTE)


class HostileServer:
    """Answers each path with the bytes that the test chose; remembers what it was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.endless = b""

    async def start(self) -> "HostileServer":
        self.port = free_port()
        self.server = await asyncio.start_server(self.reply, "127.0.0.1", self.port)
        return self

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def reply(self, reader, writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.requests.append(head)
        path = head.split(" ")[1]
        try:
            writer.write(self.answers.get(path, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"))
            for _ in range(200 if path.startswith("/endless") else 0):
                writer.write(self.endless)
                await writer.drain()
                await asyncio.sleep(0.05 if len(self.endless) < 100 else 0)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    def ok(self, path: str, body: bytes, *headers: str) -> None:
        lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
        self.answers[path] = "\r\n".join([*lines, "", ""]).encode() + body

    def redirect(self, path: str, target: str, status: int = 302) -> None:
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
        self.answers[path] = head.encode("utf-8", "surrogateescape")


@pytest.fixture
async def hostile():
    server = await HostileServer().start()
    listed = [f"127.0.0.1:{server.port}", f"localhost:{server.port}"]
    with overridden(NetworkSection, fetch_hosts=listed, mail_hosts=listed[:1]):
        yield server
    await close_all()
    server.server.close()


async def get(url: str, limits: Limits = QUICK, **headers: str):
    return await fetch(url, purpose=Purpose.FETCH, headers=headers, limits=limits)


async def refused(url: str, limits: Limits = QUICK, **headers: str) -> str:
    with pytest.raises(FetchFailed) as caught:
        await get(url, limits, **headers)
    return caught.value.message


async def test_an_answer_comes_whole(hostile):
    hostile.ok("/a", b"hello", "Content-Type: text/plain; charset=utf-8")
    answer = await get(hostile.url("/a#fragment"))
    assert (answer.status, answer.content, answer.content_type) == (200, b"hello", "text/plain")
    assert answer.url == hostile.url("/a")
    assert "#" not in hostile.requests[0].split("\r\n")[0]
    assert f"Host: 127.0.0.1:{hostile.port}\r\n" in hostile.requests[0]


async def test_another_status_is_told(hostile):
    assert (await get(hostile.url("/missing"))).status == 404


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_a_compressed_answer_is_unpacked(hostile, encoding, pack):
    hostile.ok("/a", pack(b"hello"), f"Content-Encoding: {encoding}")
    assert (await get(hostile.url("/a"))).content == b"hello"


async def test_an_answer_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(hostile):
    hostile.ok("/full", b"x" * MEGABYTE)
    hostile.ok("/over", b"x" * (MEGABYTE + 1))
    assert len((await get(hostile.url("/full"))).content) == MEGABYTE
    await refused(hostile.url("/over"))


async def test_a_bomb_does_not_grow_beyond_the_limit(hostile):
    bomb = gzip.compress(b"\0" * (300 * MEGABYTE))
    hostile.ok("/bomb", bomb, "Content-Encoding: gzip")
    hostile.ok("/twice", gzip.compress(bomb), "Content-Encoding: gzip, gzip")
    patient = Limits(total_seconds=10, max_bytes=MEGABYTE)
    tracemalloc.start()
    await refused(hostile.url("/bomb"), patient)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * MEGABYTE
    await refused(hostile.url("/twice"), patient)


async def test_an_endless_body_ends_at_the_limit(hostile):
    hostile.answers["/endless"] = b"HTTP/1.1 200 OK\r\n\r\n"
    hostile.endless = b"x" * 65536
    await refused(hostile.url("/endless"))


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
async def test_a_slow_drip_ends_with_the_time(hostile, head):
    hostile.answers["/endless"] = head
    hostile.endless = b"x"
    await refused(hostile.url("/endless"))


@pytest.mark.parametrize(
    "headers",
    [
        "X: " + "x" * 20_000,
        "\r\n".join(f"X-{number}: x" for number in range(5000)),
        "X" * 20_000 + ": x",
    ],
)
async def test_huge_headers_are_refused(hostile, headers):
    hostile.ok("/a", b"", headers)
    await refused(hostile.url("/a"))


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxxx",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_none_is_refused(hostile, answer):
    hostile.answers["/a"] = answer
    await refused(hostile.url("/a"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(hostile, status):
    hostile.ok("/b/there", b"here")
    hostile.redirect("/a", "/b/there", status)
    answer = await get(hostile.url("/a"))
    assert (answer.content, answer.url) == (b"here", hostile.url("/b/there"))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/b?next=http://127.0.0.1/", "/b?next=http://127.0.0.1/"),
        ("?next=https://example.com/", "/a?next=https://example.com/"),
        ("//127.0.0.1:{port}/b?next=http://a", "/b?next=http://a"),
    ],
)
async def test_a_redirect_may_hold_an_address_in_its_query(hostile, target, path):
    hostile.redirect("/a", target.format(port=hostile.port))
    hostile.ok(path, b"here")
    assert (await get(hostile.url("/a"))).content == b"here"


async def test_five_redirects_are_followed_and_no_sixth(hostile):
    for number in range(6):
        hostile.redirect(f"/{number}", f"/{number + 1}")
    hostile.ok("/6", b"end")
    assert (await get(hostile.url("/1"))).content == b"end"
    await refused(hostile.url("/0"))
    hostile.redirect("/loop", "/loop")
    await refused(hostile.url("/loop"))


async def test_credentials_stay_at_their_origin(hostile):
    hostile.ok("/end", b"")
    hostile.redirect("/same", "/end")
    hostile.redirect("/other", hostile.url("/end", host="localhost"))
    sent = {"Authorization": "Bearer sk", "X-Api-Key": "sk", "Cookie": "a=sk", "Accept": "a/b"}
    for path in ("/same", "/other"):
        await get(hostile.url(path), **sent)
    same, other = hostile.requests[1], hostile.requests[3]
    assert "Authorization: Bearer sk" in same
    assert "sk" not in other
    assert "Accept: a/b" in other


@pytest.mark.parametrize(
    "target",
    [
        *("http://127.0.0.1:{closed}/", "http://[::1]/", "//127.0.0.1:{closed}/"),
        *("http://10.0.0.1/", "http://169.254.169.254/", "http://2130706433:{port}/"),
        *("http://0x7f.1:{port}/", "http://user@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@x/"),
        *(
            "file:///etc/passwd",
            "gopher://127.0.0.1:6379/_x",
            "ftp://127.0.0.1/",
            "data:text/plain,x",
        ),
        *(
            "javascript:x",
            "http:\\\\127.0.0.1:{port}/end",
            "http://",
            "http://[",
            "http://x\ty/",
            "",
        ),
    ],
)
async def test_each_redirect_is_judged_like_a_first_address(hostile, target):
    hostile.ok("/end", b"secret")
    hostile.redirect("/a", target.format(port=hostile.port, closed=free_port()))
    await refused(hostile.url("/a"))
    assert len(hostile.requests) == 1 or target == ""


async def test_a_page_that_asks_to_be_refreshed_is_left_alone(hostile):
    hostile.ok("/a", b'<meta http-equiv="refresh" content="0;url=/end">', "Refresh: 0; url=/end")
    assert (await get(hostile.url("/a"))).status == 200
    assert len(hostile.requests) == 1


async def test_open_closed_and_forbidden_look_the_same(hostile):
    """Whoever chooses addresses must not be able to map the network with them."""
    hostile.answers["/endless-silence"] = b""
    hostile.endless = b""
    said = {
        await refused(url)
        for url in (
            "http://169.254.169.254/latest/",  # forbidden
            f"http://127.0.0.2:{hostile.port}/",  # internal, something listens
            f"http://127.0.0.1:{free_port()}/",  # internal, nothing listens
            hostile.url("/endless-silence"),  # listed, and silent
            "http://no-such-host.invalid/",
            "http://example.com:6379/",
        )
    }
    assert len(said) == 1


async def test_only_the_listed_purpose_reaches_an_internal_host(hostile):
    hostile.ok("/a", b"x")
    only_fetch = overridden(NetworkSection, fetch_hosts=[f"127.0.0.1:{hostile.port}"])
    with only_fetch, pytest.raises(FetchFailed):
        await fetch(hostile.url("/a"), purpose=Purpose.MAIL, limits=QUICK)
    assert hostile.requests == []


async def test_taking_a_host_off_the_list_stops_connections_that_are_open(hostile):
    hostile.ok("/a", b"x", "Connection: keep-alive")
    await get(hostile.url("/a"))
    with overridden(NetworkSection, fetch_hosts=[]):
        await refused(hostile.url("/a"))
    assert len(hostile.requests) == 1


async def test_listing_one_port_opens_no_other(hostile):
    with overridden(NetworkSection, fetch_hosts=[f"127.0.0.1:{free_port()}"]):
        await refused(hostile.url("/a"))
        await refused(hostile.url("/a", host="localhost"))
    assert hostile.requests == []


async def test_proxy_variables_are_ignored(hostile, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    hostile.ok("/a", b"x")
    assert (await get(hostile.url("/a"))).content == b"x"


@pytest.mark.parametrize("url", ["", "http://user@x/", "file:///x", "http://127.1/"])
async def test_a_malformed_address_is_told_from_one_that_fails(url):
    with pytest.raises(Invalid):
        await get(url)


class TestConnect:
    """For protocols other than HTTP."""

    @pytest.fixture
    def listener(self):
        with socket.create_server(("127.0.0.1", free_port())) as server:
            server.settimeout(1)
            yield server

    @staticmethod
    def address(listener) -> tuple[str, int]:
        return listener.getsockname()[:2]

    def test_a_listed_host_is_connected(self, listener):
        host, port = self.address(listener)
        listed = overridden(NetworkSection, mail_hosts=[f"{host}:{port}"])
        with listed, connect(host, port, purpose=Purpose.MAIL, timeout=1) as connection:
            assert connection.getpeername() == (host, port)
            assert connection.gettimeout() == 1

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "::1", "::ffff:127.0.0.1"])
    def test_an_internal_host_that_is_not_listed_is_not(self, listener, host):
        _, port = self.address(listener)
        with pytest.raises(ConnectFailed):
            connect(host, port, purpose=Purpose.MAIL, timeout=1)
        with pytest.raises(TimeoutError):
            listener.accept()

    def test_closed_unknown_and_refused_say_the_same(self, listener):
        host, port = self.address(listener)
        closed = free_port()
        said = set()
        with overridden(NetworkSection, mail_hosts=[f"127.0.0.1:{closed}"]):
            for target in ((host, port), (host, closed), ("no-such-host.invalid", 25), ("\0", 25)):
                with pytest.raises(ConnectFailed) as caught:
                    connect(*target, purpose=Purpose.MAIL, timeout=1)
                said.add(caught.value.message)
        assert len(said) == 1

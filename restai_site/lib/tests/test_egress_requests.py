"""Sessions of `requests`: judged addresses, verified names, bounded answers."""

import asyncio
import gzip
import socket
import ssl
import threading
from contextlib import contextmanager

import pytest

from restai_site.lib.configuration import overridden
from restai_site.lib.egress import NetworkSection, requests_session
from restai_site.lib.egress.requests_session import MAX_BYTES, RequestFailed, Session, json_object
from restai_site.lib.tests.test_egress_fetch import HostileServer
from restai_site.tests.certificates import Authority
from restai_site.tests.server import free_port

SECRET = {"Authorization": "Bearer secret"}


@pytest.fixture
async def hostile():
    server = await HostileServer().start()
    listed = [f"127.0.0.1:{server.port}", f"localhost:{server.port}"]
    with overridden(NetworkSection, identity_hosts=listed):
        yield server
    server.server.close()


async def get(url: str, **options):
    with Session() as session:
        return await asyncio.to_thread(session.get, url, **options)


async def refused(url: str, **options) -> str:
    with pytest.raises(RequestFailed) as caught:
        await get(url, **options)
    return str(caught.value)


async def test_an_answer_comes_whole(hostile):
    hostile.ok("/a", b'{"a": 1}', "Content-Type: application/json")
    answer = await get(hostile.url("/a"), headers=SECRET)
    assert json_object(answer) == {"a": 1}
    assert "Authorization: Bearer secret\r\n" in hostile.requests[0]


async def test_a_body_that_is_no_object_and_a_failure_are_refused(hostile):
    hostile.ok("/list", b"[1]")
    hostile.ok("/text", b"hello")
    for path in ("/list", "/text", "/missing"):
        with pytest.raises(RequestFailed):
            json_object(await get(hostile.url(path)))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(hostile, status):
    hostile.redirect("/a", hostile.url("/b"), status)
    hostile.ok("/b", b"hello")
    assert await refused(hostile.url("/a"), headers=SECRET) == "The server redirects."
    assert [head.split(" ")[1] for head in hostile.requests] == ["/a"]


async def test_nobody_can_ask_for_redirects_proxies_or_blind_trust(hostile, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    hostile.redirect("/a", hostile.url("/b"))
    hostile.ok("/b", b"hello")
    options = {"allow_redirects": True, "verify": False, "proxies": {"http": "http://127.0.0.1:9"}}
    assert await refused(hostile.url("/a"), **options) == "The server redirects."
    assert (await get(hostile.url("/b"), **options)).content == b"hello"


async def test_internal_addresses_are_refused_unless_they_are_listed(hostile):
    hostile.ok("/a", b"hello")
    with overridden(
        NetworkSection, identity_hosts=[], provider_hosts=[f"127.0.0.1:{hostile.port}"]
    ):
        assert await refused(hostile.url("/a")) == "The address must begin with https://."
        await refused(hostile.url("/a").replace("http:", "https:"))
    assert hostile.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://user@idp.example/",
        "https://idp.example\\@127.0.0.1/",
        "https://0x7f.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:127.0.0.1]/",
        "ftp://idp.example/",
        "file:///etc/passwd",
        "https://idp.example:25/",
        "https://idp.example:0/",
        "https://idp.example#@127.0.0.1/",
        "http://idp.example/",
    ],
)
async def test_an_address_that_is_no_public_web_server_over_tls_is_refused(url):
    with overridden(NetworkSection, identity_hosts=[]):
        await refused(url)


async def test_an_answer_over_the_limit_is_refused_packed_or_not(hostile):
    hostile.ok("/just", b"x" * MAX_BYTES)
    hostile.ok("/over", b"x" * (MAX_BYTES + 1))
    hostile.ok("/bomb", gzip.compress(b"x" * 50 * MAX_BYTES), "Content-Encoding: gzip")
    assert len((await get(hostile.url("/just"))).content) == MAX_BYTES
    assert "too large" in await refused(hostile.url("/over"))
    assert "too large" in await refused(hostile.url("/bomb"))


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-A: "])
async def test_an_answer_that_drips_ends_with_the_time(hostile, monkeypatch, head):
    monkeypatch.setattr(requests_session, "TOTAL_SECONDS", 0.5)
    hostile.answers["/endless"], hostile.endless = head, b"x"
    begin = asyncio.get_running_loop().time()
    await refused(hostile.url("/endless"))
    assert asyncio.get_running_loop().time() - begin < 4


async def test_cookies_are_not_kept(hostile):
    hostile.ok("/a", b"", "Set-Cookie: a=1")
    with Session() as session:
        for _ in range(2):
            await asyncio.to_thread(session.get, hostile.url("/a"))
    assert "Cookie" not in hostile.requests[1]


@contextmanager
def encrypted(context: ssl.SSLContext):
    """A server that answers each connection with a few bytes, over TLS; gives its port."""
    with socket.socket() as listening:
        port = free_port()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as secured:
                        secured.recv(4096)
                        secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
                except OSError:
                    plain.close()

        threading.Thread(target=serve, daemon=True).start()
        listed = [f"127.0.0.1:{port}", f"localhost:{port}"]
        with overridden(NetworkSection, identity_hosts=listed):
            yield port
        listening.shutdown(socket.SHUT_RDWR)


async def test_the_certificate_is_verified_by_name_and_authority(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    with encrypted(authority.context("localhost")) as port:
        assert "certificate verify failed" in await refused(f"https://localhost:{port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        assert (await get(f"https://localhost:{port}/")).content == b"hi"
        assert "certificate" in await refused(f"https://127.0.0.1:{port}/", verify=False)


async def test_an_expired_certificate_is_refused(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with encrypted(authority.context("localhost", expired=True)) as port:
        assert "expired" in await refused(f"https://localhost:{port}/")

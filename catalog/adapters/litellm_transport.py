"""The transport under every client of litellm. Imports litellm: import it where it is used."""

from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport
from yarl import URL

from catalog.adapters import errors
from catalog.adapters.openai import ANSWER_MAX_BYTES
from restai_site.lib import egress

_chosen: ContextVar[aiohttp.ClientSession] = ContextVar("chosen_session")


class Transport(LiteLLMAiohttpTransport):  # type: ignore[misc]  # the base is untyped here
    """Sends each request through the session that the way out chooses for its address."""

    def get_valid_client_session(self) -> aiohttp.ClientSession:
        """Return the session chosen for the request under way."""
        return _chosen.get()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`. Raises AddressRefused, Invalid, ProviderFailed."""
        url = URL(egress.check_url(str(request.url)))
        _chosen.set(await egress.choose_session(url, egress.Purpose.PROVIDER))
        # What is not compressed cannot grow while it is read.
        request.headers["Accept-Encoding"] = "identity"
        response: httpx.Response = await super().handle_async_request(request)
        if response.is_redirect:
            # The key would go along, in a header that httpx does not know for one.
            raise errors.bad_answer("it redirects to another address")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise errors.bad_answer("it is compressed, though it was asked not to be")
        response.stream = _Capped(response.stream)
        return response

    async def aclose(self) -> None:
        """Leave the sessions open: they are not the client's."""


class _Capped(httpx.AsyncByteStream):
    """A body that ends with an error where it becomes larger than any answer."""

    def __init__(self, body: Any) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._body:
            size += len(chunk)
            if size > ANSWER_MAX_BYTES:
                raise errors.too_large()
            yield chunk

    async def aclose(self) -> None:
        """Hang up."""
        await self._body.aclose()


class SynchronousTransport(httpx.BaseTransport):
    """Refuses: the platform calls providers without blocking, and through its own way out."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raise AddressRefused."""
        raise egress.AddressRefused(
            "This provider needs a connection that the platform does not open."
        )


def new_transport(**_: Any) -> Transport:
    """Return a transport for one client of litellm."""
    return Transport(client=egress.session, owns_session=False)

"""`make bench-egress`: what the way out adds to a request with a warm connection.

The floor is a bare session of the same client library, asked in turns with the way out, so that a
machine whose speed drifts hits both alike.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable

import aiohttp
from yarl import URL

from benchmarks.mock_provider import MockProvider

ROUNDS = 15
REQUESTS_PER_ROUND = 200
Call = Callable[[], Awaitable[aiohttp.ClientResponse]]


def main() -> None:
    """Print the processor time of a request both ways, and the difference."""
    with MockProvider() as provider:
        os.environ["NETWORK_PROVIDER_HOSTS"] = f"127.0.0.1:{provider.port}"
        os.environ["DJANGO_SETTINGS_MODULE"] = "restai_site.settings_types"
        bare, judged = asyncio.run(_measure(URL(f"{provider.url}/models")))
    for name, values in (("bare session", bare), ("way out", judged)):
        print(f"{name:14} {statistics.median(values):7.1f} µs of processor time a request (median)")
    added = [second - first for first, second in zip(bare, judged, strict=True)]
    print(
        f"{'added':14} {statistics.median(added):7.1f} µs (median of {ROUNDS} pairs; "
        f"{min(added):.1f} to {max(added):.1f})"
    )


async def _measure(url: URL) -> tuple[list[float], list[float]]:
    from restai_site.lib import egress

    limits = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession() as session:

        def bare() -> Awaitable[aiohttp.ClientResponse]:
            return session.get(url, timeout=limits, allow_redirects=False)

        def judged() -> Awaitable[aiohttp.ClientResponse]:
            return egress.request("GET", url, purpose=egress.Purpose.PROVIDER, time_limits=limits)

        rounds = [(await _round(bare), await _round(judged)) for _ in range(ROUNDS + 1)]
    await egress.close_all()
    # The first round opens the connections.
    return [first for first, _ in rounds[1:]], [second for _, second in rounds[1:]]


async def _round(call: Call) -> float:
    began = time.thread_time()
    for _ in range(REQUESTS_PER_ROUND):
        response = await call()
        await response.read()
    return (time.thread_time() - began) / REQUESTS_PER_ROUND * 1e6


if __name__ == "__main__":
    main()

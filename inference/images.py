"""Images in messages: fetched, capped, told by their content and written anew.

A stage between `prepare` and the provider. No model, and no library of a provider, is handed an
address from outside or a file that the platform has not written itself.
"""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from yarl import URL

from catalog.adapters import errors
from catalog.adapters.types import Message
from inference.calls import Call
from restai_site.lib.egress import FetchFailed, Limits, Purpose, check_url, fetch
from restai_site.lib.errors import DomainError, Invalid

IMAGES_MAX = 16
IMAGE_MAX_BYTES = 10 * 1024 * 1024
TOTAL_MAX_BYTES = 40 * 1024 * 1024
# Of an image that a provider has made, whose PNG files are larger than those that people take.
IMAGE_MADE_MAX_BYTES = 32 * 1024 * 1024
FETCHES_AT_ONCE = 4
FETCH_SECONDS = 20
# Of one person in one process; the person's next calls with images wait for these.
CALLS_AT_ONCE = 2
# The largest images take half a gigabyte each while they are written anew.
THREADS = 2
DETAILS = ("auto", "low", "high")
# Servers that can choose shall not send what would be refused.
ACCEPT = {"Accept": "image/png, image/jpeg, image/webp, image/gif"}
LIMITS = Limits(max_bytes=IMAGE_MAX_BYTES)
# The same words for every reason: a closed port, an open one, an address inside the network.
NOT_FETCHED = (
    "The image could not be fetched: its address must be public and answer within seconds, with "
    f"at most {IMAGE_MAX_BYTES // 2**20} MB."
)
TOO_LARGE = f"The image is larger than {IMAGE_MAX_BYTES // 2**20} MB."

_turns: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, int | None], asyncio.Semaphore] = (
    WeakValueDictionary()
)


class _Found(NamedTuple):
    """An image part, by its place in the messages of a call."""

    message: int
    part: int
    place: str
    image: Mapping[str, Any]

    @property
    def url(self) -> str:
        return str(self.image["url"])

    @property
    def is_data(self) -> bool:
        return self.url.startswith("data:")


def check_image(place: str, image: Any) -> None:
    """Raise Invalid when `image`, the `image_url` of a part, cannot name an image."""
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str):
        raise _refused(f"{place}.url", Invalid("The address of the image is missing."))
    if image.get("detail") not in (None, *DETAILS):
        raise _refused(f"{place}.detail", Invalid("The detail must be auto, low or high."))
    if url.startswith("data:"):
        if not url.partition(",")[0].endswith(";base64"):
            raise _refused(f"{place}.url", Invalid("A data: URL must hold its image in base64."))
        return
    try:
        check_url(url)
    except Invalid as error:
        raise _refused(f"{place}.url", error) from None


def holds_parts(messages: Sequence[Message]) -> bool:
    """Return whether any of `messages` is more than text: a look that costs next to nothing."""
    return any(_is_in_parts(message) for message in messages)


async def settle_images(call: Call) -> None:
    """Put clean copies, as data: URLs, in place of the images in the messages of `call`.

    Raises Invalid and FetchFailed, naming the image, before the provider is called: there is no
    usage then.
    """
    assert call.request is not None  # noqa: S101  prepare has set it
    messages = call.request.messages
    found = _find(messages, call.own_messages)
    if not found:
        return
    if len(found) > IMAGES_MAX:
        words = f"A request may have at most {IMAGES_MAX} images."
        raise Invalid(words, code="invalid_image", fields={"messages": [words]})
    async with _turn_of(call.actor.user_id):
        urls = await _rewritten(found, await _fetched(found))
    call.request = replace(call.request, messages=_with_images(messages, found, urls))


async def made_anew(call: Call, made: Sequence[bytes | str]) -> list[bytes]:
    """Return clean copies of images that a provider has made: files, or addresses of files.

    Its own host is asked as the provider is, any other only where it is public. Raises
    ProviderFailed for what is no image.
    """
    async with _turn_of(call.actor.user_id):
        return [await _made_anew(call, one) for one in made]


async def _made_anew(call: Call, made: bytes | str) -> bytes:
    from restai_site.lib.images import rewritten

    content = made if isinstance(made, bytes) else await _fetched_from_provider(call, made)
    if len(content) > IMAGE_MADE_MAX_BYTES:
        raise errors.too_large()
    try:
        loop = asyncio.get_running_loop()
        copy = await loop.run_in_executor(_threads(), rewritten, content)
    except Invalid:
        raise errors.bad_answer("an image in it cannot be read") from None
    return copy.content


async def _fetched_from_provider(call: Call, url: str) -> bytes:
    try:
        at = URL(check_url(url))
        own = call.endpoint.base_url and URL(call.endpoint.base_url).origin() == at.origin()
        purpose = Purpose.PROVIDER if own else Purpose.FETCH
        limits = Limits(max_bytes=IMAGE_MADE_MAX_BYTES, total_seconds=FETCH_SECONDS)
        answer = await fetch(url, purpose=purpose, headers=ACCEPT, limits=limits)
    except (DomainError, ValueError):
        raise errors.bad_answer("an image in it could not be fetched") from None
    if answer.status != 200:
        raise errors.bad_answer("an image in it could not be fetched")
    return answer.content


def _is_in_parts(message: Message) -> bool:
    content = message.get("content")
    return content is not None and type(content) is not str


def _find(messages: Sequence[Message], own_messages: int) -> list[_Found]:
    return [
        _Found(
            number,
            index,
            f"messages[{number - own_messages}].content[{index}].image_url.url",
            part["image_url"],
        )
        for number, message in enumerate(messages)
        if _is_in_parts(message)
        for index, part in enumerate(message["content"])
        # Whatever is no text is taken for an image, so that nothing else slips through.
        if part["type"] != "text"
    ]


def _turn_of(user_id: int | None) -> asyncio.Semaphore:
    """Return what lets CALLS_AT_ONCE calls of a person through at a time.

    It bounds the memory and the time of the threads that one person can take from the others.
    """
    key = asyncio.get_running_loop(), user_id
    turn = _turns.get(key)
    if turn is None:
        turn = _turns[key] = asyncio.Semaphore(CALLS_AT_ONCE)
    return turn


async def _fetched(found: Sequence[_Found]) -> dict[str, bytes]:
    """Return what the addresses among `found` hold, by address: each is fetched once."""
    first = {one.url: one for one in reversed(found) if not one.is_data}
    if not first:
        return {}
    at_once, contents = asyncio.Semaphore(FETCHES_AT_ONCE), dict[str, bytes]()

    async def take(one: _Found) -> None:
        async with at_once:
            contents[one.url] = await _fetch(one)
        _check_total(map(len, contents.values()))

    try:
        async with asyncio.timeout(FETCH_SECONDS), asyncio.TaskGroup() as group:
            for one in first.values():
                group.create_task(take(one))
    except TimeoutError:
        late = next(one for one in found if one.url in first and one.url not in contents)
        raise _not_fetched(late) from None
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return contents


async def _fetch(one: _Found) -> bytes:
    try:
        answer = await fetch(one.url, purpose=Purpose.FETCH, headers=ACCEPT, limits=LIMITS)
    except DomainError:
        raise _not_fetched(one) from None
    if answer.status != 200:
        raise _not_fetched(one)
    return answer.content


async def _rewritten(found: Sequence[_Found], contents: Mapping[str, bytes]) -> list[str]:
    """Return the data: URLs of clean copies.

    One after the other, so that others' images come in between.
    """
    _check_total(len(one.url) * 3 // 4 if one.is_data else len(contents[one.url]) for one in found)
    loop, urls = asyncio.get_running_loop(), list[str]()
    for one in found:
        try:
            url = await loop.run_in_executor(
                _threads(), _clean_copy, contents.get(one.url, one.url)
            )
        except Invalid as error:
            raise _refused(one.place, error) from None
        urls.append(url)
        _check_total(len(url) * 3 // 4 for url in urls)
    return urls


def _clean_copy(source: bytes | str) -> str:
    """Return the data: URL of the image in `source`, a file or a data: URL. Raises Invalid."""
    from restai_site.lib.images import rewritten

    content = source if isinstance(source, bytes) else _held_in(source)
    return rewritten(content).data_url()


def _held_in(url: str) -> bytes:
    try:
        content = b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("The data: URL is not valid base64.") from None
    if len(content) > IMAGE_MAX_BYTES:
        raise Invalid(TOO_LARGE)
    return content


def _with_images(
    messages: Sequence[Message], found: Sequence[_Found], urls: Sequence[str]
) -> list[Message]:
    """Return copies of `messages` in which `urls` stand for the images: what the caller sent
    beside address and detail is left out.
    """
    changed = list(messages)
    for number in {one.message for one in found}:
        changed[number] = {**messages[number], "content": list(messages[number]["content"])}
    for one, url in zip(found, urls, strict=True):
        detail = one.image.get("detail")
        image = {"url": url, "detail": detail} if detail else {"url": url}
        changed[one.message]["content"][one.part] = {"type": "image_url", "image_url": image}
    return changed


def _check_total(sizes: Any) -> None:
    if sum(sizes) > TOTAL_MAX_BYTES:
        words = f"The images of a request may hold {TOTAL_MAX_BYTES // 2**20} MB together."
        raise Invalid(words, code="invalid_image", fields={"messages": [words]})


def _refused(place: str, error: Invalid) -> Invalid:
    words = f"“{place}”: {error.message}"
    return Invalid(words, code="invalid_image", fields={place: [error.message]})


def _not_fetched(one: _Found) -> FetchFailed:
    return FetchFailed(f"“{one.place}”: {NOT_FETCHED}", fields={one.place: [NOT_FETCHED]})


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="images")

"""Images and speech at endpoints that speak OpenAI's API, over the same pooled session."""

import binascii
from base64 import b64decode
from typing import Any
from uuid import uuid4

from catalog.adapters import errors
from catalog.adapters.openai import (
    ANSWER_MAX_BYTES,
    FAILURES,
    Form,
    OpenAIAdapter,
    exchange,
    model_of,
    post,
    read_body,
)
from catalog.adapters.types import Endpoint, ImageRequest, SpeechRequest, TranscriptionRequest

# These always answer with files, and refuse to be asked for them.
FILES_ALONE = ("gpt-image", "chatgpt-image")
# What an answer is that is no file of sound.
WORDS = ("application/json", "application/problem+json", "application/xml", "text/")


class OpenAIMediaAdapter(OpenAIAdapter):
    """Talks to an OpenAI-compatible endpoint, also about images and speech."""

    async def images(self, endpoint: Endpoint, request: ImageRequest) -> list[bytes | str]:
        """Return the images made: files, or addresses at which they are to be fetched."""
        body = {"model": model_of(endpoint), **request.parameters()}
        if not str(body["model"]).startswith(FILES_ALONE):
            body["response_format"] = "b64_json"
        return made_images(await exchange(endpoint, "/images/generations", body), request.count)

    async def speech(self, endpoint: Endpoint, request: SpeechRequest) -> bytes:
        """Return the spoken text, a file in the format asked for."""
        body = {"model": model_of(endpoint), **request.parameters()}
        response = await post(endpoint, "/audio/speech", body, idle=endpoint.idle_seconds)
        try:
            if response.content_type.startswith(WORDS):
                raise errors.bad_answer("it is no sound")
            return spoken(await read_body(response, ANSWER_MAX_BYTES))
        except FAILURES as error:
            raise errors.from_exception(error, endpoint) from None
        finally:
            response.close()

    async def transcribe(self, endpoint: Endpoint, request: TranscriptionRequest) -> str:
        """Return what is said in the file."""
        fields = {"model": model_of(endpoint), **request.parameters(), "response_format": "json"}
        answer = await exchange(endpoint, "/audio/transcriptions", _form(fields, request))
        return heard(answer.get("text"))


def made_images(answer: dict[str, Any], count: int) -> list[bytes | str]:
    """Return the images in an answer of OpenAI's form: at least one, at most `count`."""
    items = answer.get("data")
    if not isinstance(items, list) or not 1 <= len(items) <= count:
        raise errors.bad_answer("it does not hold the images that were asked for")
    return [_image(item) for item in items]


def spoken(content: bytes) -> bytes:
    """Return `content` unless there is nothing in it."""
    if not content:
        raise errors.bad_answer("it is empty")
    return content


def heard(text: Any) -> str:
    """Return `text` if it is one; silence is an empty one."""
    if not isinstance(text, str):
        raise errors.bad_answer("it has no text")
    return text


def _image(item: Any) -> bytes | str:
    item = item if isinstance(item, dict) else {}
    encoded, url = item.get("b64_json"), item.get("url")
    if isinstance(encoded, str) and encoded:
        try:
            return b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise errors.bad_answer("an image in it is not valid base64") from None
    if isinstance(url, str) and url:
        return url
    raise errors.bad_answer("an image in it has neither content nor address")


def _form(fields: dict[str, Any], request: TranscriptionRequest) -> Form:
    """Return the form (RFC 7578). None of the names in it, nor that of the file, is a caller's."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{request.file_name}"\r\nContent-Type: {request.media_type}\r\n\r\n'
    )
    head = "".join(parts).encode()
    content = head + request.content + f"\r\n--{boundary}--\r\n".encode()
    return Form(content, f"multipart/form-data; boundary={boundary}")

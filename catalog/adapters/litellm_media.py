"""Images and speech through litellm."""

from typing import Any

from catalog.adapters.litellm import LiteLLMAdapter, call
from catalog.adapters.openai_media import heard, made_images, spoken
from catalog.adapters.types import Endpoint, ImageRequest, SpeechRequest, TranscriptionRequest


class LiteLLMMediaAdapter(LiteLLMAdapter):
    """Talks to a provider through litellm, also about images and speech."""

    async def images(self, endpoint: Endpoint, request: ImageRequest) -> list[bytes | str]:
        """Return the images made: files, or addresses at which they are to be fetched."""
        answer = await call("aimage_generation", endpoint, request.parameters())
        items = [_fields(item, "b64_json", "url") for item in getattr(answer, "data", None) or []]
        return made_images({"data": items}, request.count)

    async def speech(self, endpoint: Endpoint, request: SpeechRequest) -> bytes:
        """Return the spoken text, a file in the format asked for."""
        answer = await call("aspeech", endpoint, request.parameters())
        return spoken(answer.content)

    async def transcribe(self, endpoint: Endpoint, request: TranscriptionRequest) -> str:
        """Return what is said in the file."""
        file = (request.file_name, request.content, request.media_type)
        parameters = {"file": file, "response_format": "json", **request.parameters()}
        answer = await call("atranscription", endpoint, parameters)
        return heard(getattr(answer, "text", None))


def _fields(item: Any, *names: str) -> dict[str, Any]:
    if isinstance(item, dict):
        return item
    return {name: getattr(item, name, None) for name in names}

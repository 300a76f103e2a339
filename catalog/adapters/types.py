"""What goes into a provider adapter and what comes out: plain data, nothing of any vendor."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

Message = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One model at one provider.

    `base_url` may be empty where the provider has a well-known one. `extra` holds what some
    providers need beyond that (for example `api_version`, `aws_region_name`); it comes from an
    administrator, never from a request, and only the adapter for `litellm` kinds reads it.
    """

    kind: str
    model: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_seconds: float = 10
    idle_seconds: float = 60
    timeout_seconds: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A chat completion in the terms of OpenAI's API. What is None is not sent."""

    messages: Sequence[Message]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: str | Sequence[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    tools: Sequence[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    user: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the fields that are set, by their names in OpenAI's API."""
        return {
            name: value for name in REQUEST_FIELDS if (value := getattr(self, name)) is not None
        }


REQUEST_FIELDS = tuple(item.name for item in fields(ChatRequest))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatResult:
    """A complete answer. `usage` is None when the provider gave none that makes sense."""

    content: str
    finish_reason: str
    usage: Usage | None = None
    tool_calls: list[dict[str, Any]] | None = None
    model: str = ""


@dataclass(slots=True)
class Delta:
    """A piece of an answer. Not frozen: one is made for every chunk, and freezing costs more."""

    text: str = ""
    tool_calls: list[dict[str, Any]] | None = None
    finish_reason: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingResult:
    """One vector for each input, in the order of the inputs."""

    vectors: list[list[float]]
    usage: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """Images to be made, in the terms of OpenAI's API. What is None is not sent."""

    prompt: str
    count: int = 1
    size: str | None = None
    quality: str | None = None
    style: str | None = None
    background: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the fields that are set, by their names in OpenAI's API."""
        named = {
            "prompt": self.prompt,
            "n": self.count,
            "size": self.size,
            "quality": self.quality,
            "style": self.style,
            "background": self.background,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """A text to be spoken. `format` is one of OpenAI's names: mp3, opus, aac, flac, wav, pcm."""

    text: str
    voice: str
    format: str = "mp3"
    speed: float | None = None
    instructions: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the fields that are set, by their names in OpenAI's API."""
        named = {
            "input": self.text,
            "voice": self.voice,
            "response_format": self.format,
            "speed": self.speed,
            "instructions": self.instructions,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRequest:
    """Speech to be written down. `file_name` tells the provider of which kind it is."""

    content: bytes = field(repr=False)
    file_name: str
    media_type: str
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the fields beside the file that are set, by their names in OpenAI's API."""
        named = {
            "language": self.language,
            "prompt": self.prompt,
            "temperature": self.temperature,
        }
        return {name: value for name, value in named.items() if value is not None}


class Adapter(Protocol):
    """A way to talk to one family of providers.

    Every method raises ProviderFailed or ProviderTimedOut with words a person can act on, and
    Invalid when the request cannot be sent at all.
    """

    async def chat(self, endpoint: Endpoint, request: ChatRequest) -> ChatResult:
        """Return the complete answer."""

    def batches(
        self, endpoint: Endpoint, request: ChatRequest
    ) -> AsyncGenerator[list[Delta], None]:
        """Yield the pieces of the answer, grouped as they arrived from the network.

        Whoever passes them on can write each group at once. Closing the iterator hangs up.
        """

    def stream(self, endpoint: Endpoint, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Yield the pieces of the answer one by one. Closing the iterator hangs up."""

    async def embed(
        self, endpoint: Endpoint, inputs: Sequence[str], dimensions: int | None = None
    ) -> EmbeddingResult:
        """Return one vector for each of `inputs`."""

    async def images(self, endpoint: Endpoint, request: ImageRequest) -> list[bytes | str]:
        """Return the images made: files, or addresses at which they are to be fetched."""

    async def speech(self, endpoint: Endpoint, request: SpeechRequest) -> bytes:
        """Return the spoken text, a file in the format asked for."""

    async def transcribe(self, endpoint: Endpoint, request: TranscriptionRequest) -> str:
        """Return what is said in the file."""

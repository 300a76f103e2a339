"""What callers may send to have images made, text spoken, and speech written down.

Checked as in `inference.bodies`; a form is read field by field, so that a field or a file that is
not known is refused too.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from catalog.adapters.types import ImageRequest, SpeechRequest, TranscriptionRequest
from inference.bodies import (
    bad_value,
    number,
    object_body,
    optional,
    refuse_unknown,
    short_text,
    whole,
)
from restai_site.lib.errors import Invalid, TooLarge

IMAGE_PROMPT_MAX_LENGTH = 32_000
IMAGES_MADE_MAX = 10
SPEECH_MAX_LENGTH = 4096
TRANSCRIPTION_PROMPT_MAX_LENGTH = 2000
AUDIO_MAX_BYTES = 25 * 1024 * 1024
SIZE = re.compile(r"auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3}")
VOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?")
FORMATS = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
TRANSCRIPTS = ("json", "text")
# By what a file begins with: the name that providers tell its kind by, and its media type. Where a
# file of the kind may begin in other ways, the rest is in `_kind_of`.
SOUNDS = (
    (b"ID3", "mp3", "audio/mpeg"),
    (b"fLaC", "flac", "audio/flac"),
    (b"OggS", "ogg", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "webm", "audio/webm"),
)
NO_SOUND = "must be a FLAC, MP3, MP4, Ogg, WAV or WebM file"
B64_ALONE = "must be b64_json: images are sent along, and kept at no address"


@dataclass(frozen=True, slots=True)
class ImageBody:
    """A checked body of `POST /v1/images/generations`."""

    model: str
    request: ImageRequest


@dataclass(frozen=True, slots=True)
class SpeechBody:
    """A checked body of `POST /v1/audio/speech`."""

    model: str
    request: SpeechRequest

    @property
    def media_type(self) -> str:
        return FORMATS[self.request.format]


@dataclass(frozen=True, slots=True)
class TranscriptionBody:
    """A checked form of `POST /v1/audio/transcriptions`."""

    model: str
    request: TranscriptionRequest
    as_text: bool


def image_body(value: Any) -> ImageBody:
    """Return the checked body, or raise Invalid naming the field."""
    body = object_body(value)
    refuse_unknown(body, IMAGE_FIELDS)
    if body.get("response_format") not in (None, "b64_json"):
        raise bad_value("response_format", B64_ALONE)
    size = optional(body, "size", str)
    if size is not None and not SIZE.fullmatch(size):
        raise bad_value("size", "must be auto, or width and height such as 1024x1024")
    words = {name: body[name] for name in IMAGE_WORDS if body.get(name) is not None}
    request = ImageRequest(
        prompt=_said(body, "prompt", IMAGE_PROMPT_MAX_LENGTH),
        count=1 if body.get("n") is None else whole(1, IMAGES_MADE_MAX)("n", body["n"]),
        size=size,
        **{name: short_text(name, word) for name, word in words.items()},
    )
    return ImageBody(_model(body), request)


def speech_body(value: Any) -> SpeechBody:
    """Return the checked body, or raise Invalid naming the field."""
    body = object_body(value)
    refuse_unknown(body, SPEECH_FIELDS)
    voice = optional(body, "voice", str)
    if voice is None or not VOICE.fullmatch(voice):
        raise bad_value("voice", "must name a voice")
    sound = body.get("response_format")
    if sound is not None and not (isinstance(sound, str) and sound in FORMATS):
        raise bad_value("response_format", f"must be one of {', '.join(FORMATS)}")
    speed = body.get("speed")
    instructions = optional(body, "instructions", str)
    if instructions is not None and len(instructions) > SPEECH_MAX_LENGTH:
        raise bad_value("instructions", f"must be at most {SPEECH_MAX_LENGTH} characters")
    request = SpeechRequest(
        text=_said(body, "input", SPEECH_MAX_LENGTH),
        voice=voice,
        format=sound or "mp3",
        speed=None if speed is None else number(0.25, 4)("speed", speed),
        instructions=instructions or None,
    )
    return SpeechBody(_model(body), request)


def transcription_body(request: HttpRequest) -> TranscriptionBody:
    """Return the checked form, or raise Invalid or TooLarge.

    It is read here, all of it: call this in a thread, inside `form_errors`.
    """
    fields, content = _form(request)
    refuse_unknown(fields, TRANSCRIPTION_FIELDS)
    answer = fields.get("response_format") or "json"
    if answer not in TRANSCRIPTS:
        raise bad_value("response_format", f"must be one of {', '.join(TRANSCRIPTS)}")
    if fields.get("stream", "false").lower() not in {"", "false"}:
        raise bad_value("stream", "must be false")
    language, prompt = fields.get("language") or None, fields.get("prompt") or None
    if language is not None and not LANGUAGE.fullmatch(language):
        raise bad_value("language", "must be a language such as en or pt-BR")
    if prompt is not None and len(prompt) > TRANSCRIPTION_PROMPT_MAX_LENGTH:
        most = TRANSCRIPTION_PROMPT_MAX_LENGTH
        raise bad_value("prompt", f"must be at most {most} characters")
    ending, media_type = _kind_of(content)
    checked = TranscriptionRequest(
        content=content,
        file_name=f"audio.{ending}",
        media_type=media_type,
        language=language,
        prompt=prompt,
        temperature=_temperature(fields.get("temperature")),
    )
    return TranscriptionBody(_model(fields), checked, as_text=answer == "text")


@contextmanager
def form_errors() -> Iterator[None]:
    """Say in our words what Django finds wrong with a form, whoever is the first to read it."""
    try:
        yield
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        raise Invalid("The form could not be read.", code="invalid_body") from None


def _model(body: dict[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise bad_value("model", "must name a model")
    return model


def _said(body: dict[str, Any], name: str, most: int) -> str:
    text = optional(body, name, str)
    if text is None or not text.strip():
        raise bad_value(name, "must be text that says something")
    if len(text) > most:
        raise bad_value(name, f"must be at most {most} characters")
    return str(text)


def _form(request: HttpRequest) -> tuple[dict[str, str], bytes]:
    """Return the fields and the one file of a form, each of them sent once."""
    if request.content_type != "multipart/form-data":
        raise Invalid(
            "Send a form with the header Content-Type: multipart/form-data, its file as “file”.",
            code="unsupported_media_type",
            status=415,
        )
    sent, files = request.POST, request.FILES
    for name, values in [*sent.lists(), *files.lists()]:
        if len(cast("list[object]", values)) != 1:
            raise bad_value(name[:50], "must be sent once")
    fields = {name: str(sent[name]) for name in sent}
    if any("\0" in value for value in fields.values()):
        raise Invalid("Text must not contain the NUL character.", code="invalid_body")
    if set(files) != {"file"}:
        raise bad_value("file", "must be one file, and there must be no other")
    upload = cast("UploadedFile[Any]", files["file"])
    if (upload.size or 0) > AUDIO_MAX_BYTES:
        raise TooLarge(f"The file is larger than {AUDIO_MAX_BYTES // 2**20} MB.")
    return fields, bytes(upload.read())


def _kind_of(content: bytes) -> tuple[str, str]:
    """Return the ending and the media type of a file of sound, told by its content alone."""
    for start, ending, media_type in SOUNDS:
        if content.startswith(start):
            return ending, media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "wav", "audio/wav"
    if content[4:8] == b"ftyp":
        return "mp4", "audio/mp4"
    # The frame header of MPEG audio: eleven bits set, a layer that is not reserved.
    if len(content) > 3 and content[0] == 0xFF and content[1] >= 0xE0 and content[1] & 6:
        return "mp3", "audio/mpeg"
    raise bad_value("file", NO_SOUND)


def _temperature(text: str | None) -> float | None:
    if not text:
        return None
    check: Callable[[str, Any], float] = number(0, 1)
    try:
        return check("temperature", float(text[:20]))
    except ValueError:
        raise bad_value("temperature", "must be a number between 0 and 1") from None


IMAGE_WORDS = ("quality", "style", "background")
IMAGE_FIELDS = frozenset({"model", "prompt", "n", "size", "response_format", "user", *IMAGE_WORDS})
SPEECH_FIELDS = frozenset({"model", "input", "voice", "response_format", "speed", "instructions"})
TRANSCRIPTION_FIELDS = frozenset(
    {"model", "language", "prompt", "response_format", "temperature", "stream"}
)

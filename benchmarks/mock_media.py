"""What the mock provider answers about images and speech, in the form of OpenAI."""

import re
import struct
import zlib
from base64 import b64encode
from typing import Any

import orjson

from benchmarks.mock_answers import answer

# In the metadata of each image.
REMARK = "made by the mock provider"
PICTURE = "/picture.png"
HEARD = "The quick brown fox"
SOUND = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"sound" * 100
BOUNDARY = re.compile(r"boundary=([\w-]+)")
PART_NAME = re.compile(rb'name="(\w+)"(?:; filename="([^"]*)")?')
IMAGES, SPEECH, TRANSCRIPTIONS = (
    f"/v1/{name}" for name in ("images/generations", "audio/speech", "audio/transcriptions")
)
# Further misbehaviours, by the name of the model.
#     image-at-<url>        answers with an address; image-at-own with one of its own
#     image-broken          answers with base64 of what is no image
#     image-fewer           makes one image less than it was asked for
#     image-more            makes one more
#     json-sound, no-sound  answers with JSON, with nothing, where sound was asked for
#     no-text               answers without the text


def png(width: int = 8, height: int = 8) -> bytes:
    """Return a PNG file of many colours, with a remark."""
    rows = b"".join(
        b"\0" + bytes((x * 31 + y * 7 + c * 53) % 256 for x in range(width) for c in range(3))
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"tEXt", b"Comment\0" + REMARK.encode())]
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def form_of(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Return the fields of a form; a file as its name and its content."""
    found = BOUNDARY.search(headers.get("content-type", ""))
    fields: dict[str, Any] = {}
    for part in body.split(b"--" + found[1].encode()) if found else []:
        head, mark, content = part.partition(b"\r\n\r\n")
        name = PART_NAME.search(head)
        if mark and name:
            value = content.removesuffix(b"\r\n")
            is_file = name[2] is not None
            fields[name[1].decode()] = (name[2].decode(), value) if is_file else value.decode()
    return fields


def media_answer(path: str, switch: str, body: dict[str, Any], host: str) -> bytes:
    """Return the answer to a request for images, speech or a transcription."""
    if path == IMAGES:
        return _images(switch, body, host)
    if path == SPEECH:
        return _speech(switch)
    said = {"words": HEARD} if switch == "no-text" else {"text": HEARD}
    return answer(200, orjson.dumps(said))


def _images(switch: str, body: dict[str, Any], host: str) -> bytes:
    count = body.get("n", 1) + {"image-fewer": -1, "image-more": 1}.get(switch, 0)
    if switch.startswith("image-at-"):
        address = switch.removeprefix("image-at-")
        made = {"url": f"http://{host}{PICTURE}" if address == "own" else address}
    else:
        content = b"no image" if switch == "image-broken" else png()
        made = {"b64_json": b64encode(content).decode()}
    data = [{**made, "revised_prompt": "another prompt"}] * count
    return answer(200, orjson.dumps({"created": 1_700_000_000, "data": data}))


def _speech(switch: str) -> bytes:
    if switch == "json-sound":
        return answer(200, b'{"detail": "no"}')
    return answer(200, b"" if switch == "no-sound" else SOUND, "audio/mpeg")

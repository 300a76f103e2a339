"""Whatever is sent to the surfaces of images and sound, the answer is a 4xx with a sentence."""

import pytest

from inference.tests.media_world import (
    IMAGES,
    PAINT,
    SPEECH,
    TRANSCRIPTIONS,
    ask,
    furnish,
    recording,
)


@pytest.fixture
def program(world, api_as):
    return api_as(furnish(world).member)


WRONG = [None, True, 7, -1, 1.5, "", "   ", [], [1], {}, {"a": 1}, 2**70, "x" * 40_000]


@pytest.mark.parametrize("url", [IMAGES, SPEECH])
def test_a_field_of_the_wrong_type_never_breaks_the_server(program, url):
    valid = PAINT if url == IMAGES else {"model": "voice", "input": "Hi", "voice": "alloy"}
    names = (
        *("model", "prompt", "n", "size", "quality", "style", "background", "response_format"),
        *("input", "voice", "speed", "instructions", "user", "unknown"),
    )
    for name in names:
        for value in WRONG:
            answer = program.post(url, {**valid, name: value}, format="json")
            assert answer.status_code in {200, 400, 404}, (name, value)
            if answer.status_code != 200:
                assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize(
    ("way", "field", "value"),
    [
        ("images", "n", 0),
        ("images", "n", 11),
        ("images", "size", "1024"),
        ("images", "size", "99999x1"),
        ("images", "prompt", "x" * 32_001),
        ("images", "response_format", "url"),
        ("speech", "input", "x" * 4097),
        ("speech", "voice", "../voice"),
        ("speech", "speed", 4.1),
        ("speech", "response_format", "midi"),
        ("transcriptions", "response_format", "srt"),
        ("transcriptions", "language", "english!"),
        ("transcriptions", "temperature", "nan"),
        ("transcriptions", "temperature", "2"),
        ("transcriptions", "prompt", "x" * 2001),
        ("transcriptions", "stream", "true"),
        ("transcriptions", "timestamps", "word"),
    ],
)
def test_what_is_not_taken_is_named(program, way, field, value, provider):
    answer = ask(program, way, **{field: value})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, field)
    assert provider.requests == []


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        (b"ID3\x04" + b"\0" * 9, "mp3"),
        (b"\xff\xfb\x90\x00" + b"\0" * 9, "mp3"),
        (b"fLaC" + b"\0" * 9, "flac"),
        (b"OggS" + b"\0" * 9, "ogg"),
        (b"\x1aE\xdf\xa3" + b"\0" * 9, "webm"),
        (b"RIFF\0\0\0\0WAVE" + b"\0" * 9, "wav"),
        (b"\0\0\0\x20ftypM4A " + b"\0" * 9, "mp4"),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_content(program, provider, content, ending):
    assert ask(program, "transcriptions", content=content, name="x.exe").status_code == 200
    assert provider.requests[-1].body["file"] == (f"audio.{ending}", content)


@pytest.mark.parametrize(
    "content",
    [b"\0", b"MZ" * 50, b"<html>", b"%PDF-1.7", b"RIFF\0\0\0\0WEBP", b"\xff\xfe", b"PK\x03\x04"],
)
def test_a_file_that_is_no_sound_is_refused(program, provider, content):
    answer = ask(program, "transcriptions", content=content, name="song.mp3")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")
    assert provider.requests == []


FORM = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", FORM, 400),
        (b"--x--", FORM, 400),
        (b"nonsense", FORM, 400),
        (PART % (b"model", b"voice") + b"--x--", FORM, 400),
        (b"", "multipart/form-data", 400),
        (b"", "multipart/form-data; boundary=" + "é" * 9, 400),
        (b"{}", "application/json", 415),
        (b"model=voice", "application/x-www-form-urlencoded", 415),
        (b"".join(PART % (b"f%d" % n, b"x") for n in range(2000)) + b"--x--", FORM, 400),
        (PART % (b"model", b"a\0b") + b"--x--", FORM, 400),
        (PART % (b"model", b"voice") * 2 + b"--x--", FORM, 400),
    ],
)
def test_a_form_that_is_none_is_refused_in_openais_shape(program, body, kind, status, provider):
    answer = program.generic("POST", TRANSCRIPTIONS, body, content_type=kind)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].endswith(".")
    assert provider.requests == []


def test_two_files_are_one_too_many(program):
    answer = program.post(
        TRANSCRIPTIONS, {**recording(), "other": recording()["file"]}, format="multipart"
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


def test_a_file_over_the_limit_is_too_large(program, settings, provider):
    settings.AUDIO_REQUEST_MAX_BYTES = 30 * 2**20
    content = b"ID3" + b"\0" * (25 * 2**20)
    answer = ask(program, "transcriptions", content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert provider.requests == []


def test_a_file_larger_than_other_bodies_is_taken_there_alone(program):
    content = b"ID3" + b"\0" * (6 * 2**20)
    assert ask(program, "transcriptions", content=content).status_code == 200
    large = {**PAINT, "prompt": "x" * (6 * 2**20)}
    assert program.post(IMAGES, large, format="json").status_code == 413

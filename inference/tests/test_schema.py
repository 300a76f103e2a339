"""The written description of the endpoints that call models is true."""

import pytest
from django.urls import Resolver404, resolve

from inference.api.schema import (
    CHAT_ANSWER,
    CHAT_BODY,
    COMPLETION_BODY,
    EMBEDDING_BODY,
    IMAGE_BODY,
    PATHS,
    SPEECH_BODY,
    TRANSCRIPTION_FORM,
)
from inference.bodies import CHAT_FIELDS, COMPLETION_FIELDS, EMBEDDING_FIELDS, IGNORED_FIELDS
from inference.media_bodies import IMAGE_FIELDS, SPEECH_FIELDS, TRANSCRIPTION_FIELDS


@pytest.mark.parametrize("path", PATHS)
def test_each_path_exists(path):
    try:
        assert resolve(path.replace("{project_id}", "1"))
    except Resolver404:
        pytest.fail(f"{path} is described and does not exist")


@pytest.mark.parametrize(
    ("described", "taken"),
    [
        (CHAT_BODY, CHAT_FIELDS),
        (COMPLETION_BODY, COMPLETION_FIELDS - IGNORED_FIELDS - {"n"}),
        (EMBEDDING_BODY, EMBEDDING_FIELDS - {"user"}),
        (IMAGE_BODY, IMAGE_FIELDS - {"user"}),
        (SPEECH_BODY, SPEECH_FIELDS),
        (TRANSCRIPTION_FORM, TRANSCRIPTION_FIELDS | {"file"}),
    ],
)
def test_each_field_that_is_taken_is_described_and_no_other(described, taken):
    assert set(described["properties"]) == set(taken)


def test_the_parts_of_a_message_are_described_as_they_are_taken():
    content = COMPLETION_BODY["properties"]["messages"]["items"]["properties"]["content"]
    text, image = content["oneOf"][1]["items"]["oneOf"]
    assert text["properties"]["type"]["enum"] == ["text"]
    assert image["properties"]["type"]["enum"] == ["image_url"]
    url = image["properties"]["image_url"]["properties"]
    assert set(url) == {"url", "detail"}
    assert url["detail"]["enum"] == ["auto", "low", "high"]
    assert "16 images of 10 MB each, 40 MB together" in url["url"]["description"]


def test_the_schema_holds_them(world, as_user):
    schema = as_user(world.member).get("/api/schema", {"format": "json"}).json()
    for path in PATHS:
        assert path in schema["paths"]
    chat = schema["paths"]["/api/projects/{project_id}/chat"]["post"]
    assert "default" in chat["responses"]


def test_an_answer_of_the_chat_has_the_fields_that_are_described(world, api_as):
    answer = api_as(world.viewer).post(f"/api/projects/{world.project.pk}/chat", {"message": "Hi"})
    described = CHAT_ANSWER["properties"]
    assert set(answer.json()) == set(described)
    assert set(answer.json()["usage"]) == set(described["usage"]["properties"])

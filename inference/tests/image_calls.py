"""Calls with images, for tests."""

import json
from base64 import b64decode, b64encode
from decimal import Decimal

from catalog.adapters.types import ChatRequest, Endpoint
from inference.calls import Call
from restai_site.lib.actor import Actor
from restai_site.tests.pictures import encoded, opened, photo

URL = "/v1/chat/completions"
PLACE = "messages[0].content[0].image_url.url"
PHOTO = encoded(photo(), "PNG")


def part(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def data_url(content, kind="image/png"):
    return f"data:{kind};base64,{b64encode(content).decode()}"


def asking(*parts, role="user", model="alpha-llm", **more):
    return {"model": model, "messages": [{"role": role, "content": list(parts)}], **more}


def seen(provider, message=-1):
    """Return the parts that the provider was sent last."""
    return provider.requests[-1].body["messages"][message]["content"]


def picture(shown):
    """Return the picture in a part that the provider was sent."""
    head, _, data = shown["image_url"]["url"].partition(";base64,")
    image = opened(b64decode(data, validate=True))
    assert head == f"data:image/{image.format.lower()}"
    return image


def assert_refused(response, words, *, place=PLACE, code="invalid_image"):
    assert response.status_code == 400, response.content
    error = json.loads(response.content)["error"]
    assert error == {
        "message": f"“{place}”: {words}",
        "type": "invalid_request_error",
        "param": place,
        "code": code,
    }


def call_of(*parts, user_id=7):
    """Return a call as `prepare` leaves it, without a database."""
    return Call(
        actor=Actor(user_id=user_id, email="", is_platform_admin=False),
        endpoint=Endpoint(kind="openai", model="mock"),
        kind="chat",
        model_name="mock",
        project_id=None,
        team_id=None,
        input_price_per_million=Decimal(0),
        output_price_per_million=Decimal(0),
        request=ChatRequest(messages=[{"role": "user", "content": list(parts)}]),
    )

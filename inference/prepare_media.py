"""The first stage for images and speech: as `inference.prepare`, for models named by themselves."""

from django.http import HttpRequest

from accounts.credentials import require
from catalog.models import AudioGenerator, ImageGenerator
from catalog.prices import PER_MILLION
from inference.budgets import hold
from inference.calls import Call
from inference.media_bodies import (
    ImageBody,
    SpeechBody,
    TranscriptionBody,
    form_errors,
    transcription_body,
)
from inference.prepare import counted, model_call
from metering.alerts import noting_refusals
from restai_site.lib.actor import Actor

# What is said in a second of speech, some 25 characters at most, takes this much for each of them
# where it is packed well. It bounds what is held of budgets; what is paid is what was heard.
BYTES_PER_CHARACTER = 100


@noting_refusals
def prepare_image(request: HttpRequest, body: ImageBody) -> Call:
    """Resolve the sender and the model of `POST /v1/images/generations`.

    Raises Unauthenticated, NotFound (also for a model that is not granted), RateLimited,
    Unavailable, BudgetExceeded, as the others here.
    """
    actor = require(request)
    call, price = model_call(ImageGenerator, body.model, actor, "image")
    call.media, call.inputs = body.request, [body.request.prompt]
    call.units, call.unit_price = body.request.count, price
    return _let_through(request, call, actor)


@noting_refusals
def prepare_speech(request: HttpRequest, body: SpeechBody) -> Call:
    """Resolve the sender and the model of `POST /v1/audio/speech`."""
    actor = require(request)
    call, price = model_call(AudioGenerator, body.model, actor, "audio")
    call.media, call.inputs = body.request, [body.request.text]
    call.units, call.unit_price = len(body.request.text), price.scaleb(PER_MILLION)
    return _let_through(request, call, actor)


@noting_refusals
def prepare_transcription(request: HttpRequest) -> tuple[Call, TranscriptionBody]:
    """Resolve the sender of `POST /v1/audio/transcriptions`, then read the form and find the model.

    Raises Invalid and TooLarge for the form.
    """
    # With a cookie the token against forged requests is looked for in the form, too.
    with form_errors():
        actor = require(request)
        body = transcription_body(request)
    call, price = model_call(AudioGenerator, body.model, actor, "audio")
    call.media, call.inputs = body.request, [body.request.prompt or ""]
    call.units = len(body.request.content) // BYTES_PER_CHARACTER + 1
    call.unit_price = price.scaleb(PER_MILLION)
    return _let_through(request, call, actor), body


def _let_through(request: HttpRequest, call: Call, actor: Actor) -> Call:
    call.rate = counted(request, actor)
    hold(call)
    return call

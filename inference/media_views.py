"""The OpenAI-compatible API of images and speech, around the one pipeline."""

import time
from base64 import b64encode

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from inference import pipeline
from inference.answers import json_body, model_call
from inference.media_bodies import image_body, speech_body
from inference.prepare_media import prepare_image, prepare_speech, prepare_transcription
from restai_site.lib.db import in_database
from restai_site.lib.http import json_response


@model_call
async def images(request: HttpRequest) -> HttpResponseBase:
    """`POST /v1/images/generations`: the images come along, in base64."""
    body = image_body(json_body(request))
    call = await in_database(prepare_image, request, body)
    made, receipt = await pipeline.make_images(call)
    data = [{"b64_json": b64encode(one).decode()} for one in made]
    usage = {
        "input_tokens": receipt.prompt_tokens,
        "output_tokens": 0,
        "total_tokens": receipt.prompt_tokens,
    }
    return json_response({"created": int(time.time()), "data": data, "usage": usage})


@model_call
async def speech(request: HttpRequest) -> HttpResponseBase:
    """`POST /v1/audio/speech`: the sound, in the format that was asked for."""
    body = speech_body(json_body(request))
    call = await in_database(prepare_speech, request, body)
    sound, _ = await pipeline.speak(call)
    # Whatever the provider calls it: no browser is to take it for anything else.
    headers = {"Content-Disposition": f"attachment; filename=speech.{body.request.format}"}
    return HttpResponse(sound, content_type=body.media_type, headers=headers)


@model_call
async def transcriptions(request: HttpRequest) -> HttpResponseBase:
    """`POST /v1/audio/transcriptions`: what is said in a file, as JSON or as text."""
    call, body = await in_database(prepare_transcription, request)
    text, receipt = await pipeline.transcribe(call)
    if body.as_text:
        return HttpResponse(text + "\n", content_type="text/plain; charset=utf-8")
    usage = {
        "type": "tokens",
        "input_tokens": receipt.prompt_tokens,
        "output_tokens": receipt.completion_tokens,
        "total_tokens": receipt.prompt_tokens + receipt.completion_tokens,
    }
    return json_response({"text": text, "usage": usage})

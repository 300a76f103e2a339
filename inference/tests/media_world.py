"""A world with an image generator and a voice that are granted to team Alpha."""

from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.models import AudioGenerator, ImageGenerator
from catalog.services import create_model
from restai_site.tests.world import SYSTEM
from teams.services import set_grants

IMAGES, SPEECH, TRANSCRIPTIONS = (
    f"/v1/{name}" for name in ("images/generations", "audio/speech", "audio/transcriptions")
)
PAINT = {"model": "painter", "prompt": "A heron"}
SPEAK = {"model": "voice", "input": "Hello, heron!", "voice": "alloy"}
SOUND = b"ID3\x04" + b"\0" * 996


def furnish(world):
    """Make the models and grant them to Alpha; return `world` with them."""
    values = {"provider": world.provider, "litellm_model": "mock", "input_price_per_million": 10}
    world.painter = create_model(
        ImageGenerator, {"name": "painter", "price_per_image": "0.04", **values}, actor=SYSTEM
    )
    world.voice = create_model(
        AudioGenerator,
        {"name": "voice", "price_per_million_characters": "15", **values},
        actor=SYSTEM,
    )
    granted = {"image_generators": [world.painter], "audio_generators": [world.voice]}
    set_grants(world.alpha, granted, actor=SYSTEM)
    return world


def behave(model, name):
    """Let the provider behave as `name` says."""
    type(model).objects.filter(pk=model.pk).update(litellm_model=name)


def recording(content=SOUND, name='../../etc/évil".mp3', **fields):
    """Return the form of a transcription."""
    return {"model": "voice", "file": SimpleUploadedFile(name, content), **fields}


def ask(program, way, **more):
    """Make one call on one of the three ways."""
    if way == "images":
        return program.post(IMAGES, {**PAINT, **more}, format="json")
    if way == "speech":
        return program.post(SPEECH, {**SPEAK, **more}, format="json")
    return program.post(TRANSCRIPTIONS, recording(**more), format="multipart")


WAYS = ("images", "speech", "transcriptions")

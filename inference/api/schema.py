"""What the schema says of the endpoints that call models.

They are plain async views, which the schema generator does not see, so their description is
written here; `inference/tests/test_schema.py` holds it against the views.
"""

from typing import Any

from inference.bodies import (
    CHAT_MESSAGE_MAX_LENGTH,
    EMBEDDING_INPUTS_MAX,
    HISTORY_MAX,
    HISTORY_ROLES,
    MESSAGES_MAX,
    ROLES,
)
from inference.images import DETAILS, IMAGE_MAX_BYTES, IMAGES_MAX, TOTAL_MAX_BYTES
from inference.media_bodies import (
    AUDIO_MAX_BYTES,
    FORMATS,
    IMAGE_PROMPT_MAX_LENGTH,
    IMAGES_MADE_MAX,
    SPEECH_MAX_LENGTH,
    TRANSCRIPTION_PROMPT_MAX_LENGTH,
    TRANSCRIPTS,
)

Json = dict[str, Any]
SECURITY: list[Json] = [{"apiKey": []}, {"session": []}]
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
UUID: Json = {"type": "string", "format": "uuid"}
KEPT_ID: Json = {**UUID, "nullable": True, "description": "Null where nothing is kept."}
MODEL: Json = {
    "type": "string",
    "description": "`project/<id>`, or a model granted to a team of yours.",
    "example": "project/1",
}


def _object(required: list[str], **properties: Json) -> Json:
    described: Json = {"type": "object", "properties": properties}
    return described | {"required": required} if required else described


def _number(least: float, most: float) -> Json:
    return {"type": "number", "minimum": least, "maximum": most}


def _named(component: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{component}"}}}


def _post(name: str, tag: str, component: str, *, summary: str, events: str = "") -> Json:
    content = _named(component)
    if events:
        content["text/event-stream"] = {"schema": {"type": "string", "description": events}}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "security": SECURITY,
        "requestBody": {"required": True, "content": _named(f"{component}Request")},
        "responses": {"200": {"description": summary, "content": content}},
    }


USAGE = _object(
    ["prompt_tokens", "total_tokens"],
    prompt_tokens=COUNT,
    completion_tokens=COUNT,
    total_tokens=COUNT,
)
CHAT_BODY = _object(
    [],
    message={**TEXT, "maxLength": CHAT_MESSAGE_MAX_LENGTH},
    conversation_id={**UUID, "nullable": True},
    regenerate_message_id={**UUID, "nullable": True},
    history={
        "type": "array",
        "nullable": True,
        "maxItems": HISTORY_MAX,
        "items": _object(
            ["role", "content"],
            role={"type": "string", "enum": list(HISTORY_ROLES)},
            content={**TEXT, "minLength": 1, "maxLength": CHAT_MESSAGE_MAX_LENGTH},
        ),
        "description": (
            "The earlier turns, oldest first: only for a project that keeps no conversations, "
            "which takes no conversation_id and no regenerate_message_id instead."
        ),
    },
    stream={"type": "boolean", "default": False},
)
GUARDING: Json = {
    **_object(
        ["outcome", "stage", "category", "label", "guard", "is_failure", "masked"],
        outcome={**TEXT, "enum": ["passed", "warned", "redacted", "blocked"]},
        stage={**TEXT, "enum": ["input", "output"]},
        category=TEXT,
        label={**TEXT, "description": "The category in words."},
        guard={**TEXT, "description": "The name of the guard."},
        is_failure={"type": "boolean", "description": "Whether the guard gave no judgement."},
        masked={
            "type": "array",
            "items": TEXT,
            "description": "What stands in brackets in place of what was masked.",
        },
        message={**TEXT, "description": "Where it blocked: what stands in place of the answer."},
        first_token_delay_ms=COUNT,
        total_delay_ms=COUNT,
    ),
    "nullable": True,
    "description": "What guards have to say; null where none stands there.",
}
CHAT_ANSWER = _object(
    [
        *("conversation_id", "user_message_id", "message_id", "message", "title", "usage"),
        *("outcome", "question", "question_guarding", "guarding"),
    ],
    question={**TEXT, "nullable": True, "description": "The question, where it was masked."},
    question_guarding=GUARDING,
    guarding=GUARDING,
    conversation_id=KEPT_ID,
    user_message_id=KEPT_ID,
    message_id=KEPT_ID,
    title={**TEXT, "nullable": True},
    message=TEXT,
    outcome=TEXT,
    usage=_object(
        ["prompt_tokens", "completion_tokens", "cost", "latency_ms", "first_token_ms"],
        prompt_tokens=COUNT,
        completion_tokens=COUNT,
        cost={**TEXT, "description": "A decimal, in the currency of the catalog's prices."},
        latency_ms=COUNT,
        first_token_ms={**COUNT, "nullable": True},
    ),
)
IMAGE_URL: Json = {
    "type": "string",
    "description": (
        "A public http(s) address, or a data: URL in base64, of a PNG, JPEG, GIF or WebP image. "
        "The platform fetches it and sends the model a copy without metadata, of 4096 pixels a "
        f"side at most. A request may have {IMAGES_MAX} images of {IMAGE_MAX_BYTES // 2**20} MB "
        f"each, {TOTAL_MAX_BYTES // 2**20} MB together."
    ),
}
TEXT_PART = _object(["type", "text"], type={"type": "string", "enum": ["text"]}, text=TEXT)
IMAGE_PART = _object(
    ["type", "image_url"],
    type={"type": "string", "enum": ["image_url"]},
    image_url=_object(
        ["url"],
        url=IMAGE_URL,
        detail={"type": "string", "enum": list(DETAILS), "nullable": True},
    ),
)
CONTENT: Json = {
    "oneOf": [
        {**TEXT, "nullable": True},
        {"type": "array", "items": {"oneOf": [TEXT_PART, IMAGE_PART]}},
    ],
    "description": "Text, or a list of parts. May be null beside tool calls.",
}
COMPLETION_BODY = _object(
    ["model", "messages"],
    model=MODEL,
    messages={
        "type": "array",
        "minItems": 1,
        "maxItems": MESSAGES_MAX,
        "items": _object(
            ["role"],
            role={"type": "string", "enum": sorted(ROLES)},
            content=CONTENT,
        ),
    },
    stream={"type": "boolean", "default": False},
    stream_options=_object([], include_usage={"type": "boolean"}),
    temperature=_number(0, 2),
    top_p=_number(0, 1),
    max_tokens={"type": "integer", "minimum": 1},
    max_completion_tokens={"type": "integer", "minimum": 1},
    stop={"description": "Text, or a list of texts."},
    seed={"type": "integer"},
    presence_penalty=_number(-2, 2),
    frequency_penalty=_number(-2, 2),
    tools={"type": "array", "items": {"type": "object"}},
    tool_choice={"description": "Text or an object."},
    parallel_tool_calls={"type": "boolean"},
    response_format={"type": "object"},
    reasoning_effort=TEXT,
)
COMPLETION = _object(
    ["id", "object", "created", "model", "choices", "usage"],
    id=TEXT,
    object=TEXT,
    created={"type": "integer"},
    model=TEXT,
    choices={"type": "array", "items": {"type": "object"}},
    usage=USAGE,
)
EMBEDDING_BODY = _object(
    ["model", "input"],
    model=TEXT,
    input={"description": f"Text, or a list of at most {EMBEDDING_INPUTS_MAX} texts."},
    dimensions={"type": "integer", "minimum": 1},
    encoding_format={"type": "string", "enum": ["float", "base64"]},
)
EMBEDDINGS = _object(
    ["object", "data", "model", "usage"],
    object=TEXT,
    data={"type": "array", "items": {"type": "object"}},
    model=TEXT,
    usage=USAGE,
)
GENERATOR: Json = {**TEXT, "description": "An image generator granted to a team of yours."}
VOICE_MODEL: Json = {**TEXT, "description": "An audio generator granted to a team of yours."}
IMAGE_BODY = _object(
    ["model", "prompt"],
    model=GENERATOR,
    prompt={**TEXT, "minLength": 1, "maxLength": IMAGE_PROMPT_MAX_LENGTH},
    n={"type": "integer", "minimum": 1, "maximum": IMAGES_MADE_MAX, "default": 1},
    size={**TEXT, "description": "`auto`, or width and height.", "example": "1024x1024"},
    quality=TEXT,
    style=TEXT,
    background=TEXT,
    response_format={"type": "string", "enum": ["b64_json"]},
)
IMAGES = _object(
    ["created", "data", "usage"],
    created={"type": "integer"},
    data={
        "type": "array",
        "items": _object(["b64_json"], b64_json={**TEXT, "description": "A PNG or JPEG file."}),
    },
    usage={"type": "object"},
)
SPEECH_BODY = _object(
    ["model", "input", "voice"],
    model=VOICE_MODEL,
    input={**TEXT, "minLength": 1, "maxLength": SPEECH_MAX_LENGTH},
    voice={**TEXT, "example": "alloy"},
    response_format={"type": "string", "enum": list(FORMATS), "default": "mp3"},
    speed=_number(0.25, 4),
    instructions={**TEXT, "maxLength": SPEECH_MAX_LENGTH},
)
TRANSCRIPTION_FORM = _object(
    ["model", "file"],
    model=VOICE_MODEL,
    file={
        "type": "string",
        "format": "binary",
        "description": (
            f"FLAC, MP3, MP4, Ogg, WAV or WebM, of {AUDIO_MAX_BYTES // 2**20} MB at most."
        ),
    },
    language={**TEXT, "example": "en"},
    prompt={**TEXT, "maxLength": TRANSCRIPTION_PROMPT_MAX_LENGTH},
    response_format={"type": "string", "enum": list(TRANSCRIPTS), "default": "json"},
    temperature=_number(0, 1),
    stream={"type": "boolean", "enum": [False]},
)
TRANSCRIPTION = _object(["text", "usage"], text=TEXT, usage={"type": "object"})
MODELS = _object(["object", "data"], object=TEXT, data={"type": "array", "items": {}})
COMPONENTS: Json = {
    "ProjectChatRequest": CHAT_BODY,
    "ProjectChat": CHAT_ANSWER,
    "ChatCompletionRequest": COMPLETION_BODY,
    "ChatCompletion": COMPLETION,
    "EmbeddingsRequest": EMBEDDING_BODY,
    "Embeddings": EMBEDDINGS,
    "Models": MODELS,
    "ImagesRequest": IMAGE_BODY,
    "Images": IMAGES,
    "SpeechRequest": SPEECH_BODY,
    "TranscriptionRequest": TRANSCRIPTION_FORM,
    "Transcription": TRANSCRIPTION,
}
PROJECT_ID: Json = {
    "name": "project_id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer"},
}
SOUND: Json = {
    media_type: {"schema": {"type": "string", "format": "binary"}}
    for media_type in FORMATS.values()
}
PATHS: Json = {
    "/api/projects/{project_id}/chat": {
        "post": {
            "parameters": [PROJECT_ID],
            **_post(
                "project_chat",
                "chat",
                "ProjectChat",
                summary="Say something to a project.",
                events="`start` (ids), `token` (text), then `done` (usage) or `error` (words).",
            ),
        },
    },
    "/v1/chat/completions": {
        "post": _post(
            "chat_completions",
            "openai",
            "ChatCompletion",
            summary="Complete a chat, as OpenAI's API does.",
            events="Chunks of a completion, then `[DONE]`.",
        ),
    },
    "/v1/embeddings": {
        "post": _post("embeddings", "openai", "Embeddings", summary="Turn texts into vectors."),
    },
    "/v1/images/generations": {
        "post": _post(
            "images",
            "openai",
            "Images",
            summary="Make images: files that the platform has written anew, in base64.",
        ),
    },
    "/v1/audio/speech": {
        "post": {
            **_post("speech", "openai", "Speech", summary="Speak a text."),
            "responses": {"200": {"description": "The sound.", "content": SOUND}},
        },
    },
    "/v1/audio/transcriptions": {
        "post": {
            **_post("transcriptions", "openai", "Transcription", summary="Write speech down."),
            "requestBody": {
                "required": True,
                "content": {
                    "multipart/form-data": {
                        "schema": {"$ref": "#/components/schemas/TranscriptionRequest"}
                    }
                },
            },
        },
    },
    "/v1/models": {
        "get": {
            "operationId": "models",
            "tags": ["openai"],
            "summary": "List what may be named as `model`.",
            "security": SECURITY,
            "responses": {
                "200": {
                    "description": "The models.",
                    "content": _named("Models"),
                }
            },
        },
    },
}


def add_model_calls(result: Json, **_: Any) -> Json:
    """Add the endpoints that call models (a postprocessing hook of drf-spectacular)."""
    result["paths"].update(PATHS)
    result["components"].setdefault("schemas", {}).update(COMPONENTS)
    return result

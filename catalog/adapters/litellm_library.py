"""Loading of litellm: once, late, and with everything off that the platform does not want."""

import logging
import os
from functools import cache, wraps
from typing import Any

# Read by litellm while it is imported: no downloads of price lists and the like, no .env file,
# no debug output.
IMPORT_SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "CRITICAL",
    # Credentials are those of the provider account, never those of the machine.
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_GCE_CHECK": "true",
}
LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "openai", "httpx", "httpcore")


@cache
def library() -> Any:
    """Return the litellm module, set up. Takes seconds the first time: call it in a thread."""
    os.environ.update(IMPORT_SETTINGS)
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.drop_params = True
    litellm.num_retries = 0
    litellm.disable_aiohttp_trust_env = True
    for name in LOGGERS:
        # Its messages quote prompts and answers.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _use_our_session()
    _try_once()
    return litellm


def _use_our_session() -> None:
    """Make every client that litellm builds connect through the platform's way out.

    litellm takes a session as an argument of its calls but hands it on to few providers, while
    all of them get their transport from this one factory. The synchronous clients, which some
    providers use to ask for details of a model, are refused.
    """
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler

    from catalog.adapters.litellm_transport import SynchronousTransport, new_transport

    AsyncHTTPHandler.create_async_transport = staticmethod(new_transport)
    AsyncHTTPHandler.create_httpx_proxy_mounts = staticmethod(lambda *_, **__: None)
    HTTPHandler._create_sync_transport = lambda _: SynchronousTransport()
    HTTPHandler._create_sync_proxy_mounts = staticmethod(lambda **_: None)


def _try_once() -> None:
    """Make OpenAI's client, which litellm builds for many providers, send a request once.

    For images litellm does not hand on how often to try, and an image made twice is paid for twice.
    """
    from litellm.llms.openai.openai import OpenAIChatCompletion

    build = OpenAIChatCompletion._get_openai_client

    @wraps(build)
    def once(self: Any, *args: Any, **kwargs: Any) -> Any:
        return build(self, *args, **{**kwargs, "max_retries": 0})

    OpenAIChatCompletion._get_openai_client = once

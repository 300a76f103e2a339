"""Loading of litellm: once, late, and with everything off that the platform does not want."""

import logging
import os
from functools import cache
from typing import Any

from restai_site.lib import egress

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
    return litellm


def _use_our_session() -> None:
    """Make every asynchronous client that litellm builds connect through the platform's session.

    litellm takes a session as an argument of its calls but hands it on to few providers, while
    all of them get their transport from this one factory.
    """
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    class Transport(LiteLLMAiohttpTransport):  # type: ignore[misc]  # the base is untyped here
        def get_valid_client_session(self) -> Any:
            return egress.session()

        async def aclose(self) -> None:
            """Leave the session open: it is not the client's."""

    def transport(**_: Any) -> Transport:
        return Transport(client=egress.session, owns_session=False)

    AsyncHTTPHandler.create_async_transport = staticmethod(transport)

"""The command line of the web server."""

import sys

APPLICATION = "restai_site.asgi:application"
# How long open streams may go on when the server is asked to end.
GRACEFUL_SECONDS = 2


def command(host: str, port: int, workers: int = 1) -> list[str]:
    """Return the command line that serves at `host` and `port`.

    Forwarded addresses are left to the application, which believes counted proxies only.
    """
    return [
        *(sys.executable, "-m", "uvicorn", "--host", host, "--port", str(port)),
        *("--workers", str(workers), "--loop", "uvloop", "--http", "httptools"),
        *("--ws", "none", "--lifespan", "off", "--no-proxy-headers", "--no-server-header"),
        *("--no-access-log", "--log-level", "warning"),
        *("--timeout-graceful-shutdown", str(GRACEFUL_SECONDS)),
        APPLICATION,
    ]

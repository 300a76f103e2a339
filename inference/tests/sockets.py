"""Talking to a real server: requests by hand, many at once, and the processes that answer."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Barrier
from urllib.parse import urlsplit

import psutil

WAIT_SECONDS = 10


def send(server, path, key, body):
    """Send a request by hand and return the open socket."""
    address = urlsplit(server.url)
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    connection = socket.create_connection((address.hostname, address.port), timeout=WAIT_SECONDS)
    connection.sendall(head.encode() + data)
    return connection


def workers_of(server):
    """Return the processes of `server` that answer requests."""
    return [child for child in psutil.Process(server.process.pid).children() if _answers(child)]


def _answers(child):
    try:
        return "resource_tracker" not in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False


def ask(server, key, body, path="/v1/chat/completions"):
    """Return status, headers and body of one call over a connection of its own."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def at_once(server, calls):
    """Make all calls at the same moment."""
    start = Barrier(len(calls))

    def one(call):
        start.wait()
        return ask(server, *call)

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(one, calls))


def streamed_while(program, path, body, meanwhile):
    """Stream a slow answer, call `meanwhile` once it has begun, and return all events.

    Each is a name, empty where the surface names none, and what was said.
    """
    events, name = [], ""
    with program.stream("POST", path, json=body | {"stream": True}) as response:
        assert response.status_code == 200
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: {"):
                events.append([name, json.loads(line.removeprefix("data: "))])
                if len(events) == 2:
                    meanwhile()
    return events

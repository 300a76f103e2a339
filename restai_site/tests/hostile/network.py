"""A network in which every address answers and every name server lies.

Inside a network namespace all addresses of the world are local: a connection that should not have
been made is not lost on the way but arrives, and is seen. Nothing leaves the machine.
"""

import asyncio
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import orjson

# All ports that the corpus and the libraries name: where nobody listens, nothing is seen.
PORTS = (22, 25, 80, 443, 1900, 6379, 8000, 8080, 11211, 11434)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63"
    "64f8cf500f00038601805a349a7c0000000049454e44ae426082"
)
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
}
UDP_MAX_BYTES = 512
CONTACT_SECONDS = 2.0
# The contact is what is looked for; there is no certificate that would be believed.
TLS_HANDSHAKE = b"\x16"


def open_every_address() -> None:
    """Make every IPv4 and IPv6 address one of this machine's; for a fresh network namespace."""
    for command in (
        "ip link set lo up",
        "ip route add local 0.0.0.0/0 dev lo",
        "ip -6 route add local ::/0 dev lo",
    ):
        subprocess.run(command.split(), check=True)


def use_name_server(folder: Path) -> None:
    """Point the resolver of this mount namespace at loopback."""
    configuration = folder / "resolv.conf"
    configuration.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", str(configuration), "/etc/resolv.conf"], check=True)


@dataclass
class Network:
    """The listeners. `contacts` are the addresses that were connected to since `begin`."""

    names: dict[str, list[list[str]]] = field(default_factory=dict)
    redirects: dict[str, tuple[int, str]] = field(default_factory=dict)
    contacts: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    # What names that no case speaks of resolve to.
    anything: list[str] = field(default_factory=list)

    def begin(self, names: dict[str, list[list[str]]], redirect: list | None, path: str) -> None:
        """Forget what was, and answer as this case wants it."""
        self.names.clear()
        self.names.update({name.lower(): answers for name, answers in names.items()})
        self.redirects.clear()
        if redirect:
            self.redirects[path] = (redirect[0][0], redirect[0][1])
        for seen in (self.contacts, self.heads, self.asked):
            seen.clear()

    def start(self) -> None:
        """Listen, in a thread of this process."""
        ready = threading.Event()
        threading.Thread(target=self._run, args=[ready], daemon=True).start()
        ready.wait()

    def wait_for_contact(self) -> None:
        """Give the listening thread the time to see a connection that was made."""
        end = time.monotonic() + CONTACT_SECONDS
        while not self.contacts and time.monotonic() < end:
            time.sleep(0.005)

    def _run(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        for port in PORTS:
            loop.run_until_complete(asyncio.start_server(self._visited, None, port))
        loop.run_until_complete(asyncio.start_server(self._asked_by_tcp, "127.0.0.1", 53))
        endpoint = loop.create_datagram_endpoint(lambda: _Names(self), ("127.0.0.1", 53))
        loop.run_until_complete(endpoint)
        ready.set()
        loop.run_forever()

    async def _visited(self, reader, writer) -> None:
        self.contacts.append(writer.get_extra_info("sockname")[0].removeprefix("::ffff:"))
        try:
            first = await asyncio.wait_for(reader.readexactly(1), 3)
            if first == TLS_HANDSHAKE:
                return
            rest = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
            head = (first + rest).decode("latin-1")
            self.heads.append(head)
            writer.write(self._answer(head))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    def _answer(self, head: str) -> bytes:
        method, path, _ = head.split(" ", 2)
        status, target = next(
            (found for start, found in self.redirects.items() if path.startswith(start)), (200, "")
        )
        kind, body = "application/json", orjson.dumps(ANSWER)
        if method == "GET":
            kind, body = "image/png", PIXEL
        extra = (
            target if target.startswith("Refresh") else f"Location: {target}" if target else "A: b"
        )
        lines = [f"HTTP/1.1 {status} Well", f"Content-Type: {kind}", "Connection: close"]
        lines += [extra] * bool(target)
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    async def _asked_by_tcp(self, reader, writer) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        answer = self.resolved(await reader.readexactly(size))
        writer.write(len(answer).to_bytes(2) + answer)
        await writer.drain()
        writer.close()

    def resolved(self, question: bytes) -> bytes:
        """Return the answer to a question; each question of a name gets its next answer."""
        query = dns.message.from_wire(question)
        name, kind = query.question[0].name, query.question[0].rdtype
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        key = name.to_text(omit_final_dot=True).lower()
        answers = self.names.get(key, [self.anything])
        turn = f"{key} {kind}"
        addresses = answers[min(self.asked.get(turn, 0), len(answers) - 1)]
        self.asked[turn] = self.asked.get(turn, 0) + 1
        wanted = [one for one in addresses if (":" in one) == (kind == dns.rdatatype.AAAA)]
        if wanted and kind in {dns.rdatatype.A, dns.rdatatype.AAAA}:
            answer.answer.append(dns.rrset.from_text_list(name, 0, "IN", kind, wanted))
        return answer.to_wire()


class _Names(asyncio.DatagramProtocol):
    def __init__(self, network: Network) -> None:
        self._network = network

    def connection_made(self, transport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address) -> None:
        answer = self._network.resolved(data)
        if len(answer) > UDP_MAX_BYTES:
            query = dns.message.from_wire(data)
            cut = dns.message.make_response(query)
            cut.flags |= dns.flags.TC
            # The full answer comes over TCP, and is counted once.
            turn = f"{query.question[0].name.to_text(omit_final_dot=True).lower()} "
            turn += str(query.question[0].rdtype)
            self._network.asked[turn] -= 1
            answer = cut.to_wire()
        self._transport.sendto(answer, address)

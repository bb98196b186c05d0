"""A name server for tests."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.rcode
import dns.rrset


class Zone:
    """What a name server answers: TXT records by name; `mute`: nothing at all."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.mute = False

    def answer(self, question: dns.message.Message) -> dns.message.Message | None:
        if self.mute:
            return None
        response = dns.message.make_response(question)
        name = question.question[0].name
        texts = self.texts.get(name.to_text(omit_final_dot=True))
        if texts is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif texts:
            quoted = [f'"{text}"' for text in texts]
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *quoted))
        return response


@contextmanager
def serve() -> Iterator[tuple[Zone, str]]:
    """A real one on loopback: what it answers, and its address."""
    zone = Zone()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, socket = self.request
            response = zone.answer(dns.message.from_wire(data))
            if response:
                socket.sendto(response.to_wire(), self.client_address)

    with socketserver.UDPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield zone, f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()

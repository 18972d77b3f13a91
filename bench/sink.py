"""An SMTP server that takes everything, checks that it is whole, and does little else: ``python -m bench.sink``.

A process of its own, driven by JSON lines over a socket it inherits (``sink_process`` is the other end); it ends when
that closes. Requests: ``{"do": "set", "rtt": seconds, "hold": seconds, "black_holes": [ports]}``, ``{"do": "count"}``,
``{"do": "report"}``, ``{"do": "forget"}``.
"""

import asyncio
import gc
import json
import socket
import ssl
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from bench.ledger import Ledger
from bench.sink_connection import Behaviour, Connection
from bench.sink_session import Features

_BACKLOG: Final = 512


class Sink:
    """The listeners of one process, and what they share."""

    def __init__(self, certificate: Path, features: Features) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.behaviour = Behaviour(features, context, Ledger())

    async def listen(self, count: int) -> list[int]:
        """Open that many free ports on the loopback."""
        loop = asyncio.get_running_loop()
        ports: list[int] = []
        for _ in range(count):
            listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
            port = listener.getsockname()[1]
            await loop.create_server(partial(Connection, self.behaviour, port), sock=listener, backlog=_BACKLOG)
            ports.append(port)
        return ports

    def do(self, request: dict[str, Any]) -> dict[str, Any]:
        """Obey; the answer is JSON's."""
        behaviour, ledger = self.behaviour, self.behaviour.ledger
        match request["do"]:
            case "set":
                behaviour.rtt = request.get("rtt", behaviour.rtt)
                behaviour.hold = request.get("hold", behaviour.hold)
                behaviour.black_holes = frozenset(request.get("black_holes", behaviour.black_holes))
            case "count":
                return {"arrived": len(ledger.arrivals), "answered": ledger.answered}
            case "report":
                return ledger.to_json()
            case "forget":
                # Connections keep their ledger: it is emptied, not replaced.
                for field in fields(Ledger):
                    setattr(ledger, field.name, getattr(Ledger(), field.name))
                gc.collect()
            case other:
                raise ValueError(f"a sink does not know how to {other}")
        return {}


async def serve(sink: Sink, ports: int, control: socket.socket) -> None:
    """Listen, say on which ports, and obey until the other end of the control socket closes."""
    reader, writer = await asyncio.open_connection(sock=control)
    answer: dict[str, Any] = {"ports": await sink.listen(ports)}
    while True:
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        line = await reader.readline()
        if not line:
            break
        answer = sink.do(json.loads(line))
    writer.close()


@click.command()
@click.option("--control", type=int, required=True, help="The inherited socket's number.")
@click.option("--certificate", type=click.Path(path_type=Path), required=True)
@click.option("--ports", type=int, default=1)
@click.option("--starttls", is_flag=True)
@click.option("--without", type=click.Choice(["pipelining", "chunking"]), multiple=True)
def main(control: int, certificate: Path, ports: int, *, starttls: bool, without: tuple[str, ...]) -> None:
    """Run a sink until its parent lets go of it."""
    features = Features(
        implicit_tls=not starttls, pipelining="pipelining" not in without, chunking="chunking" not in without
    )
    # Nothing here makes cycles, and a collection over a million arrivals would be measured as the senders' latency.
    gc.disable()
    with socket.socket(fileno=control) as inherited:
        asyncio.run(serve(Sink(certificate, features), ports, inherited))


if __name__ == "__main__":
    main()

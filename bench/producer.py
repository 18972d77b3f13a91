"""A program of the platform that hands in mail: a process of its own, by ``portal.create_sender()`` alone.

Requests: ``{"do": "batches", "work", "kind", "batch", "send_at"}``: as fast as it goes, by ``send_many()``;
``{"do": "paced", "work", "kind", "every"}``: open loop, one ``send()`` at its time whatever became of the last one.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

import click

import portal
from bench import mail
from bench.helper import Control
from bench.work import Work
from portal.services.sending import Outgoing, Sender

_THREADS: Final = 8
_SPREAD: Final = 0.25
"""Of the time between two paced messages, so that they do not beat in time with anything."""


def outgoing(number: int, kind: str, *, text: str = mail.TEXT, send_at: datetime | None = None) -> Outgoing:
    return Outgoing(
        kind,
        mail.recipient(number),
        mail.subject(number),
        text=text,
        headers=((mail.MARK, str(number)),),
        send_at=send_at,
    )


def send_in_batches(sender: Sender, work: Work, request: dict[str, Any]) -> dict[str, Any]:
    """Hand in all of it, a batch of one tenant's at a time, the tenants in turn."""
    send_at = datetime.fromisoformat(request["send_at"]) if request.get("send_at") else None
    text, size = request.get("text", mail.TEXT), request["batch"]
    queues = [(account.name, work.numbers_of(place)) for place, account in enumerate(work.accounts)]
    began, cpu = time.monotonic(), time.process_time()
    while queues:
        for tenant, numbers in queues:
            sender.send_many(tenant, [outgoing(n, request["kind"], text=text, send_at=send_at) for n in numbers[:size]])
        queues = [(tenant, numbers[size:]) for tenant, numbers in queues if len(numbers) > size]
    return {"began": began, "accepted": time.monotonic(), "cpu": time.process_time() - cpu}


def send_in_time(sender: Sender, work: Work, request: dict[str, Any]) -> dict[str, Any]:
    """Hand in one message at its time, from threads, so that a slow ``send()`` delays no other."""
    submitted: dict[int, float] = {}
    late: list[float] = []

    def send(number: int, due: float) -> None:
        message = outgoing(number, request["kind"])
        submitted[number] = time.monotonic()
        late.append(submitted[number] - due)
        sender.send(
            work.account_of(number).name,
            kind=message.kind,
            to=message.to,
            subject=message.subject,
            text=message.text,
            headers=message.headers,
        )

    jitter = random.Random(work.first)  # noqa: S311 - spreads a load, alike in each repetition
    cpu, due = time.process_time(), time.monotonic()
    with ThreadPoolExecutor(_THREADS) as threads:
        sends = []
        for number in work.numbers:
            time.sleep(max(due - time.monotonic(), 0))
            sends.append(threads.submit(send, number, due))
            due += request["every"] * jitter.uniform(1 - _SPREAD, 1 + _SPREAD)
        for one in sends:
            one.result()
    return {"submitted": list(submitted.items()), "latest": max(late), "cpu": time.process_time() - cpu}


_DOES: Final = {"batches": send_in_batches, "paced": send_in_time}


@click.command()
@click.option("--control", type=int, required=True, help="The inherited socket's number.")
def main(control: int) -> None:
    """Hand in mail as told."""
    with Control(control) as line:
        sender = portal.create_sender()
        line.answer(ready=True)
        for request in line.requests():
            line.answer(**_DOES[request["do"]](sender, Work.from_json(request["work"]), request))


if __name__ == "__main__":
    main()

"""The same work by other senders, in a process of their own.

Requests: ``{"do": NAME, "work", "ca_file"}``, and for what feeds Postfix ``"port"`` (and ``"every"`` when paced).
"""

import asyncio
import random
import smtplib
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import aiosmtplib
import click

from bench import mail
from bench.helper import Control
from bench.work import Account, Work

_THREADS: Final = 20
_FEEDERS: Final = 16
_PATIENCE: Final = 60.0


def smtplib_fresh(work: Work, request: dict[str, Any]) -> None:
    """A connection for each message, one TLS context for all, 20 threads."""
    context = ssl.create_default_context(cafile=request["ca_file"])

    def send(number: int) -> None:
        account = work.account_of(number)
        with _signed_in(account, context) as client:
            _send(client, account, number)

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(send, work.numbers))


def smtplib_kept(work: Work, request: dict[str, Any]) -> None:
    """One connection for each tenant, kept for all its messages, 20 threads."""
    context = ssl.create_default_context(cafile=request["ca_file"])

    def send(place: int) -> None:
        account = work.accounts[place]
        with _signed_in(account, context) as client:
            for number in work.numbers_of(place):
                _send(client, account, number)

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(send, range(len(work.accounts))))


def _signed_in(account: Account, context: ssl.SSLContext) -> smtplib.SMTP_SSL:
    client = smtplib.SMTP_SSL("localhost", account.port, context=context, timeout=_PATIENCE)
    client.login(account.name, mail.password_of(account.name))
    return client


def _send(client: smtplib.SMTP_SSL, account: Account, number: int) -> None:
    client.sendmail(mail.sender_of(account.name), [mail.recipient(number)], mail.composed(account.name, number))


async def aiosmtplib_kept(work: Work, request: dict[str, Any]) -> None:
    """One connection for each tenant, kept, all tenants at once."""
    context = ssl.create_default_context(cafile=request["ca_file"])

    async def send(place: int) -> None:
        account = work.accounts[place]
        client = aiosmtplib.SMTP(hostname="localhost", port=account.port, use_tls=True, tls_context=context)
        async with client:
            await client.auth_plain(account.name, mail.password_of(account.name))
            for number in work.numbers_of(place):
                content = mail.composed(account.name, number)
                await client.sendmail(mail.sender_of(account.name), [mail.recipient(number)], content)

    await asyncio.gather(*map(send, range(len(work.accounts))))


class _Feeder:
    """One connection that hands mail in to Postfix."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> "_Feeder":
        feeder = cls(*await asyncio.open_connection("127.0.0.1", port))
        await feeder._expect(b"220")
        await feeder.say(b"EHLO feeder.bench.example\r\n", b"250")
        return feeder

    async def hand_in(self, numbers: Iterator[int], work: Work) -> None:
        """Hand in message after message; the end of one and the beginning of the next are one flight (RFC 2920)."""
        end, replies = b"", list[bytes]()
        for number in numbers:
            account = work.account_of(number).name
            begin = f"MAIL FROM:<{mail.sender_of(account)}>\r\nRCPT TO:<{mail.recipient(number)}>\r\nDATA\r\n"
            await self.say(end + begin.encode("ascii"), *replies, b"250", b"250", b"354")
            end, replies = mail.composed(account, number).replace(b"\r\n.", b"\r\n..") + b".\r\n", [b"250"]
        if end:
            await self.say(end, *replies)

    async def say(self, octets: bytes, *replies: bytes) -> None:
        self._writer.write(octets)
        for code in replies:
            await self._expect(code)

    async def _expect(self, code: bytes) -> None:
        line = await self._reader.readline()
        while line[3:4] == b"-":
            line = await self._reader.readline()
        if not line.startswith(code):
            raise ConnectionError(f"Postfix says {line!r}")

    async def close(self) -> None:
        await self.say(b"QUIT\r\n", b"221")
        self._writer.close()
        await self._writer.wait_closed()


async def feed(work: Work, request: dict[str, Any]) -> None:
    """Hand all of it in to Postfix, durably, over 16 connections at once."""
    numbers = iter(work.numbers)  # shared: whichever connection is free takes the next

    async def hand_in() -> None:
        feeder = await _Feeder.to(request["port"])
        await feeder.hand_in(numbers, work)
        await feeder.close()

    await asyncio.gather(*(hand_in() for _ in range(_FEEDERS)))


async def feed_in_time(work: Work, request: dict[str, Any]) -> dict[str, Any]:
    """Hand in one message at its time, over connections that are open already."""
    submitted: dict[int, float] = {}
    free = [await _Feeder.to(request["port"]) for _ in range(_FEEDERS)]

    async def send(number: int) -> None:
        feeder = free.pop() if free else await _Feeder.to(request["port"])
        submitted[number] = time.monotonic()
        await feeder.hand_in(iter((number,)), work)
        free.append(feeder)

    jitter, due = random.Random(work.first), time.monotonic()  # noqa: S311 - spreads a load, alike each time
    async with asyncio.TaskGroup() as sends:
        for number in work.numbers:
            await asyncio.sleep(max(due - time.monotonic(), 0))
            sends.create_task(send(number))
            due += request["every"] * jitter.uniform(0.75, 1.25)
    for feeder in free:
        await feeder.close()
    return {"submitted": list(submitted.items())}


_BLOCKING: Final[dict[str, Callable[[Work, dict[str, Any]], None]]] = {
    "smtplib_fresh": smtplib_fresh,
    "smtplib_kept": smtplib_kept,
}
_ASYNC: Final[dict[str, Callable[[Work, dict[str, Any]], Awaitable[dict[str, Any] | None]]]] = {
    "aiosmtplib_kept": aiosmtplib_kept,
    "feed": feed,
    "feed_in_time": feed_in_time,
}


async def _run(name: str, work: Work, request: dict[str, Any]) -> dict[str, Any]:
    return await _ASYNC[name](work, request) or {}


@click.command()
@click.option("--control", type=int, required=True, help="The inherited socket's number.")
def main(control: int) -> None:
    """Send as told."""
    with Control(control) as line:
        line.answer(ready=True)
        for request in line.requests():
            work, name = Work.from_json(request["work"]), request["do"]
            began, cpu = time.monotonic(), time.process_time()
            said: dict[str, Any] = {}
            if name in _BLOCKING:
                _BLOCKING[name](work, request)
            else:
                said = asyncio.run(_run(name, work, request))
            line.answer(began=began, cpu=time.process_time() - cpu, **said)


if __name__ == "__main__":
    main()

"""What the wire promises to those who decide upon it: whether all has left, and that nothing is waited for too long."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from portal.smtp.deadlines import Deadline
from portal.smtp.wire import Wire

MIB = 1024 * 1024


@asynccontextmanager
async def wire_to_a_peer() -> AsyncIterator[tuple[Wire, socket.socket]]:
    ours, peer = socket.socketpair()
    _, wire = await asyncio.get_running_loop().create_connection(Wire, sock=ours)
    try:
        yield wire, peer
    finally:
        wire.abort()
        peer.close()
        await asyncio.sleep(0)


def test_what_the_operating_system_has_not_taken_is_unsent() -> None:
    async def scenario() -> None:
        async with wire_to_a_peer() as (wire, peer):
            wire.write(b"x" * MIB)
            assert wire.has_unsent
            received = 0
            while received < MIB:
                received += len(await asyncio.to_thread(peer.recv, MIB))
            while wire.has_unsent:
                await wire.activity(Deadline.after(5))

    asyncio.run(scenario())


def test_what_is_lost_stays_unsent() -> None:
    async def scenario() -> None:
        async with wire_to_a_peer() as (wire, peer):
            wire.write(b"x" * MIB)
            peer.close()
            while not wire.has_ended:
                await wire.activity(Deadline.after(5))
            assert wire.has_unsent

    asyncio.run(scenario())


def test_what_is_written_after_the_end_was_never_sent() -> None:
    async def scenario() -> None:
        async with wire_to_a_peer() as (wire, _):
            assert not wire.has_unsent
            wire.abort()
            wire.write(b"too late")
            assert wire.has_unsent

    asyncio.run(scenario())


def test_a_write_that_fails_at_once_was_never_sent() -> None:
    async def scenario() -> None:
        async with wire_to_a_peer() as (wire, peer):
            peer.close()
            wire.write(b"nobody reads this")
            assert wire.has_unsent

    asyncio.run(scenario())


def test_bytes_that_are_there_extend_no_deadline() -> None:
    async def scenario() -> None:
        async with wire_to_a_peer() as (wire, peer):
            peer.send(b"x")
            await wire.activity(Deadline.after(5))
            with pytest.raises(TimeoutError):
                await wire.activity(Deadline.after(-1))

    asyncio.run(scenario())


def test_a_peer_that_is_not_read_is_made_to_wait() -> None:
    async def scenario() -> None:
        async with wire_to_a_peer() as (wire, peer):
            peer.setblocking(False)
            for _ in range(100):
                try:
                    peer.send(b"x" * MIB)
                except BlockingIOError:
                    await asyncio.sleep(0.001)
            assert len(wire.take()) < 64 * 1024
            await wire.activity(Deadline.after(5))
            assert wire.take()

    asyncio.run(scenario())

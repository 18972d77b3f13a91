"""A TCP connection whose peer cannot make us hold more than a little memory (DESIGN section 4, "TLS memory")."""

import asyncio
import select
from typing import Final

from portal.smtp.deadlines import Deadline

_READ_BYTES: Final = 4 * 1024
"""What one read may bring. asyncio's own 256 KiB a connection is what makes thousands of them dear."""
_HIGH_WATER: Final = 32 * 1024
"""Unread bytes at which the peer is made to wait."""


class Wire(asyncio.BufferedProtocol):
    """Bytes as they come and go, unencrypted or not.

    ``activity()`` is the one thing to wait for; everything else answers at once.

    Attributes:
        has_ended: Whether either side has closed, or the connection is lost: no byte will follow those received.
    """

    def __init__(self) -> None:
        self.has_ended = False
        self._transport: asyncio.Transport | None = None
        self._read_buffer = bytearray(_READ_BYTES)
        self._received = bytearray()
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._is_blocked = False
        self._has_dropped = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a wire is a stream")
        # With a limit of nothing, asyncio tells as soon as the last byte is with the operating system.
        transport.set_write_buffer_limits(high=0)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        return self._read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._received += memoryview(self._read_buffer)[:nbytes]
        if len(self._received) >= _HIGH_WATER and self._transport is not None:
            self._transport.pause_reading()
            self._is_paused = True
        self._wake()

    def eof_received(self) -> None:
        self.has_ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.has_ended = True
        self._wake()

    def pause_writing(self) -> None:
        self._is_blocked = True

    def resume_writing(self) -> None:
        self._is_blocked = False
        self._wake()

    # What we call

    @property
    def has_unsent(self) -> bool:
        """Whether the operating system has not taken all that was written, or never will."""
        return self._is_blocked or self._has_dropped

    @property
    def peer(self) -> str:
        """The address at the other end as text, or an empty string when there is none any more."""
        name = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(name[0]) if name else ""

    @property
    def has_unread(self) -> bool:
        """Whether the operating system holds bytes, or an end, that the loop has not looked at yet."""
        if self._transport is None or self._transport.is_closing():
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def write(self, data: bytes | memoryview) -> None:
        if self._transport is None or self._transport.is_closing():
            self._has_dropped = True
            return
        self._transport.write(data)
        # A write that fails closes the transport and says no more, so that the loss would look like success.
        self._has_dropped = self._has_dropped or self._transport.is_closing()

    def take(self) -> bytes:
        """Everything received and not yet taken, possibly nothing."""
        data = bytes(self._received)
        self._received.clear()
        if self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()
        return data

    async def activity(self, deadline: Deadline) -> None:
        """Wait until bytes are here, or the end, or all that was written is sent.

        Raises:
            TimeoutError: The deadline has passed. It has also when bytes are there: a drip extends nothing.
        """
        if deadline.has_passed:
            raise TimeoutError
        if self._received or self.has_ended:
            return
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(deadline.remaining(), _time_out, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def close(self) -> None:
        """Close once everything is sent."""
        self.has_ended = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now; what is unsent is never sent."""
        self.has_ended = True
        if self._transport is not None:
            self._transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _time_out(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())

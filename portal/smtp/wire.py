"""A TCP connection whose peer cannot make us hold more than a little memory (DESIGN section 4, "TLS memory")."""

import asyncio
import select
import threading
from collections.abc import Callable
from typing import Final

from portal.smtp.deadlines import Deadline

_READ_BYTES: Final = 4 * 1024
"""What one read may bring. asyncio's own 256 KiB a connection is what makes thousands of them dear."""
_HIGH_WATER: Final = 32 * 1024
"""Unread bytes at which the peer is made to wait."""


class _ReadBuffer(threading.local):
    """Where a read puts its bytes, which are taken out before the next one: one for all connections of a thread."""

    def __init__(self) -> None:
        self.octets = bytearray(_READ_BYTES)


_READ_BUFFER: Final = _ReadBuffer()


class Wire(asyncio.BufferedProtocol):
    """Bytes as they come and go, unencrypted or not.

    ``activity()`` is the one thing to wait for; everything else answers at once.

    Attributes:
        has_ended: Whether either side has closed, or the connection is lost: no byte will follow those received.
        when_unasked: Called when something comes, or the end, while nobody waits for it.
    """

    def __init__(self) -> None:
        self.has_ended = False
        self.when_unasked: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._limit = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._poll = select.poll()
        self._is_blocked = False
        self._has_dropped = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a wire is a stream")
        # With a limit of nothing, asyncio tells as soon as the last byte is with the operating system.
        transport.set_write_buffer_limits(high=0)
        self._transport = transport
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        return _READ_BUFFER.octets

    def buffer_updated(self, nbytes: int) -> None:
        self._received += memoryview(_READ_BUFFER.octets)[:nbytes]
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
        self.when_unasked = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

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
    def has_received(self) -> bool:
        """Whether bytes are here that were not taken yet."""
        return bool(self._received)

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
        return bool(self._poll.poll(0))

    def write(self, data: bytes | memoryview) -> None:
        if self._transport is None or self._transport.is_closing():
            self._has_dropped = True
            return
        self._transport.write(data)
        # A write that fails closes the transport and says no more, so that the loss would look like success.
        self._has_dropped = self._has_dropped or self._transport.is_closing()

    def take(self) -> bytes:
        """Everything received and not yet taken, possibly nothing."""
        if not self._received:
            return b""
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
        self._limit = loop.time() + deadline.remaining()
        # One alarm serves wait after wait: it is moved when it would come too late, and looks again when too soon.
        if self._alarm is None or self._alarm.when() > self._limit:
            self._set_alarm(loop)
        try:
            await waiter
        finally:
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
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
        elif self.when_unasked is not None:
            self.when_unasked()

    def _set_alarm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = loop.call_at(self._limit, self._time_out, loop)

    def _time_out(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        if self._waiter is None or self._waiter.done():
            return
        if loop.time() < self._limit:
            self._set_alarm(loop)
        else:
            self._waiter.set_exception(TimeoutError())

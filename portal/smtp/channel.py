"""Bytes to and from one server, in clear text or through TLS."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from portal.smtp.deadlines import Deadline
from portal.smtp.wire import Wire

_PLAINTEXT_BYTES: Final = 16 * 1024  # of one TLS record (RFC 8446 section 5.1)


class Channel:
    """A wire, and once ``secure()`` was called, TLS over it.

    TLS runs over memory buffers of our own rather than asyncio's: they hold what is there and not 256 KiB each, the
    bytes between clear text and TLS are seen, and it is known what has left.

    Attributes:
        tls: Set once the channel is encrypted.
        first_bytes: How the server's side of the handshake began, for the reader of errors.
    """

    def __init__(self, wire: Wire) -> None:
        self.tls: ssl.SSLObject | None = None
        self.first_bytes = b""
        self._wire = wire
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._has_closed = False

    @property
    def has_ended(self) -> bool:
        """Whether no byte will follow those received."""
        return self._has_closed or self._wire.has_ended

    @property
    def has_unsent(self) -> bool:
        """Whether the operating system has not taken all that was written, or never will."""
        return self._wire.has_unsent

    @property
    def has_received(self) -> bool:
        """Whether bytes are here that ``receive()`` has not given yet."""
        return self._wire.has_received

    @property
    def has_unread(self) -> bool:
        """Whether the operating system holds bytes, or an end, that the loop has not looked at yet."""
        return self._wire.has_unread

    def when_unasked(self, call: Callable[[], None]) -> None:
        """Call when something comes, or the end, while nobody waits for it."""
        self._wire.when_unasked = call

    @property
    def summary(self) -> str | None:
        """``TLSv1.3 TLS_AES_256_GCM_SHA384``, or None in clear text."""
        if self.tls is None or (cipher := self.tls.cipher()) is None:
            return None
        return f"{self.tls.version()} {cipher[0]}"

    @property
    def certificate_expiry(self) -> float | None:
        """When the server's certificate ends, in seconds since the epoch; None when none was verified."""
        certificate = self.tls.getpeercert() if self.tls is not None else None
        expiry = certificate.get("notAfter") if certificate else None
        return float(ssl.cert_time_to_seconds(expiry)) if isinstance(expiry, str) else None

    @property
    def certificate_octets(self) -> bytes | None:
        """The server's certificate in DER, verified or not."""
        return self.tls.getpeercert(binary_form=True) if self.tls is not None else None

    async def secure(self, context: ssl.SSLContext, server_hostname: str, deadline: Deadline) -> None:
        """Do the handshake. The caller has made sure that nothing is left unread.

        Raises:
            ssl.SSLError: The handshake failed.
            EOFError: The server has closed.
            TimeoutError: The deadline has passed.
        """
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        try:
            while not self._has_shaken_hands(tls):
                if self._wire.has_ended:
                    raise EOFError
                self._wire.write(self._outgoing.read())
                await self._wire.activity(deadline)
                arrived = self._wire.take()
                self.first_bytes = self.first_bytes or arrived[:8]
                self._incoming.write(arrived)
        finally:
            self._wire.write(self._outgoing.read())  # our last message, or the alert that says why we leave
        self.tls = tls

    @staticmethod
    def _has_shaken_hands(tls: ssl.SSLObject) -> bool:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def write(self, data: bytes | memoryview) -> None:
        """Hand over. The caller keeps pieces small, since all of it is held until it is sent."""
        if self.tls is None:
            self._wire.write(data)
            return
        try:
            self.tls.write(data)
        except ssl.SSLError:
            self._has_closed = True
        self._wire.write(self._outgoing.read())

    def receive(self) -> bytes:
        """Everything that has come and was not received yet, possibly nothing."""
        arrived = self._wire.take()
        if self.tls is None or not arrived:
            return arrived
        self._incoming.write(arrived)
        pieces = []
        try:
            while piece := self.tls.read(_PLAINTEXT_BYTES):
                pieces.append(piece)
                if not self._incoming.pending and not self.tls.pending():
                    break  # rather than be told by an exception that there is no more
            else:
                self._has_closed = True  # close_notify: the end, as TLS says it
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._has_closed = True  # a broken record or an alert: nothing after it can be believed
        if self._outgoing.pending:
            self._wire.write(self._outgoing.read())  # e.g. the answer to a key update
        return b"".join(pieces)

    async def activity(self, deadline: Deadline, *, or_go_on: bool = False) -> None:
        """Wait until bytes are here, or the end, or all that was written is sent.

        Args:
            deadline: How long.
            or_go_on: Only let the loop have a turn: for who has more to write, and must hear what comes meanwhile.

        Raises:
            TimeoutError: The deadline has passed.
        """
        if or_go_on and not deadline.has_passed:
            await asyncio.sleep(0)
        elif not self._has_closed:
            await self._wire.activity(deadline)

    def close(self) -> None:
        """Close in good manners once everything is sent, without waiting for the server's."""
        if self.tls is not None and not self.has_ended:
            with suppress(ssl.SSLError):  # it wants to wait for the server's goodbye, which we do not
                self.tls.unwrap()
            self._wire.write(self._outgoing.read())
        self._wire.close()

    def abort(self) -> None:
        self._wire.abort()

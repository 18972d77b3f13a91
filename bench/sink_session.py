"""The sink's side of an SMTP conversation: bytes in, replies out. No socket in here."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bench import mail
from bench.ledger import Arrival, Ledger

_LARGEST: Final = 35_000_000
_LONGEST_LINE: Final = 4096
_SIGNATURE: Final = b"DKIM-Signature:"


@dataclass(frozen=True, slots=True)
class Features:
    """What the server is and announces."""

    implicit_tls: bool = True
    pipelining: bool = True
    chunking: bool = True


@dataclass(slots=True)
class Session:
    """One conversation, from the greeting to QUIT.

    Attributes:
        is_encrypted: Sign-in is offered from then on.
        account: Who has signed in, or nobody yet.
        wants_tls: STARTTLS was granted: the next bytes are a handshake.
        is_over: QUIT was said, or what cannot be gone on with.
        has_transacted: Whether a part of a transaction was said since this was last set to False.
        accepted: Messages taken since this was last emptied, whose 250 has not left.
    """

    features: Features
    ledger: Ledger
    is_encrypted: bool
    account: bytes = b""
    wants_tls: bool = False
    is_over: bool = False
    has_transacted: bool = False
    accepted: list[Arrival] = field(default_factory=list)
    _rest: bytes = b""
    _awaits_credentials: bool = False
    _has_sender: bool = False
    _has_recipient: bool = False
    _chunk: int = -1
    _is_last_chunk: bool = False
    _chunks: list[bytes] = field(default_factory=list)
    _reads_lines: bool = False

    def greeting(self) -> bytes:
        return b"220 sink.bench.example ESMTP\r\n"

    def receive(self, data: bytes, now: float) -> bytes:
        """Take what has come in; return all replies it is due.

        Args:
            now: When it came, for the ledger.
        """
        if self._rest:
            data = self._rest + data
        replies: list[bytes] = []
        at = 0
        while not (self.is_over or self.wants_tls):
            if self._chunk >= 0:
                end = at + self._chunk
                if len(data) < end:
                    break
                replies.append(self._take_chunk(data[at:end], now))
                at = end
            elif self._reads_lines:
                # A lone dot at once is the end of no lines at all.
                end = at - 2 if data.startswith(b".\r\n", at) else data.find(b"\r\n.\r\n", at)
                if end == -1:
                    break
                replies.append(self._take_lines(data[at : end + 2], now))
                at = end + 5
            else:
                end = data.find(b"\r\n", at)
                if end == -1:
                    self.is_over = len(data) - at > _LONGEST_LINE
                    break
                replies.append(self._command(data[at:end]))
                at = end + 2
        self._rest = data[at:]
        self.has_transacted = self.has_transacted or self._chunk >= 0 or self._reads_lines
        return b"".join(replies)

    def _command(self, line: bytes) -> bytes:
        if self._awaits_credentials:
            return self._sign_in(line)
        does = self._COMMANDS.get(line[:4].upper())
        return b"500 5.5.2 Not known here\r\n" if does is None else does(self, line)

    def secured(self) -> None:
        """The handshake after STARTTLS is done: everything said before is void."""
        self.wants_tls, self.is_encrypted, self._rest = False, True, b""
        self._reset()

    def _hello(self, line: bytes) -> bytes:
        self._reset()
        return self._offers() if line[:4].upper() == b"EHLO" else b"250 sink.bench.example\r\n"

    def _offers(self) -> bytes:
        offers = ["sink.bench.example", f"SIZE {_LARGEST}", "8BITMIME"]
        offers += ["PIPELINING"] * self.features.pipelining + ["CHUNKING"] * self.features.chunking
        offers += ["AUTH PLAIN"] if self.is_encrypted else ["STARTTLS"]
        lines = [*(f"250-{offer}" for offer in offers), "250 ENHANCEDSTATUSCODES", ""]
        return "\r\n".join(lines).encode("ascii")

    def _starttls(self, _line: bytes) -> bytes:
        if self.is_encrypted:
            return b"503 5.5.1 It is encrypted\r\n"
        # What came along in clear text is not believed afterwards (RFC 3207 section 4.2): receive() stops here.
        self.wants_tls = True
        return b"220 2.0.0 Go ahead\r\n"

    def _auth(self, line: bytes) -> bytes:
        if not self.is_encrypted or self.account:
            return b"503 5.5.1 Not now\r\n"
        words = line.split()
        if words[1:2] and words[1].upper() != b"PLAIN":
            return b"504 5.5.4 PLAIN alone is known here\r\n"
        if len(words) == 3:
            return self._sign_in(words[2])
        self._awaits_credentials = True
        return b"334 \r\n"

    def _sign_in(self, credentials: bytes) -> bytes:
        self._awaits_credentials = False
        try:
            _, account, password = base64.b64decode(credentials, validate=True).split(b"\0")
        except (binascii.Error, ValueError):
            return b"501 5.5.2 Not to be read\r\n"
        if password != mail.password_of(account.decode("ascii", "replace")).encode():
            self.ledger.refused_sign_ins += 1
            return b"535 5.7.8 Wrong username or password\r\n"
        self.account = account
        return b"235 2.7.0 Welcome\r\n"

    def _mail(self, line: bytes) -> bytes:
        self.has_transacted = True
        if not self.account:
            return b"530 5.7.0 Sign in first\r\n"
        if b"@" + self.account + b"." not in line:
            self.ledger.refused_senders += 1
            return b"553 5.7.1 Not your address\r\n"
        if self._has_sender:
            return b"503 5.5.1 One after the other\r\n"
        self._has_sender = True
        return b"250 2.1.0 Ok\r\n"

    def _rcpt(self, _line: bytes) -> bytes:
        self.has_transacted = True
        self._has_recipient = self._has_sender
        return b"250 2.1.5 Ok\r\n" if self._has_sender else b"503 5.5.1 MAIL first\r\n"

    def _data(self, _line: bytes) -> bytes:
        self.has_transacted = True
        if not self._has_recipient:
            return b"503 5.5.1 RCPT first\r\n"
        self._reads_lines = True
        return b"354 Go ahead\r\n"

    def _bdat(self, line: bytes) -> bytes:
        words = line.split()
        self.has_transacted = True
        if not self.features.chunking or len(words) < 2 or not words[1].isdigit() or int(words[1]) > _LARGEST:
            self.is_over = True  # the bytes behind it could not be told from commands
            return b"501 5.5.4 No chunk\r\n"
        self._chunk, self._is_last_chunk = int(words[1]), words[-1].upper() == b"LAST"
        return b""

    def _take_chunk(self, chunk: bytes, now: float) -> bytes:
        self.has_transacted, self._chunk = True, -1
        if not self._has_recipient:
            self._reset()
            return b"503 5.5.1 RCPT first\r\n"
        if not self._is_last_chunk or self._chunks:
            self._chunks.append(chunk)
        if not self._is_last_chunk:
            return b"250 2.0.0 Ok\r\n"
        return self._take(b"".join(self._chunks) if self._chunks else chunk, now)

    def _take_lines(self, lines: bytes, now: float) -> bytes:
        self.has_transacted, self._reads_lines = True, False
        unstuffed = lines.replace(b"\r\n..", b"\r\n.")
        return self._take(unstuffed[1:] if unstuffed.startswith(b"..") else unstuffed, now)

    def _take(self, content: bytes, now: float) -> bytes:
        self._reset()
        number = mail.number_of(content)
        arrival = Arrival(-1 if number is None else number, now)
        self.ledger.broken += not (mail.is_whole(content) and number is not None)
        self.ledger.signed += content.startswith(_SIGNATURE)
        self.ledger.arrivals.append(arrival)
        self.accepted.append(arrival)
        return b"250 2.0.0 Ok: taken\r\n"

    def _rset(self, _line: bytes) -> bytes:
        self._reset()
        return b"250 2.0.0 Ok\r\n"

    def _noop(self, _line: bytes) -> bytes:
        return b"250 2.0.0 Ok\r\n"

    def _quit(self, _line: bytes) -> bytes:
        self.is_over = True
        return b"221 2.0.0 Bye\r\n"

    def _reset(self) -> None:
        self._has_sender = self._has_recipient = False
        self._chunks = []

    _COMMANDS: ClassVar[dict[bytes, Callable[["Session", bytes], bytes]]] = {
        b"EHLO": _hello,
        b"HELO": _hello,
        b"STAR": _starttls,
        b"AUTH": _auth,
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"BDAT": _bdat,
        b"RSET": _rset,
        b"NOOP": _noop,
        b"QUIT": _quit,
    }

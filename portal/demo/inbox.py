"""What arrived at the demo's mail servers."""

import contextlib
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Final, Self

from portal.demo.folder import write_whole
from portal.domain.ids import time_ordered_id

KEPT: Final = 500
"""How many mails the folder holds; older ones go."""

_PRUNED_ABOVE: Final = KEPT + 50  # counting the folder for every mail would be a second cost beside writing it
_ID: Final = re.compile(r"[0-9a-z]{26}", re.ASCII)
_DKIM_TAG: Final = re.compile(r"(?:^|;)\s*(d|s)\s*=\s*([^;\s]+)")
_LONGEST_BODY: Final = 200_000  # characters; a page shows it, the file keeps it whole


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the server knows about a mail beyond its content.

    Attributes:
        server: Host name of the server that took it.
        envelope_from: The address of MAIL FROM.
        to: The addresses of RCPT TO, in their order.
        username: Who had signed in.
        tls_version: As Python's ssl names it, e.g. ``TLSv1.3``.
        received_at: An aware time.
    """

    server: str
    envelope_from: str
    to: tuple[str, ...]
    username: str
    tls_version: str
    received_at: datetime

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"received_at": self.received_at.isoformat()}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields = json.loads(text)
        received_at = datetime.fromisoformat(fields.pop("received_at"))
        return cls(to=tuple(fields.pop("to")), received_at=received_at, **fields)


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One mail as its reader sees it. Every text in it is the sender's: hostile until shown escaped.

    Attributes:
        received: The Received headers, newest hop first.
        dkim_signed_by: ``domain (selector)`` of each DKIM-Signature header; claimed, not verified.
        text: The first text/plain body, or an empty string.
        html: The first text/html body, or an empty string.
        raw: The message as the server stored it, its own Received header on top.
    """

    id: str
    arrival: Arrival
    from_header: str
    reply_to: str
    to_header: str
    subject: str
    date: str
    received: tuple[str, ...]
    dkim_signed_by: tuple[str, ...]
    text: str
    html: str
    raw: bytes

    @property
    def server(self) -> str:
        return self.arrival.server

    @property
    def envelope_from(self) -> str:
        return self.arrival.envelope_from

    @property
    def to(self) -> tuple[str, ...]:
        return self.arrival.to


class Inbox:
    """A folder of mails: ``<id>.eml`` with the message, ``<id>.json`` with its arrival.

    Servers write and pages read at the same time, from several processes: a mail is there from the moment its
    ``.json`` is, which is written last. Nothing is synced to disk; a demo's mail may be lost with the power.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def store(self, raw: bytes, arrival: Arrival) -> str:
        """Keep a mail, dropping the oldest when there are too many.

        Returns:
            Its id; a mail of a later millisecond has a greater one.

        Raises:
            OSError: The folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        mail_id = time_ordered_id(arrival.received_at, secrets.randbits(80))
        write_whole(self._folder / f"{mail_id}.eml", raw)
        write_whole(self._folder / f"{mail_id}.json", arrival.to_json().encode())
        ids = self._ids()
        if len(ids) > _PRUNED_ABOVE:
            for old in ids[KEPT:]:
                for suffix in (".json", ".eml"):
                    (self._folder / old).with_suffix(suffix).unlink(missing_ok=True)
        return mail_id

    def newest(self, limit: int = KEPT) -> list[ReceivedMail]:
        """At most ``limit`` mails, newest first."""
        return [mail for mail_id in self._ids()[:limit] if (mail := self.find(mail_id))]

    def find(self, mail_id: str) -> ReceivedMail | None:
        """The mail of that id; None when there is none, when it is gone, or when it is not an id at all."""
        if not _ID.fullmatch(mail_id):
            return None
        try:
            arrival = Arrival.from_json((self._folder / f"{mail_id}.json").read_text())
            raw = (self._folder / f"{mail_id}.eml").read_bytes()
        except FileNotFoundError:
            return None
        return _read(mail_id, raw, arrival)

    def _ids(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        found = (file.stem for file in self._folder.glob("*.json"))
        return sorted((stem for stem in found if _ID.fullmatch(stem)), reverse=True)


def _read(mail_id: str, raw: bytes, arrival: Arrival) -> ReceivedMail:
    message = message_from_bytes(raw)
    headers: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        headers.setdefault(name.lower(), []).append(_words(value))

    def first(name: str) -> str:
        return headers.get(name, [""])[0]

    return ReceivedMail(
        id=mail_id,
        arrival=arrival,
        from_header=first("from"),
        reply_to=first("reply-to"),
        to_header=first("to"),
        subject=first("subject"),
        date=first("date"),
        received=tuple(headers.get("received", ())),
        dkim_signed_by=tuple(map(_signer, headers.get("dkim-signature", ()))),
        text=_body(message, "text/plain"),
        html=_body(message, "text/html"),
        raw=raw,
    )


def _words(value: str) -> str:
    """A header's value unfolded, its encoded words (RFC 2047) and raw UTF-8 (RFC 6532) made readable."""
    readable = value.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    # Of an unknown charset or broken base64 people see what was sent.
    with contextlib.suppress(HeaderParseError, LookupError, ValueError):
        readable = str(make_header(decode_header(readable)))
    return " ".join(readable.split())


def _signer(signature: str) -> str:
    tags = dict(_DKIM_TAG.findall(signature))
    return f"{tags.get('d', '?')} ({tags.get('s', '?')})"


def _body(message: Message, content_type: str) -> str:
    for part in _leaves(message):
        if part.get_content_type() == content_type and part.get_content_disposition() != "attachment":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                return _decoded(payload, part.get_content_charset("utf-8"))[:_LONGEST_BODY]
    return ""


def _leaves(message: Message) -> Iterator[Message]:
    return (part for part in message.walk() if not part.is_multipart())


def _decoded(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")

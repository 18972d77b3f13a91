"""From content to the bytes of a message (RFC 5322, MIME)."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from portal.domain.mail import header_fields
from portal.domain.mail.addresses import AddressError, needs_smtputf8, parse_address
from portal.domain.mail.content import ContentError, check_content
from portal.domain.mail.custom_headers import is_never_folded
from portal.domain.mail.header_text import HeaderTextError, check_header_text
from portal.domain.mail.message import Message
from portal.domain.mail.mime_parts import part_of
from portal.domain.mail.sender_identity import SenderIdentity

_LONGEST_LINE: Final = 998  # octets without CRLF (RFC 5322 section 2.1.1)
_MESSAGE_ID: Final = re.compile(r"<[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*@[0-9a-z-]+(?:\.[0-9a-z-]+)+>")
_AUTO_REPLY: Final = "autoresponder"
_FIELD_NAME: Final = re.compile(rb"([A-Za-z][A-Za-z0-9-]*): ?")


@dataclass(frozen=True, slots=True)
class ComposedMail:
    """A message ready for the wire, unsigned. Dot-stuffing is the SMTP client's.

    Attributes:
        data: RFC 5322 octets: CRLF alone, lines within 998, a 7-bit body, ending in CRLF.
        needs_smtputf8: An address of header or envelope holds characters beyond ASCII (RFC 6531).
    """

    data: bytes = field(repr=False)
    needs_smtputf8: bool


def compose(message: Message, identity: SenderIdentity, *, date: datetime) -> ComposedMail:
    """Write a message as one sender's.

    The same arguments give the same bytes, so a retry repeats the message and a fallback changes its sender only.

    Args:
        message: What to send.
        identity: Who it is from on the chosen route.
        date: The Date header; aware. The time of handing-in, so that it does not move with the attempts.

    Raises:
        ContentError: The message or the identity cannot be written safely.
        ValueError: The date is naive; what a local time means depends on the machine.
    """
    if date.tzinfo is None:
        raise ValueError("The Date header needs an aware time.")
    check_composable(message)
    _check_identity(identity)
    part = part_of(message.content, message.message_id)
    fields = [*_own_fields(message, identity, date), *part.fields]
    data = b"\r\n".join([*(one.encode() for one in fields), b"", part.body])
    addresses = [message.to, identity.from_address, identity.envelope_from, identity.reply_to or ""]
    mail = ComposedMail(data, any(map(needs_smtputf8, addresses)))
    _check_bytes(mail, [one.partition(":")[0] for one in fields])
    return mail


def check_composable(message: Message) -> None:
    """Refuse, when it is handed in, what ``compose`` could not write later.

    Raises:
        ContentError: With a sentence about the first thing that is wrong.
    """
    check_content(message.content)
    _check_address("recipient", message.to)
    if not _MESSAGE_ID.fullmatch(message.message_id):
        raise ContentError("The Message-ID is not of our own make.")


def _check_identity(identity: SenderIdentity) -> None:
    _check_address("From", identity.from_address)
    _check_address("envelope", identity.envelope_from)
    if identity.reply_to is not None:
        _check_address("Reply-To", identity.reply_to)
    try:
        # Not check_display_name(): the composed "Acme via Platform" may be longer than what one person may type.
        check_header_text(identity.from_name)
    except HeaderTextError as error:
        raise ContentError(f"The sender's name: {error}") from None


def _check_address(role: str, address: str) -> None:
    try:
        is_normal = parse_address(address) == address
    except AddressError as error:
        raise ContentError(f"The {role} address: {error}") from None
    if not is_normal:
        raise ContentError(f"The {role} address is not in its normal form.")


def _own_fields(message: Message, identity: SenderIdentity, date: datetime) -> list[str]:
    """Every field but those of the body, in the order readers are used to."""
    automatic = "auto-replied" if message.kind.name == _AUTO_REPLY else "auto-generated"
    fields = [
        header_fields.mailbox("From", identity.from_address, identity.from_name),
        header_fields.mailbox("To", message.to),
        header_fields.unstructured("Subject", message.content.subject),
        header_fields.literal("Date", format_datetime(date.astimezone(UTC))),
        header_fields.literal("Message-ID", message.message_id),
        header_fields.literal("MIME-Version", "1.0"),
        header_fields.literal("Auto-Submitted", automatic),  # RFC 3834 section 5: nobody's holiday notice answers
    ]
    if identity.reply_to is not None:
        fields.insert(2, header_fields.mailbox("Reply-To", identity.reply_to))
    for name, value in message.content.headers:
        write = header_fields.literal if is_never_folded(name) else header_fields.custom
        fields.append(write(name, value))
    return fields


def _check_bytes(mail: ComposedMail, names: list[str]) -> None:
    """Read the written message once more, as a stranger would: the last guard against a slip in all that came before.

    Raises:
        ContentError: A bare CR or LF, a line over 998 octets, a field that was not meant to be there, or 8-bit octets
            where none are announced.
    """
    data = mail.data
    lines = data.split(b"\r\n")
    if not len(lines) - 1 == data.count(b"\r") == data.count(b"\n") or lines[-1] or b"\0" in data:
        raise ContentError("The message would hold a bare line break.")
    if max(map(len, lines)) > _LONGEST_LINE:
        raise ContentError("The message would hold a line of more than 998 octets.")
    head, _, body = data.partition(b"\r\n\r\n")
    if not body.isascii() or not (mail.needs_smtputf8 or head.isascii()):
        raise ContentError("The message would hold 8-bit octets.")
    found = []
    for line in head.split(b"\r\n"):
        name = _FIELD_NAME.match(line)
        if name:
            found.append(name[1].decode("ascii"))
        elif not line.startswith(b" ") or not line.strip():
            raise ContentError("The message would hold a line that is no header.")
    if found != names:
        raise ContentError("The message would hold a header that nobody set.")

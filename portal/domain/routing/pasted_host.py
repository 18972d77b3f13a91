"""What people put into the host field besides a host: a URL, a host with its port, their mail address.

What says nothing else than the other fields do is taken apart without a word. Where it contradicts them, or is
something else, the sentence names what to type.
"""

import re
from dataclasses import dataclass
from typing import Final

from portal.domain.mail.addresses import AddressError, domain_of, parse_address
from portal.domain.mail.host_names import HostError, HostReason, parse_host
from portal.domain.routing.mailbox_providers import mailbox_provider_of
from portal.domain.routing.provider_preset import REGION
from portal.domain.routing.smtp_route import TlsMode

_PASTED: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?:[^@/?#]*@)?(?P<host>\[[0-9a-f:]+\]|[^\s:/?#@\[\]]+)(?::(?P<port>\d{1,5}))?/?",
    re.IGNORECASE,
)
_SCHEMES: Final = {"smtp": None, "smtps": TlsMode.IMPLICIT, "smtp+starttls": TlsMode.STARTTLS, "submission": None}
"""What a scheme says of the encryption; None for nothing."""


class PastedHostError(HostError):
    """A text that is more than a host, or something else; the sentence says what to type instead."""

    def __init__(self, reason: HostReason, sentence: str) -> None:
        super().__init__(reason)
        self.args = (sentence,)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What was pasted, taken apart."""

    scheme: str
    host: str
    port: int | None

    def agrees(self, port: int, security: TlsMode) -> bool:
        said = _SCHEMES.get(self.scheme)
        return self.port in (None, port) and said in (None, security)


def parse_typed_host(text: str, *, port: int, security: TlsMode) -> str:
    """Read the host field, beside what the fields for port and encryption say.

    Returns:
        As ``parse_host()``.

    Raises:
        HostError: With a sentence that names what to type, where that can be told.
    """
    try:
        return parse_host(text)
    except HostError as error:
        if REGION in text:
            sentence = f"Put the region of your account where {REGION} stands."
            raise PastedHostError(error.reason, sentence) from None
        if error.reason is HostReason.USER and "://" not in text:
            raise PastedHostError(error.reason, _about_address(text)) from None
        parts = _taken_apart(text)
        if parts is None:
            raise
        if parts.scheme in ("http", "https"):
            sentence = "This is the address of a web page. A mail server has a name such as smtp.example.com."
            raise PastedHostError(error.reason, sentence) from None
        if parts.agrees(port, security):
            return parts.host
        raise PastedHostError(error.reason, _what_to_type(parts)) from None


def _taken_apart(text: str) -> _Parts | None:
    """The parts, where what was pasted is a host and more; None where it is not even that."""
    found = _PASTED.fullmatch(text)
    if found is None:
        return None
    scheme = (found["scheme"] or "smtp").lower()
    try:
        host = parse_host(found["host"].strip("[]"))
    except HostError:
        return None
    return _Parts(scheme, host, int(found["port"]) if found["port"] else None)


def _what_to_type(parts: _Parts) -> str:
    """Names host and port only: what stands before an @ may be a password."""
    port = f", and {parts.port} into the field Port" if parts.port else ""
    encryption = ", and choose SSL/TLS" if _SCHEMES.get(parts.scheme) is TlsMode.IMPLICIT else ""
    return f"Type only {parts.host} here{port}{encryption}."


def _about_address(text: str) -> str:
    try:
        provider = mailbox_provider_of(domain_of(parse_address(text)))
    except AddressError:
        return HostReason.USER.value
    known = f": for {provider.name} it is {provider.submission_host}" if provider and provider.submission_host else ""
    return f"This is a mail address. The host is the name of a server, such as smtp.example.com{known}."

"""What a host may be called: the one grammar for servers a person types and for the domains of addresses.

Strict on purpose (THREATS 1). C libraries read ``127.1``, ``0x7f.1`` and ``017700000001`` as 127.0.0.1, and browsers
read full-width digits the same way; whoever accepts such spellings must judge them as well. Here they are form errors.
"""

import re
from enum import Enum
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

import idna

_LONGEST_NAME: Final = 253  # octets, without the root's dot (RFC 1035 section 2.3.4)
_LONGEST_LABEL: Final = 63
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")  # RFC 952 as relaxed by RFC 1123 section 2.1
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")  # what inet_aton() takes for a part of an address
_THIS_MACHINE: Final = frozenset({"localhost", "localdomain"})  # RFC 6761 section 6.3, and what old hosts files say


class HostReason(Enum):
    """Why a text is no host name. The value is a sentence for the person who typed it."""

    EMPTY = "Enter a host name, for example smtp.example.com."
    WHITE_SPACE = "Leave out spaces and line breaks."
    URL = "Only the host name: leave out smtp:// and the like."
    PATH = "Only the host name: leave out the slash and what follows it."
    USER = "Only the host name: leave out the @ and what stands before it."
    PORT = "Only the host name: the port has a field of its own."
    BRACKETS = "Leave out the brackets."
    ZONE = "Leave out the % and what follows it: an address with a zone is known to one machine only."
    TOO_LONG = "A host name has at most 253 characters, and 63 between two dots."
    EMPTY_LABEL = "A part is missing: a host name does not begin with a dot, nor have two in a row."
    CHARACTER = "Use letters, digits, hyphens and dots."
    HYPHEN = "No part of a host name begins or ends with a hyphen."
    IDNA = "This is not a valid international domain name."
    NO_DOT = "Use the full name with its domain, for example mail.example.com instead of mail."
    THIS_MACHINE = "localhost is the machine this portal runs on, not yours."
    NUMBER = "An address has four plain numbers with dots between them; a name does not end in a number."
    IPV6_FORM = "This is not an IPv6 address in its usual form: lower-case, shortest, without a dotted part."
    IPV4_INSIDE = "Write the IPv4 address itself, as four numbers with dots between them."
    ADDRESS = "Use a domain name: an IP address does not belong here."


class HostError(ValueError):
    """A text that is no host name.

    Attributes:
        reason: What is wrong with it. The text itself is not repeated: it may hold a pasted password.
    """

    def __init__(self, reason: HostReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class NoSuchHost(Exception):  # noqa: N818 - an answer of the DNS rather than an error: NXDOMAIN, or neither A nor AAAA
    """The name does not exist, or has no address."""


class LookupFailed(Exception):  # noqa: N818 - the pair of NoSuchHost; it reads as what happened
    """No usable answer: time-out, SERVFAIL, REFUSED. It says nothing about the name."""


def parse_host(text: str) -> str:
    """Read the host of a server.

    Returns:
        A dotted quad, an IPv6 address in the form of RFC 5952 without brackets, or a lower-case name of LDH and
        A-labels without a dot at its end. Reading the result again gives the same result.

    Raises:
        HostError: The text is none of these.

    Source:
        RFC 1123 section 2.1, RFC 5890 to 5893 and UTS 46 (non-transitional), RFC 4291 section 2.2, RFC 5952.
    """
    _refuse_what_surrounds_a_name(text)
    if ":" in text:
        return _parse_ipv6(text)
    try:
        return str(IPv4Address(text))  # plain decimal only: leading zeros, hex, short and Unicode forms are refused
    except AddressValueError:
        return _parse_name(text)


def parse_domain(text: str) -> str:
    """Read the domain of a mail address: the grammar of ``parse_host`` without addresses.

    Raises:
        HostError: The text is no domain name.
    """
    host = parse_host(text)
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        raise HostError(HostReason.ADDRESS)
    return host


def _refuse_what_surrounds_a_name(text: str) -> None:
    """Name the slip when somebody pastes more than a host: each is common, and each is mended in another way."""
    if not text:
        raise HostError(HostReason.EMPTY)
    if any(character.isspace() for character in text):
        raise HostError(HostReason.WHITE_SPACE)
    if "://" in text:
        raise HostError(HostReason.URL)
    if "@" in text:
        raise HostError(HostReason.USER)
    if any(mark in text for mark in "/\\?#"):
        raise HostError(HostReason.PATH)
    if "[" in text or "]" in text:
        raise HostError(HostReason.BRACKETS)
    if text.count(":") == 1 and not text.startswith(":"):
        raise HostError(HostReason.PORT)
    if ":" in text and "%" in text:
        raise HostError(HostReason.ZONE)


def _parse_ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise HostError(HostReason.IPV6_FORM) from None
    # Asked before the form: Python 3.13 began to print these with a dotted part, 3.11 prints them without.
    if address.ipv4_mapped is not None:
        raise HostError(HostReason.IPV4_INSIDE)
    if str(address) != text:
        raise HostError(HostReason.IPV6_FORM)
    return text


def _parse_name(text: str) -> str:
    # idna's work grows with the square of the length, so the length is looked at before.
    if len(text) > _LONGEST_NAME + 1:
        raise HostError(HostReason.TOO_LONG)
    name = _to_ascii(text.lower()).removesuffix(".")
    if len(name) > _LONGEST_NAME:
        raise HostError(HostReason.TOO_LONG)
    labels = name.split(".")
    for label in labels:
        _judge_label(label)
    if _NUMBER.fullmatch(labels[-1]):
        raise HostError(HostReason.NUMBER)
    if labels[-1] in _THIS_MACHINE:
        raise HostError(HostReason.THIS_MACHINE)
    if len(labels) == 1:
        raise HostError(HostReason.NO_DOT)
    return name


def _to_ascii(text: str) -> str:
    if text.isascii():
        return text
    try:
        return idna.encode(text, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError:
        raise HostError(HostReason.IDNA) from None


def _judge_label(label: str) -> None:
    if not label:
        raise HostError(HostReason.EMPTY_LABEL)
    if len(label) > _LONGEST_LABEL:
        raise HostError(HostReason.TOO_LONG)
    if label.startswith("-") or label.endswith("-"):
        raise HostError(HostReason.HYPHEN)
    if not _LABEL.fullmatch(label):
        raise HostError(HostReason.CHARACTER)
    if label.startswith("xn--"):
        try:
            idna.ulabel(label)
        except idna.IDNAError:
            raise HostError(HostReason.IDNA) from None

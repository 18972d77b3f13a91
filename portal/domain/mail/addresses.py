"""Mail addresses, in a grammar of our own.

RFC 5321 and 5322 allow much more than anybody's address needs: quoted local parts, comments, groups, routes. Parsers
disagree about all of it, and what one program reads as a harmless local part the next reads as another recipient.
Here an address is a dot-atom, an @ and a domain name (THREATS 14).
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache
from typing import Final

from portal.domain.mail.header_text import (
    ENCODED_WORD_MARK,
    HeaderTextError,
    HeaderTextReason,
    check_header_text,
    refused_character,
)
from portal.domain.mail.host_names import HostError, parse_domain

_LONGEST_LOCAL_PART: Final = 64  # octets (RFC 5321 section 4.5.3.1.1)
# A domain has at most 255 (section 4.5.3.1.2); parse_domain() lets 253 through, which is what DNS can hold.
_LONGEST_ADDRESS: Final = 254  # octets: a path has 256 with its angle brackets (section 4.5.3.1.3)

LONGEST_DISPLAY_NAME: Final = 100
"""Characters a person may type. A composed name may be longer: "Acme via Platform" holds two of them."""

# RFC 5322 section 3.2.3 without ! and %: Postfix reads a!b as b@a, and a%b@c as a@b, so both name another recipient.
_ATEXT: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#$&'*+-/=?^_`{|}~")


_PLAIN_ADDRESS: Final = re.compile(r"[A-Za-z0-9.@_+-]+")
_PLAIN_LOCAL_PART: Final = re.compile(r"(?!-)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
"""What nearly all addresses are made of, so that they are seen to be harmless at one glance."""

_ADDRESSES_KEPT: Final = 4096
"""A sender's addresses come with every message of its route, a recipient's domain with many."""


class AddressReason(StrEnum):
    """Why a text is no address. The value is a sentence for the person who typed it."""

    EMPTY = "Enter an e-mail address, for example ada@example.com."
    WHITE_SPACE = "Leave out spaces and line breaks."
    INVISIBLE = "Leave out characters that cannot be seen."
    NAME = "Only the address: leave out the name and the angle brackets."
    SEVERAL = "Only one address: leave out commas, semicolons and colons."
    QUOTED = "Addresses with quotation marks, backslashes or parentheses are not accepted."
    NO_AT = "An address has an @, for example ada@example.com."
    TWO_AT = "An address has one @ only."
    NO_LOCAL_PART = "Something is missing before the @."
    DOT = "Before the @, a dot stands neither first nor last nor beside another dot."
    HYPHEN = "An address does not begin with a hyphen."
    ROUTE = "Leave out % and !: mail servers take them for the way to another address."
    ENCODED_WORD = "Leave out “=?”: mail programs take it for the beginning of encoded text."
    CHARACTER = "Before the @ stands a character that addresses do not have."
    LOCAL_PART_TOO_LONG = "Before the @ an address has at most 64 characters, fewer when they are not Latin letters."
    DOMAIN = "After the @ stands no domain name."
    TOO_LONG = "An address has at most 254 characters."


class AddressError(ValueError):
    """A text that is no address, or no name to stand before one.

    Attributes:
        reason: What is wrong with it. The text itself is not repeated: it may hold a pasted password.
    """

    def __init__(self, reason: AddressReason | HeaderTextReason, detail: str = "") -> None:
        super().__init__(f"{reason} {detail}".rstrip())
        self.reason = reason


@lru_cache(maxsize=_ADDRESSES_KEPT)
def parse_address(text: str) -> str:
    """Read one address.

    Returns:
        ``local@domain``: the local part as typed (Unicode in form NFC), the domain in lower case with A-labels.
        Reading the result again gives the same result.

    Raises:
        AddressError: The text is not one address.

    Source:
        RFC 5322 section 3.4.1 (dot-atom only), RFC 6531 section 3.3 and RFC 6532 section 3.1 (Unicode),
        RFC 5321 section 4.5.3.1 (lengths).
    """
    if not text:
        raise AddressError(AddressReason.EMPTY)
    _refuse_what_surrounds_an_address(text)
    local_part, at, domain = text.partition("@")
    if not at:
        raise AddressError(AddressReason.NO_AT)
    if "@" in domain:
        raise AddressError(AddressReason.TWO_AT)
    address = f"{_parse_local_part(local_part)}@{_parse_domain(domain)}"
    if len(address.encode()) > _LONGEST_ADDRESS:
        raise AddressError(AddressReason.TOO_LONG)
    return address


def domain_of(address: str) -> str:
    """The domain of an address that ``parse_address`` returned."""
    return address.rpartition("@")[2]


def needs_smtputf8(address: str) -> bool:
    """Whether only a server with SMTPUTF8 can take this address (RFC 6531); its domain alone never asks for that."""
    return not address.isascii()


def check_display_name(text: str) -> None:
    """Judge the name a person typed to stand before an address; empty is no name, and allowed.

    Raises:
        AddressError: The text may not stand in a header, or has more than 100 characters.
    """
    try:
        check_header_text(text, longest=LONGEST_DISPLAY_NAME)
    except HeaderTextError as error:
        raise AddressError(error.reason) from None


def _refuse_what_surrounds_an_address(text: str) -> None:
    """Name the slip when somebody pastes more than an address: each is mended in another way."""
    if _PLAIN_ADDRESS.fullmatch(text):
        return
    if ("<" in text or ">" in text) and text.isprintable():
        raise AddressError(AddressReason.NAME)
    if any(character.isspace() for character in text):
        raise AddressError(AddressReason.WHITE_SPACE)
    if refused_character(text) is not None:
        raise AddressError(AddressReason.INVISIBLE)
    if "<" in text or ">" in text:
        raise AddressError(AddressReason.NAME)
    if any(mark in text for mark in '"\\()'):
        raise AddressError(AddressReason.QUOTED)
    if any(mark in text for mark in ",;:"):
        raise AddressError(AddressReason.SEVERAL)


def _parse_local_part(typed: str) -> str:
    if not typed:
        raise AddressError(AddressReason.NO_LOCAL_PART)
    if len(typed) > _LONGEST_LOCAL_PART:
        raise AddressError(AddressReason.LOCAL_PART_TOO_LONG)
    if _PLAIN_LOCAL_PART.fullmatch(typed):
        return typed
    # Normalised before it is judged: NFC turns U+037E into a semicolon and U+1FEF into a backtick.
    local_part = unicodedata.normalize("NFC", typed)
    if len(local_part.encode()) > _LONGEST_LOCAL_PART:
        raise AddressError(AddressReason.LOCAL_PART_TOO_LONG)
    if local_part.startswith("-"):
        raise AddressError(AddressReason.HYPHEN)  # sendmail and its like would read an option; Postfix refuses it
    if "%" in local_part or "!" in local_part:
        raise AddressError(AddressReason.ROUTE)
    if ENCODED_WORD_MARK in local_part:
        raise AddressError(AddressReason.ENCODED_WORD)
    for atom in local_part.split("."):
        _judge_atom(atom)
    return local_part


def _judge_atom(atom: str) -> None:
    if not atom:
        raise AddressError(AddressReason.DOT)
    for character in atom:
        if character not in _ATEXT and not _is_letter_mark_or_digit(character):
            raise AddressError(AddressReason.CHARACTER)
    if unicodedata.category(atom[0]).startswith("M"):
        raise AddressError(AddressReason.CHARACTER)  # it would be drawn upon the dot, or upon what stands before us


def _is_letter_mark_or_digit(character: str) -> bool:
    category = unicodedata.category(character)
    return not character.isascii() and (category[0] in "LM" or category == "Nd")


@lru_cache(maxsize=_ADDRESSES_KEPT)
def _parse_domain(typed: str) -> str:
    if typed.endswith("."):
        raise AddressError(AddressReason.DOMAIN, "Leave out the dot at the end.")
    try:
        return parse_domain(typed)
    except HostError as error:
        raise AddressError(AddressReason.DOMAIN, str(error)) from None

"""The public key a domain publishes for its DKIM signatures (RFC 6376 section 3.6.1, RFC 8301, RFC 8463)."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from portal.domain.deliverability.der import CutOffError, DerError, TrailingBytesError, rsa_key_bits
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.tag_list import TagList, parse_tag_list

_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/=]")
_WHITE_SPACE: Final = re.compile(r"[ \t\r\n]+")
_ED25519_OCTETS: Final = 32
_SHORTEST_RSA: Final = 1024  # verifiers must refuse shorter ones (RFC 8301 section 3.2)
_SHORTEST_GOOD_RSA: Final = 2048
_LONGEST_GOOD_RSA: Final = 4096  # verifiers need not take longer ones


class KeyFault(StrEnum):
    """Why no signature can be verified with a record; the first that applies is named."""

    BACKSLASHES = "backslashes"  # "\;", as a zone file writes it
    QUOTES = "quotes"
    WRONG_VERSION = "wrong_version"
    REPEATED_TAG = "repeated_tag"
    NO_KEY = "no_key"  # no p=
    REVOKED = "revoked"  # p= is empty
    UNKNOWN_KEY_TYPE = "unknown_key_type"
    NO_SHA256 = "no_sha256"
    NOT_FOR_MAIL = "not_for_mail"
    PEM = "pem"  # the lines around a key file are part of p=
    NOT_BASE64 = "not_base64"
    CUT_OFF = "cut_off"
    TRAILING_BYTES = "trailing_bytes"
    NOT_A_KEY = "not_a_key"
    WRONG_LENGTH = "wrong_length"  # of an Ed25519 key
    TOO_SHORT = "too_short"


class KeyConcern(StrEnum):
    """What works, and should be mended."""

    SHORT = "short"
    LONG = "long"
    TESTING = "testing"
    VERSION_NOT_FIRST = "version_not_first"
    BROKEN_PART = "broken_part"


@dataclass(frozen=True, slots=True)
class DkimKey:
    """What a key record says.

    Attributes:
        text: As published, made fit to be shown.
        key_type: ``k=``, "rsa" where it is absent.
        public_key: The octets of ``p=``; empty when they cannot be read.
        bits: Of the RSA modulus; 256 for Ed25519; None when unknown.
        fault: Why no receiver can use it; None when it works.
        detail: What the fault or a concern is about, fit to be shown: a tag, a character, a value.
        concerns: What should be mended in a record that works.
        exact_domain: ``t=s``: the signature's i= must be of the very domain in d=, none below it.
    """

    text: str
    key_type: str
    public_key: bytes = b""
    bits: int | None = None
    fault: KeyFault | None = None
    detail: str = ""
    concerns: tuple[KeyConcern, ...] = ()
    exact_domain: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether a signature can be verified with it."""
        return self.fault is None


class _FaultError(Exception):
    def __init__(self, fault: KeyFault, detail: str = "") -> None:
        super().__init__(fault)
        self.fault = fault
        self.detail = detail


def key_records(published: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those TXT records that are meant as keys; two at one name is an error of its publisher."""
    return tuple(raw for raw in published if _is_meant_as_key(raw))


def parse_key_record(raw: bytes) -> DkimKey:
    """Read a key record. It never fails: what is wrong is in the answer."""
    text = raw.decode("utf-8", "backslashreplace")
    tags = parse_tag_list(text)
    key_type = tags["k"] if tags["k"] is not None else "rsa"
    key = DkimKey(shown(raw), shown(key_type, 40), exact_domain="s" in _listed(tags, "t"))
    try:
        _judge_form(text, tags)
        _judge_use(tags, key_type)
        octets = _octets(tags["p"] or "")
        bits = _bits(key_type, octets)
    except _FaultError as error:
        return replace(key, fault=error.fault, detail=shown(error.detail, 80))
    key = replace(key, public_key=octets, bits=bits)
    if key_type == "rsa" and bits < _SHORTEST_RSA:
        return replace(key, fault=KeyFault.TOO_SHORT)
    return replace(key, concerns=_concerns(tags, bits if key_type == "rsa" else None))


def _is_meant_as_key(raw: bytes) -> bool:
    compact = _WHITE_SPACE.sub("", raw.decode("latin-1")).lstrip('"').lower()
    return compact.startswith("v=dkim") or re.search(r"(?:^|;)p=", compact) is not None


def _judge_form(text: str, tags: TagList) -> None:
    if "\\;" in text:
        raise _FaultError(KeyFault.BACKSLASHES)
    if text.strip()[:1] in {'"', "'", "“", "”", "„"}:
        raise _FaultError(KeyFault.QUOTES)
    version = tags["v"]
    if version is not None and version != "DKIM1":
        raise _FaultError(KeyFault.WRONG_VERSION, version)
    if tags.repeated:
        raise _FaultError(KeyFault.REPEATED_TAG, tags.repeated[0])
    if tags["p"] is None:
        raise _FaultError(KeyFault.NO_KEY)


def _judge_use(tags: TagList, key_type: str) -> None:
    if not tags["p"]:
        raise _FaultError(KeyFault.REVOKED)
    if key_type not in {"rsa", "ed25519"}:
        raise _FaultError(KeyFault.UNKNOWN_KEY_TYPE, key_type)
    if tags["h"] is not None and "sha256" not in _listed(tags, "h"):
        raise _FaultError(KeyFault.NO_SHA256, tags["h"])
    if tags["s"] is not None and not {"*", "email"} & set(_listed(tags, "s")):
        raise _FaultError(KeyFault.NOT_FOR_MAIL, tags["s"])


def _octets(value: str) -> bytes:
    """What the base64 of ``p=`` stands for; white space in it is allowed."""
    if "-----" in value:
        raise _FaultError(KeyFault.PEM)
    compact = _WHITE_SPACE.sub("", value)
    if stranger := _NOT_BASE64.search(compact):
        raise _FaultError(KeyFault.NOT_BASE64, stranger[0])
    whole = compact[: len(compact) // 4 * 4]
    try:
        octets = base64.b64decode(whole, validate=True)
    except binascii.Error:
        raise _FaultError(KeyFault.NOT_BASE64, "=") from None
    if whole != compact:  # four characters are three octets: some are missing at the end
        raise _FaultError(KeyFault.CUT_OFF)
    return octets


def _bits(key_type: str, octets: bytes) -> int:
    if key_type == "ed25519":
        if len(octets) != _ED25519_OCTETS:
            raise _FaultError(KeyFault.WRONG_LENGTH, f"{len(octets)}")
        return 256
    try:
        return rsa_key_bits(octets)
    except CutOffError:
        raise _FaultError(KeyFault.CUT_OFF) from None
    except TrailingBytesError:
        raise _FaultError(KeyFault.TRAILING_BYTES) from None
    except DerError:
        raise _FaultError(KeyFault.NOT_A_KEY) from None


def _concerns(tags: TagList, rsa_bits: int | None) -> tuple[KeyConcern, ...]:
    there = {
        KeyConcern.SHORT: rsa_bits is not None and rsa_bits < _SHORTEST_GOOD_RSA,
        KeyConcern.LONG: rsa_bits is not None and rsa_bits > _LONGEST_GOOD_RSA,
        KeyConcern.TESTING: "y" in _listed(tags, "t"),
        KeyConcern.VERSION_NOT_FIRST: "v" in tuple(tags)[1:],
        KeyConcern.BROKEN_PART: bool(tags.broken),
    }
    return tuple(concern for concern, is_there in there.items() if is_there)


def _listed(tags: TagList, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in (tags[name] or "").split(":"))

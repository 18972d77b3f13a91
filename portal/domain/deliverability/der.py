"""As much of DER (X.690) as it takes to see how long an RSA key is."""

from dataclasses import dataclass
from typing import Final

_INTEGER: Final = 0x02
_BIT_STRING: Final = 0x03
_OBJECT_IDENTIFIER: Final = 0x06
_SEQUENCE: Final = 0x30
_RSA_ENCRYPTION: Final = bytes.fromhex("2a864886f70d010101")  # 1.2.840.113549.1.1.1 (RFC 8017 appendix A.1)


class DerError(ValueError):
    """Bytes that are no RSA public key."""


class CutOffError(DerError):
    """The bytes end before the length they announce."""


class TrailingBytesError(DerError):
    """Something stands behind the key."""


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int
    content: bytes
    rest: bytes


def rsa_key_bits(data: bytes) -> int:
    """The length of the modulus in bits.

    Args:
        data: A SubjectPublicKeyInfo (RFC 5280 section 4.1), or the RSAPublicKey of RFC 8017 appendix A.1.1 alone,
            which RFC 6376 names and some publish.

    Raises:
        CutOffError: The end is missing.
        TrailingBytesError: There is more than the key.
        DerError: It is something else.
    """
    outer = _read(data, _SEQUENCE)
    if outer.rest:
        raise TrailingBytesError
    if outer.content[:1] == bytes([_INTEGER]):
        return _modulus_bits(outer.content)
    algorithm = _read(outer.content, _SEQUENCE)
    if _read(algorithm.content, _OBJECT_IDENTIFIER).content != _RSA_ENCRYPTION:
        raise DerError
    bits = _read(algorithm.rest, _BIT_STRING).content
    if bits[:1] != b"\0":  # the number of unused bits
        raise DerError
    return _modulus_bits(_read(bits[1:], _SEQUENCE).content)


def _modulus_bits(content: bytes) -> int:
    modulus = _read(content, _INTEGER)
    exponent = _read(modulus.rest, _INTEGER)
    numbers = [int.from_bytes(element.content, "big", signed=True) for element in (modulus, exponent)]
    if min(numbers) <= 0 or exponent.rest:
        raise DerError
    return numbers[0].bit_length()


def _read(data: bytes, tag: int) -> _Element:
    """The element at the start of the bytes."""
    if data and data[0] != tag:
        raise DerError
    if len(data) < 2:
        raise CutOffError
    length, start = data[1], 2
    if length > 0x80:
        start += length - 0x80
        if start > 6:  # four octets of length are 4 GiB
            raise DerError
        length = int.from_bytes(data[2:start], "big")
    elif length == 0x80:
        raise DerError  # of indefinite length, which is BER
    if len(data) < start + length:
        raise CutOffError
    return _Element(tag, data[start : start + length], data[start + length :])

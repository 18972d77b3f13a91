"""Sealing what must be stored and read again: tenants' passwords, and bodies that wait in the outbox."""

import base64
import binascii
import os
import re
import struct
from collections.abc import Sequence
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.domain.secret import Secret

_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12  # 96 random bits (NIST SP 800-38D section 8.2.2)
_KEY_BYTES: Final = 32
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


class BadVaultKeysError(Exception):
    """PORTAL_VAULT_KEYS cannot be used; the text says why and shows no key."""


class CannotOpenError(Exception):
    """A sealed value does not open: its key is not in the ring, or it was not sealed for this place."""


class Vault:
    """A ring of AES-256-GCM keys: the first seals, all open.

    A sealed value is bound to the place it was made for. The associated data is the length-prefixed list of the
    caller's words and the key's id, so that a value moved to another tenant, row, host or backup does not open
    (THREATS 6).
    """

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._ring = {key_id: AESGCM(key) for key_id, key in keys}
        self.primary_key_id = keys[0][0]

    @classmethod
    def from_text(cls, keys: Secret) -> Self:
        """Read ``id:base64 of 32 bytes``, comma-separated, newest first.

        Raises:
            BadVaultKeysError: The text is not that.
        """
        ring: list[tuple[str, bytes]] = []
        for number, part in enumerate(keys.reveal().split(","), start=1):
            key_id, _, encoded = part.strip().partition(":")
            key = _decoded(encoded)
            if not _KEY_ID.fullmatch(key_id) or len(key) != _KEY_BYTES:
                raise BadVaultKeysError(
                    f"PORTAL_VAULT_KEYS: key {number} is not id:base64 of 32 bytes. ./run keys generate makes one."
                )
            if key_id in dict(ring):
                raise BadVaultKeysError(f"PORTAL_VAULT_KEYS: two keys are called «{key_id}».")
            ring.append((key_id, key))
        return cls(ring)

    @property
    def key_ids(self) -> frozenset[str]:
        return frozenset(self._ring)

    def seal(self, plain: bytes, *place: str) -> bytes:
        """Seal with the first key.

        Args:
            plain: What to keep.
            place: What the value is and where it belongs, e.g. ``("smtp-password", tenant, credentials, host)``.
        """
        nonce = os.urandom(_NONCE_BYTES)
        key_id = self.primary_key_id.encode()
        sealed = self._ring[self.primary_key_id].encrypt(nonce, plain, _associated(place, self.primary_key_id))
        return _FORMAT + bytes([len(key_id)]) + key_id + nonce + sealed

    def open(self, sealed: bytes, *place: str) -> bytes:
        """Open what was sealed for exactly this place.

        Raises:
            CannotOpenError: Its key is absent, it belongs elsewhere, or it was changed.
        """
        key_id = key_id_of(sealed)
        key = self._ring.get(key_id)
        if key is None:
            raise CannotOpenError(f"It was sealed with the key «{key_id}», which PORTAL_VAULT_KEYS does not hold.")
        start = 2 + len(key_id)
        nonce, body = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        try:
            return key.decrypt(nonce, body, _associated(place, key_id))
        except (InvalidTag, ValueError):
            raise CannotOpenError(f"It does not open with the key «{key_id}» for the place it was found in.") from None


def key_id_of(sealed: bytes) -> str:
    """The id of the key a value was sealed with."""
    if len(sealed) < 2 or sealed[:1] != _FORMAT:
        raise CannotOpenError("It is not in a form this version can read.")
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


def new_key() -> Secret:
    """A fresh key as PORTAL_VAULT_KEYS writes it: ``id:base64``, the id being random too."""
    return Secret(f"k{os.urandom(4).hex()}:{base64.b64encode(os.urandom(_KEY_BYTES)).decode()}")


def _associated(place: Sequence[str], key_id: str) -> bytes:
    # Each word carries its length, so that ("ab", "c") and ("a", "bc") are two places.
    words = [word.encode() for word in (*place, key_id)]
    return b"".join(struct.pack(">I", len(word)) + word for word in words)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""

"""The key that seals the audit log. It is derived where it is used, and stands in no database."""

from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.domain.secret import Secret

_KEY: Final = b"waypost audit seals: key, 1"
_ID: Final = b"waypost audit seals: key id, 1"


class AuditKey:
    """HMAC-SHA256 with a key derived from PORTAL_SECRET_KEY by HKDF-SHA256 (RFC 5869).

    Attributes:
        id: 16 hexadecimal digits, derived beside the key: they tell keys apart and say nothing of them.
    """

    def __init__(self, secret_key: Secret) -> None:
        self._key = _derived(secret_key, _KEY, 32)
        self.id = _derived(secret_key, _ID, 8).hex()

    def mac(self, parts: Iterable[bytes]) -> bytes:
        """32 bytes over the parts, which themselves say where each of them ends."""
        mac = HMAC(self._key, SHA256())
        for part in parts:
            mac.update(part)
        return mac.finalize()


def _derived(secret_key: Secret, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info).derive(secret_key.reveal().encode())

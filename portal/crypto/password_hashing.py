"""Passwords of the people who sign in."""

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_DEFAULT: Final = PasswordHasher()


class PasswordHashing:
    """Argon2id. A wrong password and an unknown user cost the same time (THREATS 24)."""

    def __init__(self, hasher: PasswordHasher = _DEFAULT) -> None:
        self._hasher = hasher
        self._nobodys: str | None = None

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; with None for an unknown user, False after the same work."""
        if stored is None:
            self._nobodys = self._nobodys or self._hasher.hash("nobody has this password")
        try:
            return self._hasher.verify(stored or self._nobodys or "", password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's: the next right password makes it anew."""
        return self._hasher.check_needs_rehash(stored)

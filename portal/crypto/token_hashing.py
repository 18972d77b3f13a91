"""Tokens that are handed out once and recognised later, without being kept."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, fit for a URL or a cookie."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored in a token's place. A fast hash is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(token.encode()).digest()

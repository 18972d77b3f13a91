"""The demo's secrets, made at the first start and kept."""

import base64
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from portal.demo.folder import DemoFolder, write_whole


def secret_key(folder: DemoFolder) -> str:
    return _kept(folder.path / "secret-key", lambda: secrets.token_urlsafe(48))


def vault_keys(folder: DemoFolder) -> str:
    """One key in the spelling of ``PORTAL_VAULT_KEYS``: ``id:base64 of 32 bytes``."""
    return _kept(folder.path / "vault-keys", lambda: f"demo:{base64.b64encode(secrets.token_bytes(32)).decode()}")


def make_dkim_key(folder: DemoFolder) -> None:
    """Make the platform's signing key, an RSA key of 2048 bits (RFC 8301 section 3.2), unless it is there."""
    if not folder.dkim_key.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_whole(folder.dkim_key, pem, mode=0o600)


def dkim_public_key(folder: DemoFolder) -> str:
    """The public half as DNS publishes it: base64 of its SubjectPublicKeyInfo (RFC 6376 section 3.6.1)."""
    key = load_pem_private_key(folder.dkim_key.read_bytes(), password=None)
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        write_whole(path, make().encode() + b"\n", mode=0o600)
    return path.read_text().strip()

"""TLS as a client that means it: verified certificates, TLS 1.2 and later (THREATS 9 and 10, RFC 8314)."""

import ssl
from functools import lru_cache
from typing import Final, NamedTuple

from portal.domain.routing.trouble import Trouble

_EXPIRED: Final = 10
_SELF_SIGNED: Final = 18
_NAME_MISMATCHES: Final = frozenset({62, 64})
"""Host name and IP address (OpenSSL, X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH)."""

_VERSION_WORDS: Final = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "VERSION_TOO_LOW", "WRONG_SSL_VERSION")
_TLS_RECORD_TYPES: Final = frozenset({0x15, 0x16})
"""Alert and handshake: all that a server can begin with (RFC 8446 section 5.1)."""


class TlsFault(NamedTuple):
    """Why a handshake failed, and OpenSSL's words for it."""

    trouble: Trouble
    detail: str


@lru_cache(maxsize=4)
def client_context(ca_file: str | None) -> ssl.SSLContext:
    """The context that all verified connections of the process share; reading the system's roots costs 17 ms.

    Args:
        ca_file: PEM of additional roots, or None. Read once: a changed file needs a restart.

    Raises:
        OSError: ``ca_file`` cannot be read or is no PEM (``ssl.SSLError`` is one).
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    # The common name is free text; only the subject alternative names say whose certificate it is (RFC 9525).
    context.hostname_checks_common_name = False
    return context


@lru_cache(maxsize=1)
def inspecting_context() -> ssl.SSLContext:
    """A context that believes everything, for reading a certificate that was refused. Nothing secret may follow it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fault_of_handshake(error: ssl.SSLError, *, first_bytes: bytes) -> TlsFault:
    """Say what a failed handshake means.

    Args:
        error: What OpenSSL reported.
        first_bytes: How the server's answer to our first message began.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsFault(_certificate_trouble(error.verify_code), error.verify_message)
    # OpenSSL says "wrong version number" or, since 3.2, "record layer failure"; the bytes say it without words.
    if first_bytes and first_bytes[0] not in _TLS_RECORD_TYPES:
        return TlsFault(Trouble.SPEAKS_CLEAR_TEXT, "")
    reason = error.reason or ""
    is_version = any(words in reason for words in _VERSION_WORDS)
    return TlsFault(Trouble.TLS_VERSION if is_version else Trouble.TLS_FAILED, reason.replace("_", " ").lower())


def _certificate_trouble(verify_code: int) -> Trouble:
    if verify_code in _NAME_MISMATCHES:
        return Trouble.CERTIFICATE_NAME
    named = {_EXPIRED: Trouble.CERTIFICATE_EXPIRED, _SELF_SIGNED: Trouble.CERTIFICATE_SELF_SIGNED}
    return named.get(verify_code, Trouble.CERTIFICATE)

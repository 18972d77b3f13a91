"""DKIM signatures (RFC 6376), by dkimpy with the RSA of ``cryptography``.

dkimpy signs with RSA in pure Python and parses the key anew for each message: 7 ms a signature with 2048 bits, where
``cryptography`` with a key loaded once leaves 0.7 ms. Half of that is dkimpy's way through the body by regular
expressions, so the body is hashed here; three quarters of what is left is the RSA itself (PERFORMANCE).
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, utils
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from dkim.canonicalization import Relaxed

from portal.domain.mail.host_names import HostError, parse_domain
from portal.domain.secret import Secret

_SHORTEST_KEY: Final = 2048  # bits (RFC 8301 section 3.2: signers SHOULD)
_SELECTOR: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*")
_FROM_DOMAIN: Final = re.compile(rb"@([a-z0-9.-]+)>?\r\n\Z")
_END_OF_HEADERS: Final = b"\r\n\r\n"
_RELAXED: Final = (b"relaxed", b"relaxed")

# Named once more than they occur, so that a second one, or a first where there was none, breaks the signature (THREATS
# 42). Without it a signed mail can be sent on with another Subject or Reply-To put above the true one.
_OVERSIGNED: Final = (b"from", b"to", b"subject", b"date", b"reply-to", b"mime-version", b"content-type")
# Signed where they occur. Not oversigned: servers on the way may rightly add those that are absent.
_SIGNED: Final = frozenset(
    {
        b"message-id",
        b"content-transfer-encoding",
        b"auto-submitted",
        b"in-reply-to",
        b"references",
        b"list-id",
        b"list-help",
        b"list-unsubscribe",  # RFC 8058 section 4: one-click counts only where both are covered
        b"list-unsubscribe-post",
    }
)


class DkimError(Exception):
    """A key that cannot be used, or a message that is not to be signed with it. The text is a sentence."""


class DkimSigner:
    """Signs messages for one domain with one key, which is loaded once. May be shared by threads.

    Args:
        domain: The d= tag, an A-label domain.
        selector: The s= tag; the public key is published at ``<selector>._domainkey.<domain>``.
        private_key_pem: RSA, at least 2048 bits, PKCS#1 or PKCS#8, without a passphrase.

    Raises:
        DkimError: Domain, selector or key is unfit.
    """

    def __init__(self, domain: str, selector: str, private_key_pem: Secret) -> None:
        try:
            self.domain: Final = parse_domain(domain)
        except HostError as error:
            raise DkimError(f"The DKIM domain: {error}") from None
        if not _SELECTOR.fullmatch(selector):
            raise DkimError("A DKIM selector has lower-case letters, digits and hyphens, for example s2026.")
        self.selector: Final = selector
        self._key = _load(private_key_pem)

    def __repr__(self) -> str:
        return f"DkimSigner({self.record_name})"

    @property
    def record_name(self) -> str:
        """Where the TXT record of the public key belongs."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT record that publishes the public key (RFC 6376 section 3.6.1), in one piece."""
        return f"v=DKIM1; k=rsa; p={self.public_key}"

    @property
    def public_key(self) -> str:
        """The SubjectPublicKeyInfo in base64, as p= publishes it."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(public).decode("ascii")

    def covers(self, from_domain: str) -> bool:
        """Whether a signature of this domain can align with that From domain (RFC 9989 section 4.4, relaxed)."""
        return (
            from_domain == self.domain
            or from_domain.endswith(f".{self.domain}")
            or self.domain.endswith(f".{from_domain}")
        )

    def sign(self, data: bytes) -> bytes:
        """Put a DKIM-Signature before a composed message.

        rsa-sha256, relaxed/relaxed, no l= (RFC 6376 section 8.2), oversigned.

        Raises:
            DkimError: The message is from a domain this key does not speak for, or is no message.
        """
        try:
            signing = _Signing(data, self._key)
            self._check_from(signing)
            signature: bytes = signing.sign(
                self.selector.encode("ascii"),
                self.domain.encode("ascii"),
                _STAND_IN_KEY,
                canonicalize=_RELAXED,
                include_headers=signing.names_to_sign(),
            )
        except dkim.DKIMException:
            # Not chained: dkimpy quotes the line it stumbled over, which may be a Subject with a code.
            raise DkimError("The message cannot be signed: its headers cannot be read.") from None
        return signature + data

    def _check_from(self, signing: "_Signing") -> None:
        senders = [value for name, value in signing.headers if name.lower() == b"from"]
        found = _FROM_DOMAIN.search(senders[0]) if len(senders) == 1 else None
        if found is None:
            raise DkimError("The message cannot be signed: it has not exactly one From address.")
        if not self.covers(found[1].decode("ascii")):
            raise DkimError(f"The key of {self.domain} does not sign mail from {found[1].decode('ascii')}.")


@dataclass(frozen=True, slots=True)
class _Signature:
    signature: bytes


@dataclass(frozen=True, slots=True)
class _DigestSigner:
    """What dkimpy expects of an Ed25519 key of PyNaCl, doing RSA."""

    key: RSAPrivateKey

    def sign(self, digest: bytes) -> _Signature:
        return _Signature(self.key.sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256())))


class _Signing(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no type information
    """One message being signed by dkimpy, with a key of ours.

    dkimpy has two ways of signing the hashed header: "rsa-sha256" by its own functions, which only a change to its
    module's globals would replace, for every user of it in the process; and "ed25519-sha256" by asking a key object
    to ``sign(digest)``, with the same SHA-256 before it. By the time of ``gen_header()`` the a= tag and the hash are
    chosen, so the second way is taken there, for this message alone. There as well the hash of the body takes the
    place of that of no body, which is all that dkimpy is given.
    """

    def __init__(self, data: bytes, key: RSAPrivateKey) -> None:
        # dkimpy, here and at the receiver, takes a bare LF for the end of a line, even of the header.
        if not data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
            raise dkim.MessageFormatError("a bare line break")
        head, _, body = data.partition(_END_OF_HEADERS)
        super().__init__(head + _END_OF_HEADERS)
        self._signer = _DigestSigner(key)
        self._body_hash = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest())

    def names_to_sign(self) -> list[bytes]:
        """The h= tag: every signed field as often as it occurs, the oversigned ones once more."""
        present = [name.lower() for name, _ in self.headers]
        return [name for name in present if name in _SIGNED or name in _OVERSIGNED] + list(_OVERSIGNED)

    def gen_header(self, *arguments: Any) -> Any:
        tags, *others, _parsed_by_dkimpy = arguments
        self.signature_algorithm = b"ed25519-sha256"
        own = [(name, self._body_hash if name == b"bh" else value) for name, value in tags]
        return super().gen_header(own, *others, self._signer)


def _relaxed_body(body: bytes) -> bytes:
    """The body in the form that is hashed (RFC 6376 section 3.4.4)."""
    if b"\t" in body or b"  " in body or b" \r\n" in body:
        canonical: bytes = Relaxed.canonicalize_body(body)
        return canonical
    # Nothing to compress, as in nearly every body that is encoded: only empty lines at the end are left away.
    lines = body.rstrip(b"\r\n")
    return lines + b"\r\n" if lines else b""


def _load(private_key_pem: Secret) -> RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(private_key_pem.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not chained: what a parser says about a key may quote it.
        raise DkimError("The DKIM key is no PEM private key, or has a passphrase.") from None
    if not isinstance(key, RSAPrivateKey):
        raise DkimError("The DKIM key is no RSA key; other kinds are not verified by all receivers.")
    if key.key_size < _SHORTEST_KEY:
        raise DkimError(f"The DKIM key has {key.key_size} bits; at least {_SHORTEST_KEY} are needed.")
    return key


# dkimpy insists on parsing a key before gen_header() is reached. It gets nine zeros: the true one is then never in its
# hands, and should a later dkimpy sign with what it has parsed, no signature would verify and the tests would say so.
_STAND_IN_KEY: Final = b"--\n" + base64.b64encode(b"\x30\x1b" + b"\x02\x01\x00" * 9) + b"\n--"

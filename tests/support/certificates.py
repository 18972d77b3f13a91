"""Certificates for servers in tests: a good one, and one for each way to be wrong."""

import ssl
import warnings
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import cached_property, lru_cache
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

SERVER_NAMES = ("localhost", "127.0.0.1", "smtp.acme.example")
OTHER_NAMES = ("mail.hoster.example", "*.hoster.example")
EXPIRED_ON = datetime(2020, 2, 29, tzinfo=UTC)


class Certificate(Enum):
    """What a test server shows."""

    GOOD = auto()  # issued by our CA for SERVER_NAMES
    EXPIRED = auto()  # good until EXPIRED_ON
    OTHER_NAME = auto()  # issued by our CA for OTHER_NAMES
    ONLY_COMMON_NAME = auto()  # says localhost where no name belongs any more
    SELF_SIGNED = auto()  # for SERVER_NAMES, by nobody
    UNKNOWN_AUTHORITY = auto()  # for SERVER_NAMES, by a CA that nobody trusts
    OLD_TLS = auto()  # the good one, from a server that speaks TLS 1.1 at most


class Certificates:
    """A CA of our own and what it has issued. One for a test session: keys take time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca_file)
        self.server_context = lru_cache(self._server_context)

    def _server_context(self, shown: Certificate) -> ssl.SSLContext:
        """A server's TLS context that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.check_hostname = False
        if shown is Certificate.SELF_SIGNED:
            context.load_cert_chain(self._self_signed)
        elif shown is Certificate.ONLY_COMMON_NAME:
            context.load_cert_chain(self._only_common_name)
        else:
            self._issued(shown).configure_cert(context)
        if shown is Certificate.OLD_TLS:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # being out of date is its purpose
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context

    def _issued(self, shown: Certificate) -> trustme.LeafCert:
        if shown is Certificate.EXPIRED:
            return self._authority.issue_cert(
                *SERVER_NAMES, not_before=EXPIRED_ON - timedelta(days=90), not_after=EXPIRED_ON
            )
        if shown is Certificate.OTHER_NAME:
            return self._authority.issue_cert(*OTHER_NAMES)
        return (trustme.CA() if shown is Certificate.UNKNOWN_AUTHORITY else self._authority).issue_cert(*SERVER_NAMES)

    @cached_property
    def _self_signed(self) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("smtp.acme.example")])
        builder = _certificate_builder("Self", key.public_key())
        builder = builder.issuer_name(_name("Self")).add_extension(names, critical=False)
        return self._written("self-signed.pem", builder.sign(key, SHA256()), key)

    @cached_property
    def _only_common_name(self) -> Path:
        authority_key = load_pem_private_key(self._authority.private_key_pem.bytes(), password=None)
        authority = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _certificate_builder("localhost", key.public_key()).issuer_name(authority.subject)
        if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
            raise TypeError("trustme makes elliptic keys")
        certificate = builder.sign(authority_key, SHA256())
        return self._written("only-common-name.pem", certificate, key)

    def _written(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
        path = self._folder / name
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        return path


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _certificate_builder(subject: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )

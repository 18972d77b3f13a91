"""Certificates for the demo's mail servers, from an authority of its own."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from portal.demo.folder import DemoFolder, write_whole
from portal.demo.hosts import ACME, LOOPBACK, PLATFORM

VALID_FOR: Final = timedelta(days=5 * 365)
_RENEWED_BEFORE_THE_END: Final = timedelta(days=30)
_NOTHING_ELSE: Final = dict.fromkeys(
    (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def make_certificates(folder: DemoFolder, *, now: datetime) -> None:
    """Make root and server certificates, unless valid ones are there.

    The root's private key is never written: nobody can have another certificate signed by what
    ``PORTAL_CA_FILE`` trusts. When a certificate is missing or near its end, all are made anew.
    """
    servers = (ACME.name, PLATFORM.name)
    files = [folder.ca_certificate, *(folder.server_certificate(name) for name in servers)]
    if all(file.exists() for file in files) and _valid_until(folder) - _RENEWED_BEFORE_THE_END > now:
        return
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = _root_certificate(root_key, now)
    for name in servers:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _server_certificate(name, key, root, root_key, now)
        pem = certificate.public_bytes(Encoding.PEM) + key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        write_whole(folder.server_certificate(name), pem, mode=0o600)
    write_whole(folder.ca_certificate, root.public_bytes(Encoding.PEM))


def _valid_until(folder: DemoFolder) -> datetime:
    return x509.load_pem_x509_certificate(folder.ca_certificate.read_bytes()).not_valid_after_utc


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(hours=1))
        .not_valid_after(now.astimezone(UTC) + VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _root_certificate(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name("Waypost demo root")
    usage = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **_NOTHING_ELSE)
    return (
        _draft(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )


def _server_certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    """A certificate for the host name, and for the two other spellings under which a demo is reached."""
    names = [x509.DNSName(name), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **_NOTHING_ELSE)
    # Python 3.13 verifies strictly by default: without the authority's key identifier it refuses (RFC 5280 4.2.1.1).
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return (
        _draft(_name(name), root.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(authority, critical=False)
        .sign(root_key, SHA256())
    )

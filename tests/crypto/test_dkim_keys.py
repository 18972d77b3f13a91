"""Which keys may sign, and that an unfit one is refused before any message meets it."""

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from portal.crypto.dkim_signer import DkimError, DkimSigner
from portal.domain.secret import Secret
from tests.support.dkim_keys import pem, rsa_key

MESSAGE = b"From: noreply@acme.example\r\nSubject: s\r\n\r\nbody\r\n"


def test_a_key_may_be_in_either_usual_form() -> None:
    old_form = rsa_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )

    signed = DkimSigner("acme.example", "s2026", Secret(old_form.decode())).sign(MESSAGE)

    record = DkimSigner("acme.example", "s2026", Secret(pem(rsa_key()))).record
    assert dkim.verify(signed, dnsfunc=lambda *_, **__: record.encode(), minkey=2048)


UNFIT_KEYS = {
    "short": (lambda: pem(rsa_key(1024)), "has 1024 bits; at least 2048"),
    "elliptic": (lambda: pem(ec.generate_private_key(ec.SECP256R1())), "no RSA key"),
    "Ed25519": (lambda: pem(ed25519.Ed25519PrivateKey.generate()), "no RSA key"),
    "locked": (lambda: pem(rsa_key(), b"passphrase"), "no PEM private key, or has a passphrase"),
    "empty": (lambda: "", "no PEM private key"),
    "words": (lambda: "hunter2", "no PEM private key"),
    "damaged": (lambda: pem(rsa_key()).replace("A", "B"), "no PEM private key"),
}


@pytest.mark.parametrize(("key", "sentence"), UNFIT_KEYS.values(), ids=UNFIT_KEYS)
def test_an_unfit_key_is_refused_at_once_and_shown_nowhere(key: object, sentence: str) -> None:
    assert callable(key)
    text = key()

    with pytest.raises(DkimError, match=sentence) as refusal:
        DkimSigner("acme.example", "s2026", Secret(text))

    assert not text or text not in str(refusal.value)
    assert refusal.value.__cause__ is None

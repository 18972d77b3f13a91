"""Signatures that receivers believe, and that break when anybody changes what was signed."""

import base64
import hashlib
import re
from email import policy
from email.parser import BytesParser

import dkim
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from portal.crypto.dkim_signer import DkimError, DkimSigner
from portal.domain.mail.content import Attachment, Content
from portal.domain.mail.mime import compose
from portal.domain.mail.sender_identity import SenderIdentity
from portal.domain.secret import Secret
from tests.support.dkim_keys import pem, rsa_key
from tests.support.messages import AT, message

CONTENT = Content(
    "Größe und Güte " * 8,
    text="Dear Ada,\n\n.\nFrom  here  on \n\n\n",
    html="<p>Dear Ada</p>",
    attachments=(Attachment("März.pdf", "application/pdf", b"%PDF"),),
    headers=(
        ("List-Unsubscribe", "<https://acme.example/u/7>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("X-Tag", "a"),
    ),
)


def signer(domain: str = "acme.example") -> DkimSigner:
    return DkimSigner(domain, "s2026", Secret(pem(rsa_key())))


def composed(
    content: Content = CONTENT, *, from_address: str = "noreply@acme.example", reply_to: str | None = None
) -> bytes:
    identity = SenderIdentity(from_address, "Acme, Größe", reply_to, "bounces@acme.example")
    return compose(message(content), identity, date=AT).data


def dkimpy_believes(data: bytes, record: str) -> bool:
    """The verdict of dkimpy, which looks the key up in the record alone."""
    asked = []

    def dnsfunc(name: bytes, timeout: int = 5) -> bytes:
        asked.append((name, timeout))
        return record.encode()

    believed = dkim.verify(data, dnsfunc=dnsfunc, minkey=2048)
    assert {name for name, _ in asked} <= {b"s2026._domainkey.acme.example."}
    return bool(believed)


def tags_of(signed: bytes) -> dict[str, str]:
    field = signed.partition(b"\r\nFrom:")[0].decode("ascii").removeprefix("DKIM-Signature:")
    pairs = (part.split("=", 1) for part in re.sub(r"\s+", "", field).split(";"))
    return {name: value for name, value in pairs}  # noqa: C416 - dict() of a generator of lists is refused by mypy


@pytest.mark.parametrize("reply_to", [None, "help@acme.example"])
@pytest.mark.parametrize("content", [CONTENT, Content("s", text="a"), Content("s", text="a\n\n\n")])
def test_a_signed_message_verifies_and_is_otherwise_unchanged(content: Content, reply_to: str | None) -> None:
    data = composed(content, reply_to=reply_to)

    signed = signer().sign(data)

    assert signed.endswith(b"\r\n" + data)
    assert signed.startswith(b"DKIM-Signature: ")
    assert dkimpy_believes(signed, signer().record)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\r\n", b"\r\n\r\n", b"a", b"a\r\n", b"a\r\n\r\n\r\n", b"\r\n\r\na\r\n", b" ", b" \r\n", b"\t\r\n"),
        *(
            b"a b\r\n",
            b"a  b\r\n",
            b"a\tb\r\n",
            b"a \r\n",
            b"a\t\r\n",
            b" a\r\n",
            b"a\r\n \r\n",
            b"a\r\n \r\n\r\n",
            b"a ",
        ),
    ],
)
def test_white_space_of_every_kind_is_hashed_as_the_receiver_does(body: bytes) -> None:
    data = b"From: noreply@acme.example\r\nSubject: s\r\n\r\n" + body

    assert dkimpy_believes(signer().sign(data), signer().record)


def test_the_signature_verifies_by_the_letter_of_rfc_6376_without_dkimpy() -> None:
    signed = signer().sign(composed())
    tags = tags_of(signed)
    head, _, body = signed.partition(b"\r\n\r\n")
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", head).split(b"\r\n")
    fields = [(line.partition(b":")[0].lower(), line.partition(b":")[2]) for line in unfolded]

    def relaxed(name: bytes, value: bytes) -> bytes:
        return name + b":" + re.sub(rb"[ \t]+", b" ", value).strip() + b"\r\n"

    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    canonical_body = b"\r\n".join(lines).rstrip(b"\r\n") + b"\r\n"
    assert base64.b64decode(tags["bh"]) == hashlib.sha256(canonical_body).digest()

    _, own = fields.pop(0)
    hashed = b""
    for name in tags["h"].encode().split(b":"):
        at = next((index for index in reversed(range(len(fields))) if fields[index][0] == name), None)
        if at is not None:
            hashed += relaxed(*fields.pop(at))
    hashed += relaxed(b"dkim-signature", re.sub(rb"([;\s]b=)[^;]*", rb"\1", own)).rstrip(b"\r\n")
    rsa_key().public_key().verify(base64.b64decode(tags["b"]), hashed, padding.PKCS1v15(), hashes.SHA256())


def test_the_tags_say_what_the_design_asks_for() -> None:
    tags = tags_of(signer().sign(composed()))

    assert (tags["a"], tags["c"], tags["d"], tags["s"]) == ("rsa-sha256", "relaxed/relaxed", "acme.example", "s2026")
    assert "l" not in tags
    names = tags["h"].split(":")
    twice = ["from", "to", "subject", "date", "mime-version", "content-type"]
    assert [names.count(name) for name in twice] == [2] * len(twice)
    assert names.count("reply-to") == 1  # absent, and to stay so
    assert {"message-id", "list-unsubscribe", "list-unsubscribe-post", "auto-submitted"} <= set(names)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"Dear Ada", b"Dear Eve", id="body"),
        pytest.param(b"noreply@acme", b"noreply2@acme", id="From"),
        pytest.param(b"To: ada@dest", b"To: eve@dest", id="To"),
        pytest.param(b"Subject: ", b"Subject: Re: ", id="Subject"),
        pytest.param(b"21:04:00", b"21:05:00", id="Date"),
        pytest.param(b"/u/7", b"/u/8", id="List-Unsubscribe"),
        pytest.param(b"One-Click", b"One-Klick", id="List-Unsubscribe-Post"),
        pytest.param(b"multipart/mixed", b"multipart/related", id="Content-Type"),
        pytest.param(b"--\r\n", b"--\r\nmore\r\n", id="text after the end"),
    ],
)
def test_a_changed_message_is_not_believed(old: bytes, new: bytes) -> None:
    signed = signer().sign(composed())
    changed = signed.replace(old, new)

    assert changed != signed
    assert not dkimpy_believes(changed, signer().record)


@pytest.mark.parametrize("where", ["above", "below"])
@pytest.mark.parametrize(
    "name", ["From", "To", "Subject", "Date", "Reply-To", "MIME-Version", "Content-Type", "reply-to", "SUBJECT"]
)
def test_an_added_header_breaks_the_signature(name: str, where: str) -> None:
    signed = signer().sign(composed())
    added = f"{name}: eve@evil.example\r\n".encode()
    changed = added + signed if where == "above" else signed.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1)

    assert not dkimpy_believes(changed, signer().record)


def test_a_signature_survives_what_relays_do() -> None:
    signed = signer().sign(composed())
    received = b"Received: from a.example by b.example; Fri, 20 Nov 2026 21:04:05 +0000\r\n" + signed
    refolded = re.sub(rb"\r\n (?=[a-z=<])", b"\r\n\t  ", received.partition(b"\r\n\r\n")[0])
    travelled = refolded + b"\r\n\r\n" + received.partition(b"\r\n\r\n")[2] + b"\r\n\r\n"
    written_again = BytesParser(policy=policy.compat32).parsebytes(received).as_bytes()

    assert travelled != received
    assert dkimpy_believes(travelled, signer().record)
    assert dkimpy_believes(written_again.replace(b"\n", b"\r\n"), signer().record)


def test_another_key_of_the_same_name_does_not_verify() -> None:
    other = DkimSigner("acme.example", "s2026", Secret(pem(rsa.generate_private_key(65537, 2048))))

    assert not dkimpy_believes(signer().sign(composed()), other.record)


def test_a_message_with_an_international_address_is_signed_too() -> None:
    data = composed(from_address="größe@acme.example")

    assert dkimpy_believes(signer().sign(data), signer().record)


@pytest.mark.parametrize(
    ("domain", "from_domain", "covered"),
    [
        ("acme.example", "acme.example", True),
        ("acme.example", "mail.acme.example", True),
        ("mail.acme.example", "acme.example", True),
        ("acme.example", "other.example", False),
        ("acme.example", "notacme.example", False),
        ("a.acme.example", "b.acme.example", False),
    ],
)
def test_a_key_signs_for_its_own_domain_only(domain: str, from_domain: str, *, covered: bool) -> None:
    data = composed(from_address=f"noreply@{from_domain}")

    assert signer(domain).covers(from_domain) is covered
    if covered:
        assert signer(domain).sign(data).endswith(data)
    else:
        with pytest.raises(DkimError, match=f"The key of {domain} does not sign mail from {from_domain}"):
            signer(domain).sign(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no header\r\n\r\n",
        b"To: ada@dest.example\r\n\r\n",
        b"From: a@acme.example\r\nFrom: b@acme.example\r\n\r\n",
        b"From: Acme\r\n\r\n",
        b"From: a@acme.example\r\n\r\nbare\nbreak\r\n",
        b"From: a@acme.example\r\n\r\nbare\rbreak\r\n",
        b"From: a@acme.example\r\nSubject: s\n\nbody\r\n\r\nbody\r\n",
    ],
)
def test_what_is_no_message_is_not_signed(data: bytes) -> None:
    with pytest.raises(DkimError, match="cannot be signed"):
        signer().sign(data)


@pytest.mark.parametrize(
    ("domain", "selector"),
    [
        ("localhost", "s2026"),
        ("acme.example; l=0", "s2026"),
        ("acme.example", ""),
        ("acme.example", "s 1"),
        ("acme.example", "s;l=0"),
        ("acme.example", "-s"),
        ("acme.example", "s..t"),
        ("acme.example", "s\r\n"),
    ],
)
def test_a_domain_or_selector_that_would_spoil_the_header_is_refused(domain: str, selector: str) -> None:
    with pytest.raises(DkimError):
        DkimSigner(domain, selector, Secret(pem(rsa_key())))


def test_no_repr_shows_the_key() -> None:
    assert repr(signer()) == "DkimSigner(s2026._domainkey.acme.example)"


def test_other_users_of_dkimpy_in_the_process_notice_nothing() -> None:
    data = composed()
    signer().sign(data)

    theirs = dkim.sign(data, b"s2026", b"acme.example", pem(rsa_key()).encode())

    assert dkimpy_believes(theirs + data, signer().record)
    assert dkim.RSASSA_PKCS1_v1_5_sign.__module__ == dkim.parse_pem_private_key.__module__ == "dkim.crypto"

"""The host field takes what people paste, where it contradicts nothing, and else names what to type."""

import pytest

from portal.domain.mail.host_names import HostError
from portal.domain.routing.pasted_host import parse_typed_host
from portal.domain.routing.smtp_route import TlsMode

STARTTLS, TLS = TlsMode.STARTTLS, TlsMode.IMPLICIT


@pytest.mark.parametrize(
    ("text", "port", "security", "host"),
    [
        ("smtp.acme.example", 587, STARTTLS, "smtp.acme.example"),
        ("smtp.acme.example:587", 587, STARTTLS, "smtp.acme.example"),
        ("SMTP.Acme.example:465", 465, TLS, "smtp.acme.example"),
        ("smtp://smtp.acme.example", 587, STARTTLS, "smtp.acme.example"),
        ("smtps://smtp.acme.example:465", 465, TLS, "smtp.acme.example"),
        ("smtps://smtp.acme.example/", 465, TLS, "smtp.acme.example"),
        ("smtp://user:secret@smtp.acme.example:587", 587, STARTTLS, "smtp.acme.example"),
        ("smtp.bücher.example:587", 587, STARTTLS, "smtp.xn--bcher-kva.example"),
        ("[2606:4700:4700::1111]:587", 587, STARTTLS, "2606:4700:4700::1111"),
    ],
)
def test_what_says_nothing_new_is_taken_apart(text: str, port: int, security: TlsMode, host: str) -> None:
    assert parse_typed_host(text, port=port, security=security) == host


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("smtp.acme.example:465", "Type only smtp.acme.example here, and 465 into the field Port."),
        (
            "smtps://smtp.acme.example:465",
            "Type only smtp.acme.example here, and 465 into the field Port, and choose SSL/TLS.",
        ),
        ("smtps://smtp.acme.example", "Type only smtp.acme.example here, and choose SSL/TLS."),
        (
            "smtps://user:secret@smtp.acme.example:465",
            "Type only smtp.acme.example here, and 465 into the field Port, and choose SSL/TLS.",
        ),
        ("https://mail.acme.example", "This is the address of a web page."),
        ("http://acme.example:8080/", "This is the address of a web page."),
        ("ada@acme.example", "This is a mail address. The host is the name of a server, such as smtp.example.com."),
        ("ada@gmail.com", "such as smtp.example.com: for Gmail it is smtp.gmail.com."),
        ("ada@gmx.de", "for GMX it is mail.gmx.net."),
        ("email-smtp.{region}.amazonaws.com", "Put the region of your account where {region} stands."),
        ("smtp acme example", "Leave out spaces and line breaks."),
        ("smtp.acme.example/path", "leave out the slash"),
        ("user:secret@smtp.acme.example", "leave out the @"),
        ("mail", "Use the full name with its domain"),
        ("smtp.acme.example:99999999", "the port has a field of its own"),
    ],
)
def test_anything_else_is_refused_with_what_to_type_and_without_what_may_be_a_password(
    text: str, sentence: str
) -> None:
    with pytest.raises(HostError) as refused:
        parse_typed_host(text, port=587, security=STARTTLS)
    assert sentence in str(refused.value)
    assert "secret" not in str(refused.value)

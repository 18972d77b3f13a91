import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.mail.host_names import HostError, HostReason, parse_domain, parse_host

SPELLINGS = [
    ("smtp.postmarkapp.com", "smtp.postmarkapp.com"),
    ("SMTP.Office365.COM", "smtp.office365.com"),
    ("email-smtp.eu-central-1.amazonaws.com", "email-smtp.eu-central-1.amazonaws.com"),
    ("acme-example.mail.protection.outlook.com", "acme-example.mail.protection.outlook.com"),
    ("smtp.acme.example.", "smtp.acme.example"),
    ("1and1.example", "1and1.example"),
    ("163.com", "163.com"),
    ("mx1.0x.example", "mx1.0x.example"),
    ("r3---sn.example", "r3---sn.example"),
    ("mail.corp1", "mail.corp1"),
    ("smtp.bücher.example", "smtp.xn--bcher-kva.example"),
    ("SMTP.BÜCHER.example", "smtp.xn--bcher-kva.example"),
    ("smtp.xn--bcher-kva.example", "smtp.xn--bcher-kva.example"),
    ("mail.faß.example", "mail.xn--fa-hia.example"),
    ("почта.рф", "xn--80a1acny.xn--p1ai"),
    ("郵件。例え。テスト", "xn--5nqv22n.xn--r8jz45g.xn--zckzah"),
    ("ｓｍｔｐ．ａｃｍｅ．ｅｘａｍｐｌｅ", "smtp.acme.example"),
    ("8.8.8.8", "8.8.8.8"),
    ("2606:4700:4700::1111", "2606:4700:4700::1111"),
    ("a" * 63 + ".example", "a" * 63 + ".example"),
    ("a." * 123 + "example.", "a." * 123 + "example"),
]

SLIPS = [
    ("", HostReason.EMPTY),
    (" smtp.acme.example", HostReason.WHITE_SPACE),
    ("smtp.acme.example\n", HostReason.WHITE_SPACE),
    ("smtp.acme\u00a0.example", HostReason.WHITE_SPACE),
    ("smtp://smtp.acme.example:587", HostReason.URL),
    ("https://acme.example/", HostReason.URL),
    ("smtp.acme.example/inbox", HostReason.PATH),
    ("\\\\mail.acme.example", HostReason.PATH),
    ("smtp.acme.example?tls", HostReason.PATH),
    ("smtp.acme.example#587", HostReason.PATH),
    ("ada@acme.example", HostReason.USER),
    ("smtp.acme.example:587", HostReason.PORT),
    ("8.8.8.8:25", HostReason.PORT),
    ("[2606:4700:4700::1111]", HostReason.BRACKETS),
    ("[8.8.8.8]", HostReason.BRACKETS),
    ("[2606:4700:4700::1111]:25", HostReason.BRACKETS),
    ("fe80::1%eth0", HostReason.ZONE),
    ("2606:4700:4700::1111%25eth0", HostReason.ZONE),
    ("a" * 64 + ".example", HostReason.TOO_LONG),
    ("a." * 126 + "example", HostReason.TOO_LONG),
    ("a." * 123 + "examples", HostReason.TOO_LONG),
    ("ü." * 100 + "example", HostReason.IDNA),
    ("ü" * 10_000, HostReason.TOO_LONG),
    (".acme.example", HostReason.EMPTY_LABEL),
    ("smtp..example", HostReason.EMPTY_LABEL),
    ("smtp.acme.example..", HostReason.EMPTY_LABEL),
    (".", HostReason.EMPTY_LABEL),
    ("smtp_out.acme.example", HostReason.CHARACTER),
    ("*.acme.example", HostReason.CHARACTER),
    ("smtp.acme.example\x00", HostReason.CHARACTER),
    ("smtp%2eacme.example", HostReason.CHARACTER),
    ("smtp,acme.example", HostReason.CHARACTER),
    ("-smtp.acme.example", HostReason.HYPHEN),
    ("smtp-.acme.example", HostReason.HYPHEN),
    ("xn--a.example", HostReason.IDNA),
    ("☃.example", HostReason.IDNA),
    ("a\u200db.example", HostReason.IDNA),
    ("smtp.acme：25.example", HostReason.IDNA),
    ("a℀b.example", HostReason.IDNA),
    ("smtp", HostReason.NO_DOT),
    ("smtp.", HostReason.NO_DOT),
    ("localhost", HostReason.THIS_MACHINE),
    ("smtp.localhost", HostReason.THIS_MACHINE),
    ("LOCALHOST.localdomain", HostReason.THIS_MACHINE),
    ("127.1", HostReason.NUMBER),
    ("8.8.8.8.", HostReason.NUMBER),
    ("08.8.8.8", HostReason.NUMBER),
    ("8.8.8.0x8", HostReason.NUMBER),
    ("134744072", HostReason.NUMBER),
    ("acme.123", HostReason.NUMBER),
    ("８.８.８.８", HostReason.NUMBER),
    ("8。8。8。8", HostReason.NUMBER),
    ("2606:4700:4700:0:0:0:0:1111", HostReason.IPV6_FORM),
    ("2606:4700:4700::FFFF", HostReason.IPV6_FORM),
    ("64:ff9b::8.8.8.8", HostReason.IPV6_FORM),
    (":8", HostReason.IPV6_FORM),
    ("1:2", HostReason.PORT),
    ("1:2:3", HostReason.IPV6_FORM),
    ("::ffff:808:808", HostReason.IPV4_INSIDE),
    ("::ffff:8.8.8.8", HostReason.IPV4_INSIDE),
]


@pytest.mark.parametrize(("text", "host"), SPELLINGS)
def test_a_host_is_read_into_its_one_spelling(text: str, host: str) -> None:
    assert parse_host(text) == host
    assert parse_host(host) == host


@pytest.mark.parametrize(("text", "reason"), SLIPS)
def test_each_slip_is_named(text: str, reason: HostReason) -> None:
    with pytest.raises(HostError) as refused:
        parse_host(text)

    assert refused.value.reason is reason
    assert str(refused.value) == reason.value


def test_no_reason_is_without_an_example() -> None:
    assert {reason for _, reason in SLIPS} | {HostReason.ADDRESS} == set(HostReason)


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700:4700::1111"])
def test_the_domain_of_an_address_is_never_a_literal(text: str) -> None:
    with pytest.raises(HostError) as refused:
        parse_domain(text)

    assert refused.value.reason is HostReason.ADDRESS


def test_the_domain_of_an_address_follows_the_grammar_of_hosts() -> None:
    assert parse_domain("Bücher.example") == "xn--bcher-kva.example"
    with pytest.raises(HostError):
        parse_domain("127.1")


@given(st.text(max_size=80) | st.text("0123456789abcdefx.:-%[]/@ ßü１。", max_size=40))
def test_any_text_is_a_host_or_a_named_slip(text: str) -> None:
    try:
        host = parse_host(text)
    except HostError:
        return
    assert set(host) <= set(string.ascii_lowercase + string.digits + ".-:")
    assert parse_host(host) == host

"""What is an address here, and what is refused with which sentence."""

import pytest

from portal.domain.mail.addresses import (
    AddressError,
    AddressReason,
    check_display_name,
    domain_of,
    needs_smtputf8,
    parse_address,
)
from portal.domain.mail.header_text import HeaderTextError, HeaderTextReason, check_header_text

LOCAL_PART_OF_64 = "a" * 64
DOMAIN_OF_189 = ".".join(["d" * 62, "d" * 62, "d" * 63])
INVISIBLE = {
    "carriage return and line feed": "\r\n",
    "line feed": "\n",
    "NUL": "\0",
    "delete": "\x7f",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "zero-width space": "\u200b",
    "soft hyphen": "\xad",
    "byte order mark": "\ufeff",
    "tag": "\U000e0041",
    "lone surrogate": "\udc0a",
}


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        pytest.param("ada@dest.example", "ada@dest.example", id="plain"),
        pytest.param("Ada.Lovelace@Dest.Example", "Ada.Lovelace@dest.example", id="only the domain has no case"),
        pytest.param("ada+tag@dest.example", "ada+tag@dest.example", id="sub-address"),
        pytest.param("o'neill@dest.example", "o'neill@dest.example", id="apostrophe"),
        pytest.param("bounce+ada=dest.example@acme.example", "bounce+ada=dest.example@acme.example", id="VERP"),
        pytest.param("_#$&*/?^`{|}~-@dest.example", "_#$&*/?^`{|}~-@dest.example", id="rare marks"),
        pytest.param("ada@bücher.example", "ada@xn--bcher-kva.example", id="international domain"),
        pytest.param("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example", id="A-label"),
        pytest.param("jörg@dest.example", "jörg@dest.example", id="letters beyond ASCII"),
        pytest.param("jo\u0308rg@dest.example", "jörg@dest.example", id="composed by NFC"),
        pytest.param("उपयोगकर्ता@dest.example", "उपयोगकर्ता@dest.example", id="letters with marks"),
        pytest.param("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v", id="Chinese throughout"),
        pytest.param(f"{LOCAL_PART_OF_64}@{DOMAIN_OF_189}", f"{LOCAL_PART_OF_64}@{DOMAIN_OF_189}", id="254 octets"),
    ],
)
def test_an_address_is_read_into_its_normal_form(typed: str, address: str) -> None:
    assert parse_address(typed) == address
    assert parse_address(address) == address


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", AddressReason.EMPTY),
        (" ada@dest.example", AddressReason.WHITE_SPACE),
        ("ada@dest.example\n", AddressReason.WHITE_SPACE),
        ("ada @dest.example", AddressReason.WHITE_SPACE),
        ("ada\u3000b@dest.example", AddressReason.WHITE_SPACE),
        ("ada\0@dest.example", AddressReason.INVISIBLE),
        ("ada\u202e@dest.example", AddressReason.INVISIBLE),
        ("ada@de\u200bst.example", AddressReason.INVISIBLE),
        ("ada\udc0a@dest.example", AddressReason.INVISIBLE),
        ("Ada<ada@dest.example>", AddressReason.NAME),
        ("<ada@dest.example>", AddressReason.NAME),
        ("ada@dest.example>,<eve@evil.example", AddressReason.NAME),
        ('"ada"@dest.example', AddressReason.QUOTED),
        ('"a@evil.example,"@dest.example', AddressReason.QUOTED),
        ("ada(eve)@dest.example", AddressReason.QUOTED),
        ("ada@dest.example(comment)", AddressReason.QUOTED),
        ("ada\\@b@dest.example", AddressReason.QUOTED),
        ("ada@dest.example,eve@evil.example", AddressReason.SEVERAL),
        ("ada@dest.example;eve@evil.example", AddressReason.SEVERAL),
        ("friends:ada@dest.example", AddressReason.SEVERAL),
        ("@relay.example:ada@dest.example", AddressReason.SEVERAL),
        ("hunter2", AddressReason.NO_AT),
        ("ada@b@dest.example", AddressReason.TWO_AT),
        ("@dest.example", AddressReason.NO_LOCAL_PART),
        (".ada@dest.example", AddressReason.DOT),
        ("ada.@dest.example", AddressReason.DOT),
        ("ada..b@dest.example", AddressReason.DOT),
        ("-oQ@dest.example", AddressReason.HYPHEN),
        ("ada%evil.example@dest.example", AddressReason.ROUTE),
        ("evil.example!ada@dest.example", AddressReason.ROUTE),
        ("=?utf-8?q?=61=40evil.example=3e?=@dest.example", AddressReason.ENCODED_WORD),
        ("ada☃@dest.example", AddressReason.CHARACTER),
        ("ada＠b@dest.example", AddressReason.CHARACTER),
        ("\u0308ada@dest.example", AddressReason.CHARACTER),
        ("a\u037eb@dest.example", AddressReason.CHARACTER),
        ("a[b]@dest.example", AddressReason.CHARACTER),
        ("a" * 65 + "@dest.example", AddressReason.LOCAL_PART_TOO_LONG),
        ("ö" * 33 + "@dest.example", AddressReason.LOCAL_PART_TOO_LONG),
        (f"{LOCAL_PART_OF_64}@d{DOMAIN_OF_189}", AddressReason.TOO_LONG),
        ("ada@", AddressReason.DOMAIN),
        ("ada@localhost", AddressReason.DOMAIN),
        ("ada@dest", AddressReason.DOMAIN),
        ("ada@dest.example.", AddressReason.DOMAIN),
        ("ada@[192.0.2.1]", AddressReason.DOMAIN),
        ("ada@192.0.2.1", AddressReason.DOMAIN),
        ("ada@-dest.example", AddressReason.DOMAIN),
        ("ada@dest..example", AddressReason.DOMAIN),
        ("ada@=?utf-8?q?x?=.example", AddressReason.DOMAIN),
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence_that_repeats_nothing(typed: str, reason: AddressReason) -> None:
    with pytest.raises(AddressError) as refusal:
        parse_address(typed)

    assert refusal.value.reason is reason
    assert str(refusal.value).startswith(reason.value)
    assert not typed or typed not in str(refusal.value)


def test_a_bad_domain_says_what_is_wrong_with_it() -> None:
    with pytest.raises(AddressError, match=r"After the @ stands no domain name\. Use the full name"):
        parse_address("ada@intranet")


@pytest.mark.parametrize(("address", "needed"), [("ada@xn--bcher-kva.example", False), ("jörg@dest.example", True)])
def test_only_a_local_part_beyond_ascii_needs_smtputf8(address: str, *, needed: bool) -> None:
    assert needs_smtputf8(address) is needed


def test_the_domain_of_an_address() -> None:
    assert domain_of(parse_address("Ada@Bücher.example")) == "xn--bcher-kva.example"


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE)
def test_no_name_and_no_header_holds_what_cannot_be_seen(character: str) -> None:
    with pytest.raises(HeaderTextError):
        check_header_text(f"Acme{character}Production")
    with pytest.raises(AddressError):
        check_display_name(f"Acme{character}Production")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("=?utf-8?q?=0aBcc=3a_eve?=", HeaderTextReason.ENCODED_WORD),
        ("a =? b", HeaderTextReason.ENCODED_WORD),
        ("A" * 101, HeaderTextReason.TOO_LONG),
        ("Acme\u2028", HeaderTextReason.LINE_BREAK),
        ("Acme\u202e", HeaderTextReason.INVISIBLE),
        ("Acme\ud800", HeaderTextReason.BROKEN),
    ],
)
def test_a_display_name_is_refused_with_its_reason(text: str, reason: HeaderTextReason) -> None:
    with pytest.raises(AddressError) as refusal:
        check_display_name(text)

    assert refusal.value.reason is reason
    assert str(refusal.value) == reason.value


@pytest.mark.parametrize(
    "text", ["", "Acme", "Acme, Inc. <sales>", 'Ada "the first" Lovelace', "Größe 例子 🚀", "A" * 100]
)
def test_a_display_name_may_be_anything_that_can_be_seen(text: str) -> None:
    check_display_name(text)

"""Names, subjects and headers arrive as they were written, and stay within their lines."""

import dataclasses
from email.utils import getaddresses

import pytest

from portal.domain.mail.sender_identity import fallback_identity
from tests.support.messages import ACME, PDF, PLATFORM, REPORT, sent
from tests.support.strict_reader import StrictMessage, decoded_text, leaves, parse_modern, parse_old


@pytest.mark.parametrize(
    "filename",
    ["report.pdf", "a; b=c.txt", "Rechnung März 2026.pdf", "例子" * 40 + ".txt", "100% 'wahr' — 🚀.bin", "a" * 150],
)
def test_an_attachment_arrives_whole_under_its_name(filename: str) -> None:
    data = sent(dataclasses.replace(REPORT, attachments=(dataclasses.replace(PDF, filename=filename),)))

    for attachment in (leaves(parse_modern(data))[-1], leaves(parse_old(data))[-1]):
        assert attachment.get_filename() == filename
        assert attachment.get_payload(decode=True) == PDF.data


@pytest.mark.parametrize(
    ("name", "written"),
    [
        pytest.param("", "noreply@acme.example", id="no name"),
        pytest.param("Acme", "Acme <noreply@acme.example>", id="atoms"),
        pytest.param("Acme, Inc.", '"Acme, Inc." <noreply@acme.example>', id="quoted"),
        pytest.param('Ada "x" \\', '"Ada \\"x\\" \\\\" <noreply@acme.example>', id="escaped"),
        pytest.param("ceo@bank.example", '"ceo@bank.example" <noreply@acme.example>', id="looks like an address"),
        pytest.param(
            "Der Größte von uns", "=?utf-8?q?Der_Gr=C3=B6=C3=9Fte_von_uns?= <noreply@acme.example>", id="encoded"
        ),
        pytest.param("例子", "=?utf-8?b?5L6L5a2Q?= <noreply@acme.example>", id="base64 where it is shorter"),
    ],
)
def test_a_sender_name_is_written_so_that_it_stays_a_name(name: str, written: str) -> None:
    data = sent(identity=dataclasses.replace(ACME, from_name=name))

    assert StrictMessage.read(data).value("From") == written
    (sender,) = parse_modern(data)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "noreply@acme.example")


def test_a_long_name_is_written_in_lines_of_78() -> None:
    name = "Acme, Inc. and all its daughters, nieces, nephews and whoever else would like to be named in a name"

    data = sent(identity=dataclasses.replace(ACME, from_name=name))

    assert max(map(len, data.split(b"\r\n"))) <= 78
    ((written, _),) = getaddresses([parse_old(data)["From"]])
    assert decoded_text(written) == name


def test_the_longest_names_still_fit_when_the_platform_takes_over() -> None:
    own = dataclasses.replace(ACME, from_name="ö" * 100)
    fallback = fallback_identity(PLATFORM, platform_name="P" * 100, tenant_name="Acme", own=own)

    read = StrictMessage.read(sent(identity=fallback))

    assert read.value("From").endswith(" <mail@platform.example>")
    assert read.value("Reply-To") == "help@acme.example"


LONG_URL = "<https://acme.example/u?" + "x" * 700 + ">, <mailto:unsubscribe@acme.example>"


def test_list_unsubscribe_is_neither_folded_nor_encoded() -> None:
    headers = (("List-Unsubscribe", LONG_URL), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))

    lines = sent(dataclasses.replace(REPORT, headers=headers)).split(b"\r\n")

    assert f"List-Unsubscribe: {LONG_URL}".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("a  b", ["X-A: a  b"]),
        ("a" * 60 + "  b " + "c" * 30, ["X-A: " + "a" * 60 + "  b", " " + "c" * 30]),
        ("a" * 71 + "  " + "c" * 80, ["X-A: " + "a" * 71 + "  " + "c" * 80]),
        ("c" * 300 + " d", ["X-A: " + "c" * 300, " d"]),
        ("viele freundliche Grüße", ["X-A: =?utf-8?q?viele_freundliche_Gr=C3=BC=C3=9Fe?="]),
    ],
)
def test_a_custom_header_is_folded_at_single_spaces_and_encoded_only_beyond_ascii(value: str, lines: list[str]) -> None:
    data = sent(dataclasses.replace(REPORT, headers=(("X-A", value),)))

    assert "\r\n".join(lines).encode() in data
    assert parse_modern(data)["X-A"] == value


@pytest.mark.parametrize(
    "subject",
    [
        "a",
        " a ",
        "a  b",
        "word " * 100 + "end",
        "w" * 300,
        "Größe 例子 🚀 " * 20,
        "a: b",
        "\u00a0a\u00a0",
        "_=?_".replace("=?", "= ?"),
        "=",
        "?=",
    ],
)
def test_a_subject_arrives_as_it_was_written_in_lines_of_78(subject: str) -> None:
    data = sent(dataclasses.replace(REPORT, subject=subject))

    assert parse_modern(data)["Subject"] == subject
    assert decoded_text(parse_old(data)["Subject"]) == subject
    assert max(map(len, data.split(b"\r\n"))) <= 78

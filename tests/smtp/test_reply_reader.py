"""Bytes in, replies out: nothing but a reply or a named error, whatever comes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.routing.trouble import Trouble
from portal.smtp.reply_reader import ATTEMPT_BYTES, LINE_BYTES, ReplyError, ReplyReader

GOOD = [
    pytest.param(b"250 ok\r\n", [SmtpReply(250, ("ok",))], id="one line"),
    pytest.param(b"250\r\n", [SmtpReply(250, ("",))], id="a bare code"),
    pytest.param(b"250 \r\n", [SmtpReply(250, ("",))], id="a code and a space"),
    pytest.param(b"250 ok\n", [SmtpReply(250, ("ok",))], id="a bare line feed"),
    pytest.param(b"250-\r\n250 b\r\n", [SmtpReply(250, ("", "b"))], id="an empty line first"),
    pytest.param(b"250-a\r\n250\r\n", [SmtpReply(250, ("a", ""))], id="a bare code last"),
    pytest.param(b"250 a\r\n354 b\r\n", [SmtpReply(250, ("a",)), SmtpReply(354, ("b",))], id="two replies"),
    pytest.param(b"250 caf\xc3\xa9\r\n", [SmtpReply(250, ("café",))], id="UTF-8"),
    pytest.param(b"250 caf\xe9\r\n", [SmtpReply(250, ("caf\ufffd",))], id="Latin-1"),
    pytest.param(b"250 a\x00b\x1b[31mc\r\n", [SmtpReply(250, ("ab[31mc",))], id="controls"),
    pytest.param(b"250 a\tb\r\n", [SmtpReply(250, ("a b",))], id="a tab"),
    pytest.param("250 a\u202egnp.exe\u200b\r\n".encode(), [SmtpReply(250, ("agnp.exe",))], id="bidi and zero width"),
    pytest.param(b"250 a\rb\r\r\n", [SmtpReply(250, ("a b",))], id="stray carriage returns"),
    pytest.param(b"250 " + b"x" * (LINE_BYTES - 5) + b"\r\n", [SmtpReply(250, ("x" * (LINE_BYTES - 5),))], id="4 KiB"),
    pytest.param(b"250-x\r\n" * 99 + b"250 x\r\n", [SmtpReply(250, ("x",) * 100)], id="100 lines"),
    pytest.param(b"250-half\r\n25", [], id="half a reply"),
]

BAD = [
    pytest.param(b"hello\r\n", Trouble.NOT_SMTP, id="no code"),
    pytest.param(b"hello", Trouble.NOT_SMTP, id="no code and no end"),
    pytest.param(b"\r\n", Trouble.NOT_SMTP, id="an empty line"),
    pytest.param(b"25 ok\r\n", Trouble.NOT_SMTP, id="two digits"),
    pytest.param(b"2500 ok\r\n", Trouble.NOT_SMTP, id="four digits"),
    pytest.param(b"199 ok\r\n", Trouble.NOT_SMTP, id="1xx"),
    pytest.param(b"600 ok\r\n", Trouble.NOT_SMTP, id="6xx"),
    pytest.param("٢٥٠ ok\r\n".encode(), Trouble.NOT_SMTP, id="digits of another script"),
    pytest.param(b"250_ok\r\n", Trouble.NOT_SMTP, id="another separator"),
    pytest.param(b" 250 ok\r\n", Trouble.NOT_SMTP, id="a space first"),
    pytest.param(b"250-a\r\n251 b\r\n", Trouble.NOT_SMTP, id="codes that differ"),
    pytest.param(b"250-a\r\nb\r\n", Trouble.NOT_SMTP, id="a line without a code within"),
    pytest.param(b"\x00" * 10, Trouble.NOT_SMTP, id="NULs"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01", Trouble.SPEAKS_TLS, id="a TLS handshake"),
    pytest.param(b"\x15\x03\x03\x00\x02\x02\x0a", Trouble.SPEAKS_TLS, id="a TLS alert that holds a line feed"),
    pytest.param(b"250 " + b"x" * LINE_BYTES, Trouble.OVER_LIMITS, id="a line of more than 4 KiB"),
    pytest.param(b"250 " + b"x" * LINE_BYTES + b"\r\n", Trouble.OVER_LIMITS, id="the same, ended"),
    pytest.param(b"250-x\r\n" * 101, Trouble.OVER_LIMITS, id="more than 100 lines"),
    pytest.param((b"250-" + b"x" * 4000 + b"\r\n") * 20, Trouble.OVER_LIMITS, id="a reply of more than 64 KiB"),
    pytest.param(b"250 ok\r\n" * (ATTEMPT_BYTES // 8 + 1), Trouble.OVER_LIMITS, id="an attempt of more than 512 KiB"),
]


def read(pieces: list[bytes]) -> tuple[list[SmtpReply], Trouble | None]:
    reader, replies = ReplyReader(), []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (reply := reader.next_reply()) is not None:
                replies.append(reply)
    except ReplyError as error:
        with pytest.raises(ReplyError):
            reader.next_reply()
        assert reader.has_bytes
        return replies, error.trouble
    return replies, None


@pytest.mark.parametrize(("data", "replies"), GOOD)
def test_a_reply_is_read(data: bytes, replies: list[SmtpReply]) -> None:
    assert read([data]) == (replies, None)
    assert read([data[place : place + 1] for place in range(len(data))]) == (replies, None)


@pytest.mark.parametrize(("data", "trouble"), BAD)
def test_what_is_no_reply_is_named(data: bytes, trouble: Trouble) -> None:
    assert read([data])[1] is trouble


def test_what_was_read_of_one_message_is_not_held_against_the_next() -> None:
    reader = ReplyReader()
    for _ in range(3):
        reader.renew_budget()
        for _ in range(ATTEMPT_BYTES // 8):
            reader.feed(b"250 ok\r\n")
            assert reader.next_reply() == SmtpReply(250, ("ok",))


def test_half_a_reply_is_not_overlooked() -> None:
    reader = ReplyReader()
    reader.feed(b"250-a\r\n")

    assert reader.next_reply() is None
    assert reader.has_bytes


PLAUSIBLE = st.lists(
    st.sampled_from(
        [b"250", b"354", b"599", b"1", b"-", b" ", b"\r", b"\n", b"\r\n", b"\0", b"ok", b"\xff", b"\x16\x03\x01"]
    )
    | st.binary(max_size=8),
    max_size=40,
)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300) | PLAUSIBLE.map(b"".join))
def test_any_bytes_give_replies_or_the_readers_own_error(data: bytes) -> None:
    replies, trouble = read([data])

    assert trouble in {None, Trouble.NOT_SMTP, Trouble.SPEAKS_TLS, Trouble.OVER_LIMITS}
    for reply in replies:
        assert 200 <= reply.code <= 599
        assert reply.lines
        assert all(line.isprintable() for line in reply.lines)


@settings(max_examples=300, deadline=None)
@given(PLAUSIBLE, st.data())
def test_how_the_bytes_are_cut_changes_nothing(words: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]

    assert read(pieces)[0] == read([whole])[0]


@given(
    st.integers(200, 599),
    st.lists(st.text(st.characters(categories=["L", "N", "P"]), max_size=50), min_size=1, max_size=100),
)
def test_what_a_server_means_arrives(code: int, lines: list[str]) -> None:
    *others, last = lines
    written = "".join(f"{code}-{line}\r\n" for line in others) + f"{code} {last}\r\n"

    assert read([written.encode()]) == ([SmtpReply(code, tuple(lines))], None)

"""Reading a reply that a person has copied."""

import pytest

from portal.domain.mail.smtp_reply import EnhancedCode, MalformedReplyError, SmtpReply


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        pytest.param("550 5.1.1 No such user", SmtpReply(550, ("5.1.1 No such user",)), id="one line"),
        pytest.param("250", SmtpReply(250, ("",)), id="a code alone"),
        pytest.param("250-a\r\n250-b\r\n250 c\r\n", SmtpReply(250, ("a", "b", "c")), id="three lines"),
        pytest.param("550-5.7.1 a\\n550 5.7.1 b", SmtpReply(550, ("5.7.1 a", "5.7.1 b")), id="spelled-out line break"),
        pytest.param("  421 bye  ", SmtpReply(421, ("bye",)), id="blanks around"),
        pytest.param("550-5.7.1 first line only", SmtpReply(550, ("5.7.1 first line only",)), id="cut off"),
    ],
)
def test_a_copied_reply_is_read(typed: str, reply: SmtpReply) -> None:
    assert SmtpReply.parse(typed) == reply


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        pytest.param("", "The reply is empty", id="nothing"),
        pytest.param(" \\n ", "The reply is empty", id="a line break only"),
        pytest.param("no such user", "The line 'no such user' does not begin with a reply code", id="no code"),
        pytest.param("550x", "The line '550x' does not begin with a reply code", id="no blank"),
        pytest.param("610 what", "The line '610 what' does not begin with a reply code", id="no such class"),
        pytest.param("250-a\n550 b", "All lines of a reply have one code; these have [250, 550].", id="two codes"),
    ],
)
def test_what_is_no_reply_is_refused_in_one_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(MalformedReplyError) as refusal:
        SmtpReply.parse(typed)
    assert str(refusal.value).startswith(sentence)


def test_an_enhanced_code_stands_at_the_start_of_the_first_line() -> None:
    assert SmtpReply.parse("550-5.7.26 a\n550 5.7.1 b").enhanced == EnhancedCode(5, 7, 26)
    assert SmtpReply.parse("550 see 5.7.1").enhanced is None

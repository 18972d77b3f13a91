"""The mail of a connection test."""

from portal.domain.mail.content import Content
from portal.domain.mail.probe_message import probe_content
from tests.support.messages import AT, sent
from tests.support.strict_reader import StrictMessage, leaves, parse_modern, text_of

HOSTILE_TENANT = "<script>alert(1)</script> & {host}\r\nBcc: \u202eeve"


def content_of(receipt_url: str | None = None) -> Content:
    return probe_content(
        tenant_name=HOSTILE_TENANT,
        host="smtp.acme.example",
        from_address="no-reply@acme.example",
        at=AT,
        platform_name="Platform",
        receipt_url=receipt_url,
    )


def test_the_connection_test_says_fixed_words_and_escapes_the_names_in_them() -> None:
    data = sent(content_of())
    plain, html = (text_of(part) for part in leaves(parse_modern(data)))

    assert StrictMessage.read(data).value("Subject") == "Test message from Platform"
    assert "through smtp.acme.example." in plain
    assert "2026-11-20 at 21:04 UTC" in plain
    assert "<script>alert(1)</script> & {host}Bcc: eve" in plain
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {host}Bcc: eve" in html
    assert "<script>" not in html


def test_it_says_whom_it_is_from_so_that_a_replaced_sender_is_noticed() -> None:
    for part in leaves(parse_modern(sent(content_of()))):
        assert "It was sent from no-reply@acme.example." in text_of(part)


def test_the_link_for_the_receipt_stands_in_both_parts_and_nowhere_without_one() -> None:
    url = "https://portal.example/received/abc-DEF_123"
    plain, html = (text_of(part) for part in leaves(parse_modern(sent(content_of(url)))))
    assert f"\n{url}\n" in plain
    assert f'<a href="{url}">Yes, I received it</a>' in html
    for part in leaves(parse_modern(sent(content_of()))):
        assert "received" not in text_of(part)

"""The mail of a connection test."""

from portal.domain.mail.probe_message import probe_content
from tests.support.messages import AT, sent
from tests.support.strict_reader import StrictMessage, leaves, parse_modern, text_of

HOSTILE_TENANT = "<script>alert(1)</script> & {host}\r\nBcc: \u202eeve"


def test_the_connection_test_says_fixed_words_and_escapes_the_names_in_them() -> None:
    content = probe_content(tenant_name=HOSTILE_TENANT, host="smtp.acme.example", at=AT, platform_name="Platform")

    data = sent(content)
    plain, html = (text_of(part) for part in leaves(parse_modern(data)))

    assert StrictMessage.read(data).value("Subject") == "Test message from Platform"
    assert "through smtp.acme.example." in plain
    assert "2026-11-20 at 21:04 UTC" in plain
    assert "<script>alert(1)</script> & {host}Bcc: eve" in plain
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; {host}Bcc: eve" in html
    assert "<script>" not in html

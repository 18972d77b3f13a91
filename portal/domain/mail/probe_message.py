"""The mail that Test connection sends. Its words are fixed: nobody can say anything else with it (THREATS 26)."""

from datetime import UTC, datetime
from html import escape
from typing import Final

from portal.domain.mail.content import Content
from portal.domain.mail.header_text import refused_character

_LONGEST_NAME: Final = 100  # characters of a name that are shown

_TEXT: Final = """\
This is a test message.

If you can read it, {platform} can send the mail of {tenant} through {host}.
It was sent from {from_address}. If your mail program shows another sender, {host} has replaced it.
{receipt}
It was sent on {at} because somebody tested this connection in {platform}.
No reply is expected.
"""
_TEXT_RECEIPT: Final = """
Please tell {platform} that it has arrived. Open this page and press the button there:
{receipt_url}
"""

_HTML: Final = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Test message</title></head>
<body style="font-family: sans-serif; line-height: 1.5; color: #1a1a1a">
<h1 style="font-size: 1.25rem">This is a test message.</h1>
<p>If you can read it, {platform} can send the mail of <strong>{tenant}</strong> through <strong>{host}</strong>.</p>
<p>It was sent from {from_address}. If your mail program shows another sender, {host} has replaced it.</p>
{receipt}<p>It was sent on {at} because somebody tested this connection in {platform}.<br>
No reply is expected.</p>
</body>
</html>
"""
_HTML_RECEIPT: Final = """\
<p><a href="{receipt_url}">Yes, I received it</a></p>
"""


def probe_content(
    *,
    tenant_name: str,
    host: str,
    from_address: str,
    at: datetime,
    platform_name: str,
    receipt_url: str | None = None,
) -> Content:
    """The content of a connection test.

    Args:
        tenant_name: Shown without invisible characters and line breaks, at most 100 characters of it.
        host: The server under test, as ``parse_host`` returns it.
        from_address: Whom the message says it is from, as ``parse_address`` returns it.
        at: The time of the test; aware.
        platform_name: What the operator calls the platform; it stands in the subject.
        receipt_url: The page where readers say that they have received it; None for a message without it.
    """
    names = {
        "platform": _shown(platform_name),
        "tenant": _shown(tenant_name),
        "host": host,
        "from_address": from_address,
        "at": f"{at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC",
        "receipt_url": receipt_url or "",
    }
    escaped = {name: escape(value) for name, value in names.items()}
    return Content(
        subject=f"Test message from {names['platform']}",
        text=_TEXT.format_map(names | {"receipt": _TEXT_RECEIPT.format_map(names) if receipt_url else ""}),
        html=_HTML.format_map(escaped | {"receipt": _HTML_RECEIPT.format_map(escaped) if receipt_url else ""}),
    )


def _shown(name: str) -> str:
    return "".join(character for character in name if refused_character(character) is None)[:_LONGEST_NAME]

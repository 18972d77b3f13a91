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

It was sent on {at} because you pressed Test connection in {platform}.
There is nothing you need to do, and no reply is expected.
"""

_HTML: Final = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Test message</title></head>
<body style="font-family: sans-serif; line-height: 1.5; color: #1a1a1a">
<h1 style="font-size: 1.25rem">This is a test message.</h1>
<p>If you can read it, {platform} can send the mail of <strong>{tenant}</strong> through <strong>{host}</strong>.</p>
<p>It was sent on {at} because you pressed <em>Test connection</em> in {platform}.<br>
There is nothing you need to do, and no reply is expected.</p>
</body>
</html>
"""


def probe_content(*, tenant_name: str, host: str, at: datetime, platform_name: str) -> Content:
    """The content of a connection test.

    Args:
        tenant_name: Shown without invisible characters and line breaks, at most 100 characters of it.
        host: The server under test, as ``parse_host`` returns it.
        at: The time of the test; aware.
        platform_name: What the operator calls the platform; it stands in the subject.
    """
    names = {
        "platform": _shown(platform_name),
        "tenant": _shown(tenant_name),
        "host": host,
        "at": f"{at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC",
    }
    return Content(
        subject=f"Test message from {names['platform']}",
        text=_TEXT.format_map(names),
        html=_HTML.format_map({name: escape(value) for name, value in names.items()}),
    )


def _shown(name: str) -> str:
    return "".join(character for character in name if refused_character(character) is None)[:_LONGEST_NAME]

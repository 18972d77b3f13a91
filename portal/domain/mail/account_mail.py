"""What people read about their own account at the platform."""

from datetime import UTC, datetime, timedelta
from typing import Final

from portal.domain.mail.content import Content

_RECOVERY: Final = """\
Somebody, probably you, asked for a new password for {email} at {platform}.

Choose it here:
{url}

The link works once, within {minutes} minutes. Until it is used your password stays as it is.

The request came from {network}, at {at}. If that was not you, there is nothing to do: without this mail nobody can \
use the link. Never hand it on; nobody at {platform} will ask you for it.
"""

_CHANGED: Final = """\
The password of {email} at {platform} was changed at {at}, from {network}{how}.

{ended}

If that was you, there is nothing to do.

If it was not you, choose a new password now, which ends every sign-in again:
{url}
Then make sure that nobody else reads this mailbox, and tell an owner of your tenant.
"""


def recovery_content(
    *, platform: str, email: str, url: str, lifetime: timedelta, network: str | None, at: datetime
) -> Content:
    """The mail with the link to a new password.

    Args:
        url: The link; it is a secret.
        lifetime: How long it works.
        network: Where the request came from.
    """
    text = _RECOVERY.format(
        platform=platform,
        email=email,
        url=url,
        minutes=lifetime // timedelta(minutes=1),
        network=network or "an unknown address",
        at=_time(at),
    )
    return Content(subject=f"Your new password at {platform}", text=text)


def password_changed_content(
    *, platform: str, email: str, url: str, how: str, network: str | None, at: datetime, is_signed_in_still: bool
) -> Content:
    """The mail that tells of a new password.

    Args:
        url: Where to ask for another one.
        how: By which way, in words that follow the network, such as ``" by the link we mailed you"``; or empty.
        is_signed_in_still: Whether the browser in which it was changed stays signed in.
    """
    text = _CHANGED.format(
        platform=platform,
        email=email,
        url=url,
        how=how,
        network=network or "the platform's own command line",
        at=_time(at),
        ended="Every other browser was signed out." if is_signed_in_still else "Every browser was signed out.",
    )
    return Content(subject=f"Your password at {platform} was changed", text=text)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

"""Every kind of mail the platform sends, and how each is treated (CONTRACT: kinds)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Final


class Priority(IntEnum):
    """Lower goes first within a tenant's lane."""

    URGENT = 0
    NORMAL = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class NotificationKind:
    """One kind of mail.

    Attributes:
        lifetime: How long after it was handed in the message is still worth delivering. A sign-in code that
            could not be sent in ten minutes is dropped, not delivered at dawn.
        is_security: Exempt from quotas, first in its lane, falls back under the policy "security mails only".
        may_fall_back: Whether the platform's route may carry it when the tenant's own refuses. A probe never
            falls back: it exists to show that the tenant's own route works.
        platform_only: Over the platform's route whatever the tenant's settings say: it tells of those settings'
            trouble (THREATS 41), or its link opens an account, which is not the tenant's alone.
        is_internal: Sent by this program alone, and exempt from quotas. No application hands it in.
    """

    name: str
    priority: Priority
    lifetime: timedelta
    is_security: bool = False
    may_fall_back: bool = True
    platform_only: bool = False
    is_internal: bool = False


def _security(name: str, lifetime: timedelta) -> NotificationKind:
    return NotificationKind(name, Priority.URGENT, lifetime, is_security=True)


_ALL: Final = (
    _security("otp", timedelta(minutes=10)),
    _security("magic_link", timedelta(minutes=15)),
    _security("recovery", timedelta(minutes=60)),
    _security("password_reset", timedelta(minutes=60)),
    _security("verification", timedelta(hours=24)),
    _security("email_change", timedelta(hours=24)),
    _security("security_alert", timedelta(days=3)),
    *(
        NotificationKind(name, Priority.NORMAL, timedelta(days=7))
        for name in ("invitation", "user_invitation", "audit_invitation")
    ),
    *(
        NotificationKind(name, Priority.NORMAL, timedelta(days=3))
        for name in (
            "notification",
            "stage_assignment",
            "reminder",
            "form_submission",
            "autoresponder",
            "comment",
            "task",
            "rights_request",
        )
    ),
    NotificationKind("digest", Priority.BULK, timedelta(hours=24)),
    NotificationKind("probe", Priority.URGENT, timedelta(minutes=15), may_fall_back=False, is_internal=True),
    *(
        NotificationKind(name, Priority.URGENT, lifetime, is_security=True, platform_only=True, is_internal=True)
        for name, lifetime in (("account_recovery", timedelta(minutes=60)), ("account_alert", timedelta(days=3)))
    ),
    NotificationKind("route_alert", Priority.URGENT, timedelta(days=3), platform_only=True, is_internal=True),
)

KINDS: Final = {kind.name: kind for kind in _ALL}

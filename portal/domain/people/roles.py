"""Who may do what: the one table that code, tests and documents read."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a member is in one tenant."""

    OWNER = "owner"
    ADMIN = "admin"
    VIEWER = "viewer"


class Permission(StrEnum):
    """Something a member of a tenant may do there."""

    SEE_EMAIL_SETTINGS = "see email settings"
    EDIT_EMAIL_SETTINGS = "edit email settings"
    TEST_CONNECTION = "test connection"
    SWITCH_ROUTE = "switch the tenant's server on and off"
    SEND_SAMPLE = "send a sample"
    SEE_OVERVIEW = "see the overview"
    SEE_MESSAGES = "see messages"
    SEE_AUDIT_LOG = "see the audit log"
    EXPORT_AUDIT_LOG = "export the audit log"


_SEEING: Final = frozenset(
    {Permission.SEE_OVERVIEW, Permission.SEE_EMAIL_SETTINGS, Permission.SEE_MESSAGES, Permission.SEE_AUDIT_LOG}
)
_EVERYTHING: Final = frozenset(Permission)

PERMISSIONS: Final = {
    Role.OWNER: _EVERYTHING,
    Role.ADMIN: _EVERYTHING,
    Role.VIEWER: _SEEING,
}
"""An operator holds no role: running the platform gives no sight of a tenant's settings (THREATS 20)."""


def may(role: Role | None, permission: Permission) -> bool:
    """Whether a member with this role, or a stranger (None), has the permission."""
    return role is not None and permission in PERMISSIONS[role]

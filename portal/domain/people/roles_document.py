"""The table of roles as a document: ``python -m portal.domain.people.roles_document > docs/roles.md``."""

import sys
from typing import Final

from portal.domain.people.roles import Permission, Role, may

_BEFORE: Final = """\
# Who may do what

Written by `python -m portal.domain.people.roles_document` from `portal/domain/people/roles.py`, the table that the
code asks and that the tests walk every address of the portal with. Do not edit it here.

A role is held in one tenant; the same person may hold another one in another tenant.

"""
_AFTER: Final = """
- Who is not a member of a tenant finds nothing there: every address below it answers 404, in the same words as for a
  tenant that does not exist. A member whose role does not suffice gets 403, and reads whom to ask.
- An operator runs the platform and holds no role by that: without being a member, an operator sees nothing of a tenant.
- Signing in and out, one's own account and the links in mails are no tenant's business, so that they need no role.
"""


def roles_document() -> str:
    """Markdown: a row for each permission, a column for each role."""
    heads = [role.value.capitalize() for role in Role]
    rows = [
        f"| {permission} | {' | '.join('yes' if may(role, permission) else '–' for role in Role)} |"
        for permission in Permission
    ]
    lines = [f"| May … | {' | '.join(heads)} |", f"| --- |{' --- |' * len(heads)}", *rows]
    return _BEFORE + "\n".join(lines) + "\n" + _AFTER


if __name__ == "__main__":
    sys.stdout.write(roles_document())

"""The table of role and permission, and the document made from it."""

from pathlib import Path
from typing import Final

import pytest

from portal.domain.people.roles import PERMISSIONS, Permission, Role, may
from portal.domain.people.roles_document import roles_document

_DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "roles.md"


def test_the_document_says_what_the_code_does() -> None:
    """After a change of the table: ``python -m portal.domain.people.roles_document > docs/roles.md``."""
    assert _DOCUMENT.read_text() == roles_document()


def test_every_role_stands_in_the_table() -> None:
    assert PERMISSIONS.keys() == set(Role)


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_has_a_row_in_the_document(permission: Permission) -> None:
    rows = [line for line in roles_document().splitlines() if line.startswith(f"| {permission} |")]
    allowed = " | ".join("yes" if permission in PERMISSIONS[role] else "–" for role in Role)
    assert rows == [f"| {permission} | {allowed} |"]


@pytest.mark.parametrize("permission", Permission)
def test_a_stranger_may_nothing(permission: Permission) -> None:
    assert not may(None, permission)


def test_a_viewer_sees_and_touches_nothing() -> None:
    assert all(permission.value.startswith("see ") for permission in PERMISSIONS[Role.VIEWER])
    seeing = {permission for permission in Permission if permission.value.startswith("see ")}
    assert seeing == PERMISSIONS[Role.VIEWER]

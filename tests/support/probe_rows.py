"""Connection tests in the database that nobody runs."""

from collections.abc import Mapping
from typing import Any

from portal.domain.ids import TenantId
from portal.services.clock import new_id
from portal.storage.probes import ProbeRow
from tests.support.portal_app import ALICE, Portal

SETTINGS: Mapping[str, Any] = {
    "host": "smtp.acme.example",
    "port": 587,
    "security": "starttls",
    "username": "acme-mailer",
    "from_address": "no-reply@acme.example",
    "reply_to": None,
    "signing": "own_server",
    "auth": "auto",
    "password_set": True,
}


def verdict(**changed: object) -> dict[str, object]:
    """That of a test that failed, as CONTRACT's probe object says it."""
    return {
        "ok": False,
        "seconds": 0.5,
        "stages": [],
        "class": "ROUTE_AUTH",
        "title": "It failed",
        "what_happened": "Something happened.",
        "what_to_do": ["Do this."],
        "field": "password",
        "fix": {},
    } | changed


def passed(**changed: object) -> dict[str, object]:
    return verdict(ok=True, title="It works", what_to_do=[], field=None, **{"class": "OK"}) | changed


def put_probe(portal: Portal, *, tenant: TenantId | None = None, **values: Any) -> str:
    """Store a test; returns its id."""
    now = portal.clock()
    probe_id = new_id(now)
    with portal.waypost.database.transaction() as session:
        row = ProbeRow(
            **{
                "id": probe_id,
                "tenant_id": tenant or portal.acme,
                "to_address": ALICE,
                "started_by": "somebody",
                "started_at": now,
                "endpoint": "smtp.acme.example:587",
                "settings": dict(SETTINGS),
                "stages": [],
            }
            | values
        )
        session.add(row)
    return probe_id

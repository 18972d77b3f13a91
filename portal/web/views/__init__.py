"""One module a noun, GET and POST as functions of their own."""

from typing import Final

from portal.web.views import (
    account,
    audit_log,
    connection_probe,
    email_settings,
    front_door,
    health,
    messages,
    overview,
    probe_receipts,
    recovery,
    sign_in,
)

BLUEPRINTS: Final = (
    account.blueprint,
    audit_log.blueprint,
    connection_probe.blueprint,
    email_settings.blueprint,
    front_door.blueprint,
    health.blueprint,
    messages.blueprint,
    overview.blueprint,
    probe_receipts.blueprint,
    recovery.blueprint,
    sign_in.blueprint,
)

"""One module a noun, GET and POST as functions of their own."""

from typing import Final

from portal.web.views import audit_log, connection_probe, email_settings, front_door, health, messages, sign_in

BLUEPRINTS: Final = (
    audit_log.blueprint,
    connection_probe.blueprint,
    email_settings.blueprint,
    front_door.blueprint,
    health.blueprint,
    messages.blueprint,
    sign_in.blueprint,
)

"""Acme's ways to send: its own server, the platform's, and the platform's as a fallback."""

from dataclasses import replace

from portal.domain.ids import TenantId
from portal.domain.mail.sender_identity import SenderIdentity, fallback_identity, platform_identity
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.route_choice import RouteOptions
from portal.domain.routing.smtp_route import AuthChoice, Endpoint, SmtpRoute, TlsMode, Via

_ACME = SenderIdentity("noreply@acme.example", "Acme", None, "noreply@acme.example")
_PLATFORM = SenderIdentity("mail@platform.example", "Platform", None, "bounces@platform.example")

OWN = SmtpRoute(
    via=Via.TENANT,
    tenant_id=TenantId("acme"),
    version=3,
    endpoint=Endpoint("smtp.acme.example", 587, TlsMode.STARTTLS),
    credentials=None,
    auth=AuthChoice.AUTO,
    ehlo_name="out.platform.example",
    identity=_ACME,
    signing=SigningChoice.OWN_SERVER,
    guarded=True,
)
PLATFORM = replace(
    OWN,
    via=Via.PLATFORM,
    tenant_id=None,
    version=0,
    endpoint=Endpoint("smtp.platform.example", 465, TlsMode.IMPLICIT),
    identity=platform_identity(_PLATFORM, platform_name="Platform", tenant_name="Acme"),
    signing=SigningChoice.PLATFORM,
    guarded=False,
)
FALLBACK = replace(
    PLATFORM, identity=fallback_identity(_PLATFORM, platform_name="Platform", tenant_name="Acme", own=_ACME)
)


def ways(
    policy: FallbackPolicy = FallbackPolicy.ALWAYS, *, own: SmtpRoute | None = OWN, turned_off: bool = False
) -> RouteOptions:
    return RouteOptions(own, PLATFORM, FALLBACK, policy, turned_off)

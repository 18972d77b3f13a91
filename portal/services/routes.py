"""The routes a tenant's mail could take at this moment, read from settings and storage."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal.crypto.vault import Vault
from portal.domain.ids import TenantId
from portal.domain.mail.sender_identity import SenderIdentity, fallback_identity, platform_identity
from portal.domain.routing.dkim_policy import SigningChoice
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fallback_policy import FallbackPolicy
from portal.domain.routing.route_choice import RouteOptions
from portal.domain.routing.smtp_route import AuthChoice, Credentials, Endpoint, SmtpRoute, Via
from portal.services import credentials
from portal.storage import email_settings as stored
from portal.storage.organisations import TenantRow


@dataclass(frozen=True, slots=True)
class Platform:
    """The operator's own server and sender."""

    name: str
    endpoint: Endpoint
    credentials: Credentials | None
    identity: SenderIdentity
    ehlo_name: str

    def route(self, identity: SenderIdentity) -> SmtpRoute:
        """The platform's route in this name. The operator's own server is exempt from the address guard."""
        return SmtpRoute(
            via=Via.PLATFORM,
            tenant_id=None,
            version=0,
            endpoint=self.endpoint,
            credentials=self.credentials,
            auth=AuthChoice.AUTO if self.credentials else AuthChoice.NONE,
            ehlo_name=self.ehlo_name,
            identity=identity,
            signing=SigningChoice.PLATFORM,
            guarded=False,
        )

    def tenant_route(
        self, tenant_id: TenantId, version: int, settings: EmailSettings, signs_in_with: Credentials | None
    ) -> SmtpRoute:
        """The tenant's own server; its host was typed by a tenant, so the guard judges it."""
        return SmtpRoute(
            via=Via.TENANT,
            tenant_id=tenant_id,
            version=version,
            endpoint=settings.endpoint,
            credentials=signs_in_with,
            auth=settings.auth if signs_in_with else AuthChoice.NONE,
            ehlo_name=settings.ehlo_name or self.ehlo_name,
            identity=own_identity(settings),
            signing=settings.signing,
            guarded=True,
        )


def own_identity(settings: EmailSettings) -> SenderIdentity:
    """Who the tenant's mail is from on the tenant's own route."""
    return SenderIdentity(
        from_address=settings.from_address,
        from_name=settings.from_name,
        reply_to=settings.reply_to,
        envelope_from=settings.envelope_from or settings.from_address,
    )


def route_options(session: Session, vault: Vault, platform: Platform, tenant: TenantRow) -> RouteOptions:
    """What ``routes_to_try()`` chooses from.

    Raises:
        CannotOpenError: The stored password does not open; the installation's keys are wrong.
    """
    unbranded = platform.route(
        platform_identity(platform.identity, platform_name=platform.name, tenant_name=tenant.name)
    )
    tenant_id = TenantId(tenant.id)
    active = stored.version(session, tenant_id, tenant.active_version)
    if active is None:
        return RouteOptions(None, unbranded, unbranded, FallbackPolicy.ALWAYS)
    settings = active.settings
    own = platform.tenant_route(tenant_id, active.version, settings, credentials.open_for(session, vault, active))
    in_platforms_name = fallback_identity(
        platform.identity, platform_name=platform.name, tenant_name=tenant.name, own=own.identity
    )
    return RouteOptions(
        own, unbranded, platform.route(in_platforms_name), settings.fallback, turned_off=not tenant.smtp_enabled
    )

"""The objects of an installation, built once from its settings."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cache
from typing import Any

from portal import settings as settings_module
from portal.crypto.audit_key import AuditKey
from portal.crypto.dkim_signer import DkimSigner
from portal.crypto.password_hashing import PasswordHashing
from portal.crypto.vault import Vault
from portal.dns_resolver import DnsResolver
from portal.domain.mail.sender_identity import SenderIdentity
from portal.domain.routing.email_settings_edit import EditRules
from portal.domain.routing.platform_quota import Quota
from portal.domain.routing.smtp_route import SmtpRoute
from portal.services import vault_keys
from portal.services.account_mail import AccountMail
from portal.services.accounts import Accounts
from portal.services.audit_seals import AuditSeals
from portal.services.clock import Clock, utc_now
from portal.services.connection_probe import ConnectionProbe
from portal.services.deliverability import Deliverability
from portal.services.delivery import Delivery
from portal.services.email_settings import EmailSettingsService
from portal.services.lane_reading import LaneReader
from portal.services.passwords import Passwords
from portal.services.recovery import Recovery
from portal.services.route_alerts import RouteAlerts
from portal.services.route_watch import RouteWatch
from portal.services.routes import Platform
from portal.services.samples import Samples
from portal.services.sending import Sender
from portal.services.sign_in import SignIn
from portal.services.sign_ins import SignIns
from portal.settings import BadSettingsError, Settings
from portal.smtp.connection import ClientOptions
from portal.smtp.deadlines import StageLimits
from portal.smtp.endpoint_guard import GuardRules
from portal.smtp.pool import SmtpPool
from portal.smtp.tls import client_context
from portal.storage import migrations
from portal.storage.database import Database


@dataclass(frozen=True, slots=True)
class Waypost:
    """An installation: its settings, and one of everything built from them."""

    settings: Settings
    database: Database
    vault: Vault
    clock: Clock
    platform: Platform
    signer: DkimSigner | None
    client_options: ClientOptions
    hashing: PasswordHashing
    sender: Sender

    @property
    def email_settings(self) -> EmailSettingsService:
        rules = EditRules(
            ports=self.settings.allowed_smtp_ports,
            networks=self.settings.networks,
            clear_text=self.settings.allow_plaintext,
            platform_signs_for=lambda domain: self.signer is not None and self.signer.covers(domain),
        )
        # A dead worker's lease has run out by then, whatever the moment in which it was renewed last.
        longest = self.settings.worker_lease_seconds + 1
        return EmailSettingsService(self.database, self.vault, rules, self.clock, cut_over_seconds=longest)

    @property
    def accounts(self) -> Accounts:
        return Accounts(self.database, self.hashing, self.clock)

    @property
    def samples(self) -> Samples:
        return Samples(self.database, self.sender, self.clock, platform_name=self.platform.name)

    @property
    def sign_in(self) -> SignIn:
        return SignIn(self.database, self.hashing, self.sign_ins, self.clock)

    @property
    def sign_ins(self) -> SignIns:
        return SignIns(self.database, self.clock)

    @property
    def passwords(self) -> Passwords:
        return Passwords(self.database, self.hashing, self.sign_in, self._account_mail, self.clock)

    @property
    def recovery(self) -> Recovery:
        return Recovery(self.database, self.hashing, self.passwords, self._account_mail, self.clock)

    @property
    def _account_mail(self) -> AccountMail:
        return AccountMail(self.sender, self.settings.platform_name, self.settings.base_url)

    @property
    def connection_probe(self) -> ConnectionProbe:
        return ConnectionProbe(
            database=self.database,
            email_settings=self.email_settings,
            platform=self.platform,
            signer=self.signer,
            client_options=self.client_options,
            clock=self.clock,
            base_url=self.settings.base_url,
        )

    @property
    def deliverability(self) -> Deliverability:
        return Deliverability(self.settings.name_servers)

    @property
    def quota(self) -> Quota:
        return Quota(self.settings.platform_hourly_limit, self.settings.fallback_hourly_limit)

    @property
    def lane_reader(self) -> LaneReader:
        return LaneReader(self.database, self.vault, self.platform, self.signer, self.clock)

    @property
    def route_watch(self) -> RouteWatch:
        alerts = RouteAlerts(self.sender, self.settings.base_url)
        return RouteWatch(self.database, self.vault, self.platform, alerts)

    @property
    def audit_key(self) -> AuditKey:
        return AuditKey(self.settings.secret_key)

    def new_audit_seals(self) -> AuditSeals:
        """One that has seen nothing of the audit log yet."""
        return AuditSeals(self.database, self.audit_key, self.clock)

    def new_delivery(self, *, executor: Executor, limit: Callable[[SmtpRoute], int]) -> Delivery:
        """A client with a pool of its own.

        Args:
            limit: How many connections of a route may be open.
        """
        kept = max(self.settings.route_connections, self.settings.platform_connections)
        pool = SmtpPool(self.client_options, limit=limit, max_idle_per_key=kept)
        return Delivery(executor=executor, signer=self.signer, pool=pool, clock=self.clock)

    def close(self) -> None:
        self.database.close()


@cache
def shared() -> Waypost:
    """The installation of this process, built when it is first asked for: web application and sender are one."""
    return build()


def build(
    settings: Settings | None = None,
    *,
    clock: Clock = utc_now,
    hashing: PasswordHashing | None = None,
    database: Database | None = None,
) -> Waypost:
    """Build an installation and prove that its keys fit its database.

    Raises:
        BadSettingsError: A setting is absent or wrong.
        BadVaultKeysError, WrongVaultKeyError: The keys cannot be used, or are not those of this database.
        DatabaseNotReadyError: The migrations have not been run.
    """
    settings = settings or settings_module.load()
    vault = Vault.from_text(settings.vault_keys)
    database = database or Database.at(settings.database_url.reveal())
    migrations.require_newest(database)
    vault_keys.prove(database, vault)
    return Waypost(
        settings=settings,
        database=database,
        vault=vault,
        clock=clock,
        platform=_platform(settings),
        signer=_signer(settings),
        client_options=_client_options(settings),
        hashing=hashing or PasswordHashing(),
        sender=Sender(database, vault, message_id_domain=settings.platform_domain, clock=clock),
    )


def _platform(settings: Settings) -> Platform:
    address = settings.platform_from
    return Platform(
        name=settings.platform_name,
        endpoint=settings.platform_endpoint,
        credentials=settings.platform_credentials,
        identity=SenderIdentity(address, settings.platform_name, None, address),
        ehlo_name=settings.greeting_name,
    )


def _signer(settings: Settings) -> DkimSigner | None:
    parts: tuple[Any, ...] = (
        settings.platform_dkim_domain,
        settings.platform_dkim_selector,
        settings.platform_dkim_key,
    )
    if not any(parts):
        return None
    if not all(parts):
        raise BadSettingsError(
            "Set PORTAL_PLATFORM_DKIM_DOMAIN, PORTAL_PLATFORM_DKIM_SELECTOR and PORTAL_PLATFORM_DKIM_KEY together, "
            "or none of them."
        )
    return DkimSigner(*parts)


def _client_options(settings: Settings) -> ClientOptions:
    try:
        client_context(settings.ca_file)
    except OSError as error:
        raise BadSettingsError("PORTAL_CA_FILE names a file that is not there or holds no certificates.") from error
    limits = StageLimits(**{stage.value: seconds for stage, seconds in settings.stage_timeouts.items()})
    return ClientOptions(
        resolver=DnsResolver(settings.name_servers),
        rules=GuardRules(settings.networks, settings.allowed_smtp_ports),
        limits=limits,
        ca_file=settings.ca_file,
        allow_clear_text=settings.allow_plaintext,
    )

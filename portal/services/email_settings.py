"""A tenant's email settings: saved as drafts, proven, activated, switched on and off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from portal.crypto.vault import Vault
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.domain.routing.email_settings import (
    EmailSettings,
    SettingsEdit,
)
from portal.domain.routing.email_settings_edit import EditRules, read_edit
from portal.domain.routing.fault import Fault
from portal.domain.routing.smtp_route import Credentials
from portal.domain.secret import Secret
from portal.services import credentials
from portal.services.clock import Clock, new_id
from portal.storage import audit_log, organisations, outbox
from portal.storage import email_settings as stored
from portal.storage.credentials import CredentialsRow
from portal.storage.database import Database
from portal.storage.email_settings import EmailSettingsRow
from portal.storage.organisations import TenantRow

_FAULTS_OF_A_ROUTE: Final = (
    Fault.ROUTE_AUTH,
    Fault.ROUTE_CERT,
    Fault.ROUTE_SENDER,
    Fault.ROUTE_PERM,
    Fault.ROUTE_PROTOCOL,
    Fault.ROUTE_TEMP,
    Fault.RATE,
)


class CannotActivateError(Exception):
    """The version does not become active; the text says why."""


class ChangedMeanwhileError(Exception):
    """What was edited is no longer the latest.

    Attributes:
        version: The number of what is.
    """

    def __init__(self, version: int) -> None:
        super().__init__(f"These settings were changed to version {version} meanwhile.")
        self.version = version


class NoSettingsError(Exception):
    """The tenant has no such version of email settings; the text says so."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A version as stored, its password opened."""

    version: int
    settings: EmailSettings
    credentials: Credentials | None


@dataclass(frozen=True, slots=True)
class EmailSettingsService:
    """Every change of a tenant's email settings, each one transaction with its audit event."""

    database: Database
    vault: Vault
    rules: EditRules
    clock: Clock

    def save_draft(
        self, tenant_id: TenantId, given: Mapping[str, object], *, actor: Actor, seen: int | None = None
    ) -> int:
        """Save an edit as the tenant's draft; what is active goes on sending.

        Args:
            given: CONTRACT's settings object, laid over the draft if there is one, else over the active version.
            seen: The version the person had before their eyes, 0 for none; None does not ask.

        Returns:
            The number of the new version.

        Raises:
            SettingsRefusedError: With every field's problem. Nothing was saved.
            ChangedMeanwhileError: Somebody has saved another version since. Nothing was saved.
        """
        now = self.clock()
        with self.database.transaction() as session:
            tenant = organisations.tenant_to_change(session, tenant_id)
            base = _edited(session, tenant)
            if seen is not None and base is not None and base.version != seen:
                raise ChangedMeanwhileError(base.version)
            edit = credentials.as_stored(read_edit(given, base.settings if base else None, self.rules))
            row = stored.add_version(
                session,
                tenant_id,
                edit.settings,
                credentials_id=self._credentials_id(session, tenant_id, edit, base),
                created_at=now,
                created_by=actor.name,
            )
            tenant.draft_version = row.version
            audit_log.append(
                session,
                AuditEvent(
                    AuditAction.SMTP_SAVED, now, actor, tenant_id, _changes(row, base) | {"version": row.version}
                ),
            )
            return row.version

    def read_typed(self, tenant_id: TenantId, given: Mapping[str, object]) -> tuple[EmailSettings, Credentials | None]:
        """Read a form as typed, saving nothing: what *Test connection* tries.

        A kept password comes along only when its destination is unchanged.

        Raises:
            SettingsRefusedError: With every field's problem.
        """
        with self.database.reading() as session:
            base = _edited(session, organisations.tenant(session, tenant_id))
            edit = credentials.as_stored(read_edit(given, base.settings if base else None, self.rules))
            if isinstance(edit.password, Secret):
                return edit.settings, credentials.signing_in(edit.settings.username, edit.password)
            kept = credentials.kept_by(edit, base)
            return edit.settings, credentials.open_for(session, self.vault, kept) if kept else None

    def saved(self, tenant_id: TenantId, version: int | None = None) -> Saved:
        """A version by its number, or what is active, or else the draft.

        Raises:
            NoSettingsError: There is none.
        """
        with self.database.reading() as session:
            tenant = organisations.tenant(session, tenant_id)
            row = stored.version(session, tenant_id, version or tenant.active_version or tenant.draft_version)
            if row is None:
                raise NoSettingsError(f"«{tenant.slug}» has no email settings yet.")
            return Saved(row.version, row.settings, credentials.open_for(session, self.vault, row))

    def activate(
        self, tenant_id: TenantId, version: int, *, actor: Actor, untested: bool = False, enabled: bool = True
    ) -> None:
        """Make a version the one that sends.

        Args:
            untested: The admin chose *Activate anyway*; the audit log says so.
            enabled: Whether the tenant's server is on from then on.

        Raises:
            CannotActivateError: There is no such version, or it was never proven and ``untested`` is not said.
        """
        with self.database.transaction() as session:
            tenant = organisations.tenant_to_change(session, tenant_id)
            row = stored.version(session, tenant_id, version)
            if row is None:
                raise CannotActivateError(f"There is no version {version} of these settings.")
            if row.proven_at is None and not untested:
                raise CannotActivateError("Test these settings first, or activate them anyway.")
            self._activate(session, tenant, row, actor, enabled=enabled)

    def route_epoch(self, tenant_id: TenantId) -> int:
        """A number that grows with each change of the tenant's route."""
        with self.database.reading() as session:
            return organisations.tenant(session, tenant_id).route_epoch

    def record_proof(
        self, tenant_id: TenantId, version: int, *, actor: Actor, activates: bool, since_epoch: int
    ) -> None:
        """Note that a test with exactly these settings has succeeded, and activate them if that was asked for.

        Args:
            since_epoch: ``route_epoch()`` when the test began. Where somebody has activated or switched meanwhile,
                that later decision stands, and the version stays a proven draft.
        """
        with self.database.transaction() as session:
            tenant = organisations.tenant_to_change(session, tenant_id)
            row = stored.version(session, tenant_id, version)
            if row is None:
                return
            row.proven_at = self.clock()
            if activates and tenant.route_epoch == since_epoch:
                self._activate(session, tenant, row, actor, enabled=True)

    def _activate(
        self, session: Session, tenant: TenantRow, row: EmailSettingsRow, actor: Actor, *, enabled: bool
    ) -> None:
        now, tenant_id = self.clock(), TenantId(tenant.id)
        facts = {"version": row.version, "replaces": tenant.active_version, "host": row.host, "port": row.port}
        tenant.active_version = row.version
        tenant.smtp_enabled = enabled
        tenant.route_epoch += 1
        if tenant.draft_version == row.version:
            tenant.draft_version = None
        _release_waiting(session, tenant_id, now)
        action = AuditAction.SMTP_ACTIVATED_UNTESTED if row.proven_at is None else AuditAction.SMTP_ACTIVATED
        audit_log.append(session, AuditEvent(action, now, actor, tenant_id, facts | {"enabled": enabled}))

    def discard_draft(self, tenant_id: TenantId, *, actor: Actor) -> None:
        """Forget the draft: the next edit is laid over what is active again. Without a draft nothing happens."""
        with self.database.transaction() as session:
            tenant = organisations.tenant_to_change(session, tenant_id)
            if tenant.draft_version is not None:
                facts = {"version": tenant.draft_version}
                tenant.draft_version = None
                audit_log.append(
                    session, AuditEvent(AuditAction.SMTP_DRAFT_DISCARDED, self.clock(), actor, tenant_id, facts)
                )

    def enable(self, tenant_id: TenantId, *, actor: Actor) -> None:
        """Send this tenant's mail through its own server again. Twice is harmless and audited once.

        Raises:
            CannotActivateError: There are no active settings to send with.
        """
        self._switch(tenant_id, actor, on=True)

    def disable(self, tenant_id: TenantId, *, actor: Actor) -> None:
        """Send this tenant's mail through the platform until ``enable()``. Twice is harmless and audited once."""
        self._switch(tenant_id, actor, on=False)

    def _switch(self, tenant_id: TenantId, actor: Actor, *, on: bool) -> None:
        with self.database.transaction() as session:
            tenant = organisations.tenant_to_change(session, tenant_id)
            if on and tenant.active_version is None:
                raise CannotActivateError("There is no server to turn on yet: save and activate settings first.")
            if tenant.smtp_enabled is on:
                return
            tenant.smtp_enabled = on
            tenant.route_epoch += 1
            _release_waiting(session, tenant_id, self.clock())
            action = AuditAction.SMTP_ENABLED if on else AuditAction.SMTP_DISABLED
            facts = {"version": tenant.active_version}
            audit_log.append(session, AuditEvent(action, self.clock(), actor, tenant_id, facts))

    def _credentials_id(
        self, session: Session, tenant_id: TenantId, edit: SettingsEdit, base: EmailSettingsRow | None
    ) -> str | None:
        """Point to the stored password, or store the new one; never take a password to another destination."""
        if not isinstance(edit.password, Secret):
            kept = credentials.kept_by(edit, base)
            return kept.credentials_id if kept else None
        now = self.clock()
        row = CredentialsRow(id=new_id(now), tenant_id=tenant_id, created_at=now)
        row.sealed = credentials.seal(self.vault, tenant_id, row.id, edit.settings, edit.password)
        session.add(row)
        session.flush()
        return row.id


def _edited(session: Session, tenant: TenantRow) -> EmailSettingsRow | None:
    """What an edit is laid over: the draft if there is one, else what is active."""
    return stored.version(session, TenantId(tenant.id), tenant.draft_version or tenant.active_version)


def _release_waiting(session: Session, tenant_id: TenantId, now: datetime) -> None:
    """What waits because the old route failed need not wait for the new one."""
    outbox.try_again_now(session, tenant_id, ended_with=_FAULTS_OF_A_ROUTE, now=now)


def _changes(row: EmailSettingsRow, base: EmailSettingsRow | None) -> dict[str, object]:
    """What an edit changed, old beside new; of the password only that it changed."""
    before, after = (base.settings if base else None), row.settings
    changed: dict[str, object] = {
        name: {"from": getattr(before, name, None), "to": getattr(after, name)}
        for name in EmailSettings.__dataclass_fields__
        if getattr(before, name, None) != getattr(after, name)
    }
    if row.credentials_id != (base.credentials_id if base else None):
        changed["password"] = "changed" if row.credentials_id else "removed"
    return {"changed": changed}

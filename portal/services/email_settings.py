"""A tenant's email settings: saved as drafts, proven, activated, switched on and off."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal.crypto.vault import Vault
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.domain.routing.email_settings import (
    EmailSettings,
    SettingsEdit,
)
from portal.domain.routing.email_settings_edit import EditRules, read_edit
from portal.domain.routing.smtp_route import Credentials
from portal.domain.secret import Secret
from portal.services import credentials, cut_over, route_changes
from portal.services.clock import Clock, new_id
from portal.services.route_changes import CannotActivateError
from portal.storage import audit_log, organisations
from portal.storage import email_settings as stored
from portal.storage.credentials import CredentialsRow
from portal.storage.database import Database
from portal.storage.email_settings import EmailSettingsRow
from portal.storage.organisations import TenantRow

__all__ = [
    "CannotActivateError",
    "ChangedMeanwhileError",
    "EmailSettingsService",
    "NoSettingsError",
    "Saved",
]


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
    """Every change of a tenant's email settings, each one transaction with its audit event.

    What changes the route answers when the change holds: no message begins on the old route any more, or
    ``cut_over_seconds`` have passed, which are a worker's lease and a little more.
    """

    database: Database
    vault: Vault
    rules: EditRules
    clock: Clock
    cut_over_seconds: float

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
    ) -> bool:
        """Make a version the one that sends.

        Args:
            untested: The admin chose *Activate anyway*; the audit log says so.
            enabled: Whether the tenant's server is on from then on.

        Returns:
            Whether it is certain that no message begins on the old route any more.

        Raises:
            CannotActivateError: There is no such version, or it was never proven and ``untested`` is not said.
        """
        with self.database.transaction() as session:
            tenant = self._tenant_to_reroute(session, tenant_id)
            row = stored.version(session, tenant_id, version)
            if row is None:
                raise CannotActivateError(f"There is no version {version} of these settings.")
            if row.proven_at is None and not untested:
                raise CannotActivateError("Test these settings first, or activate them anyway.")
            route_changes.activate(session, tenant, row, enabled=enabled, actor=actor, now=self.clock())
        return self._cut_over(tenant_id, tenant.route_epoch)

    def route_epoch(self, tenant_id: TenantId) -> int:
        """A number that grows with each change of the tenant's route."""
        with self.database.reading() as session:
            return organisations.tenant(session, tenant_id).route_epoch

    def record_proof(
        self, tenant_id: TenantId, version: int, *, actor: Actor, activates: bool, since_epoch: int
    ) -> bool:
        """Note that a test with exactly these settings has succeeded, and activate them if that was asked for.

        Args:
            since_epoch: ``route_epoch()`` when the test began. Where somebody has activated or switched meanwhile,
                that later decision stands, and the version stays a proven draft.

        Returns:
            As ``activate()``.
        """
        lock = self._tenant_to_reroute if activates else organisations.tenant_to_change
        with self.database.transaction() as session:
            tenant = lock(session, tenant_id)
            row = stored.version(session, tenant_id, version)
            if row is None:
                return True
            row.proven_at = self.clock()
            if not activates or tenant.route_epoch != since_epoch:
                return True
            route_changes.activate(session, tenant, row, enabled=True, actor=actor, now=self.clock())
        return self._cut_over(tenant_id, tenant.route_epoch)

    def _tenant_to_reroute(self, session: Session, tenant_id: TenantId) -> TenantRow:
        return route_changes.tenant_to_reroute(session, tenant_id, now=self.clock())

    def _cut_over(self, tenant_id: TenantId, epoch: int) -> bool:
        return cut_over.wait(self.database, self.clock, tenant_id, epoch, seconds=self.cut_over_seconds)

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

    def enable(self, tenant_id: TenantId, *, actor: Actor) -> bool:
        """Send this tenant's mail through its own server again. Twice is harmless and audited once.

        Returns:
            As ``activate()``.

        Raises:
            CannotActivateError: There are no active settings to send with.
        """
        return self._switch(tenant_id, actor, on=True)

    def disable(self, tenant_id: TenantId, *, actor: Actor) -> bool:
        """Send this tenant's mail through the platform until ``enable()``. Twice is harmless and audited once.

        Returns:
            As ``activate()``.
        """
        return self._switch(tenant_id, actor, on=False)

    def _switch(self, tenant_id: TenantId, actor: Actor, *, on: bool) -> bool:
        with self.database.transaction() as session:
            tenant = self._tenant_to_reroute(session, tenant_id)
            route_changes.switch(session, tenant, on=on, actor=actor, now=self.clock())
        # Also when nothing changed: whoever switched first may still be waiting for a worker.
        return self._cut_over(tenant_id, tenant.route_epoch)

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

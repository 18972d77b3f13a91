"""Passwords of tenants' servers: bound to where they may be sent, and opened only for there."""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.orm import Session

from portal.crypto.vault import Vault
from portal.domain.ids import TenantId
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.smtp_route import Credentials
from portal.domain.secret import MARK, Secret
from portal.storage.credentials import CredentialsRow
from portal.storage.email_settings import EmailSettingsRow


def without_password(settings: EmailSettings, password: Secret) -> EmailSettings:
    """Settings fit to be stored: where a provider wants one token as username and password, it is a secret in both."""
    return replace(settings, username=MARK) if settings.username == password.reveal() else settings


def signing_in(username: str | None, password: Secret) -> Credentials:
    """What is said to the server, where ``MARK`` in the username's place stands for the password itself."""
    return Credentials(password.reveal() if username == MARK else username or "", password)


def place(tenant_id: str, credentials_id: str, settings: EmailSettings) -> tuple[str, ...]:
    """Where a password belongs. Under any other host, port, encryption or username it does not open."""
    return (
        "smtp-password",
        tenant_id,
        credentials_id,
        settings.host,
        str(settings.port),
        settings.security,
        settings.username or "",
    )


def seal(vault: Vault, tenant_id: TenantId, credentials_id: str, settings: EmailSettings, password: Secret) -> bytes:
    return vault.seal(password.reveal().encode(), *place(tenant_id, credentials_id, settings))


def open_for(session: Session, vault: Vault, row: EmailSettingsRow) -> Credentials | None:
    """The credentials of a settings version, or None for a server that asks for none.

    Raises:
        CannotOpenError: The vault's keys have changed, or the row was moved.
    """
    if row.credentials_id is None:
        return None
    kept = session.get_one(CredentialsRow, row.credentials_id)
    password = vault.open(kept.sealed, *place(row.tenant_id, kept.id, row.settings))
    return signing_in(row.username, Secret(password.decode()))


def places(rows: Iterator[EmailSettingsRow]) -> dict[str, tuple[str, ...]]:
    """The place of each credentials row, by its id; versions that share a row agree on the place."""
    return {
        row.credentials_id: place(row.tenant_id, row.credentials_id, row.settings) for row in rows if row.credentials_id
    }

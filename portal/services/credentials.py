"""Passwords of tenants' servers: bound to where they may be sent, and opened only for there."""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy.orm import Session

from portal.crypto.vault import Vault
from portal.domain.ids import TenantId
from portal.domain.routing.email_settings import (
    KEEPS_PASSWORD_OF_OTHER_SERVER,
    EmailSettings,
    FieldProblem,
    PasswordEdit,
    SettingsEdit,
    SettingsRefusedError,
)
from portal.domain.routing.smtp_route import Credentials
from portal.domain.secret import MARK, Secret
from portal.storage.credentials import CredentialsRow
from portal.storage.email_settings import EmailSettingsRow


def as_stored(edit: SettingsEdit) -> SettingsEdit:
    """The edit as it may be kept: where a provider wants one token as username and password, it is a secret in both."""
    password, settings = edit.password, edit.settings
    if isinstance(password, Secret) and settings.username == password.reveal():
        return replace(edit, settings=replace(settings, username=MARK))
    return edit


def kept_by(edit: SettingsEdit, base: EmailSettingsRow | None) -> EmailSettingsRow | None:
    """The version whose stored password an edit without a new one goes on using, or None for no sign-in.

    Raises:
        SettingsRefusedError: There is a username without a password, or the password belongs to another destination.
    """
    if edit.password is PasswordEdit.REMOVE or base is None or base.credentials_id is None:
        if edit.settings.username:
            sentence = "Enter the password, or leave the username empty for a server that asks for no sign-in."
            raise SettingsRefusedError((FieldProblem("password", sentence),))
        return None
    if edit.settings.destination != base.settings.destination:
        raise SettingsRefusedError((KEEPS_PASSWORD_OF_OTHER_SERVER,))
    return base


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

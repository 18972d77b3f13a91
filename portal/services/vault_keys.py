"""The vault's keys: proven before the program starts, and changed without touching what they protect."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.crypto.vault import CannotOpenError, Vault, key_id_of
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.services import credentials, message_content
from portal.services.clock import Clock
from portal.storage import audit_log, outbox, vault_keys
from portal.storage.credentials import CredentialsRow
from portal.storage.database import Database
from portal.storage.email_settings import EmailSettingsRow
from portal.storage.messages import MessageContentRow
from portal.storage.vault_keys import VaultKeyRow

_CHECK: Final = b"waypost"
_BATCH: Final = 500


class WrongVaultKeyError(Exception):
    """The keys do not fit the database; the text says what to do. Nothing was written."""


def prove(database: Database, vault: Vault) -> None:
    """Make sure that everything sealed in this database can be opened, and note the primary key.

    Raises:
        WrongVaultKeyError: A key in use is absent from PORTAL_VAULT_KEYS, or is another key under its name.
    """
    with database.reading() as session:
        in_use = {row.key_id: row.sealed_check for row in vault_keys.keys_in_use(session)}
    for key_id, sealed in in_use.items():
        _prove_one(vault, key_id, sealed)
    if vault.primary_key_id not in in_use:
        with database.transaction() as session:
            if session.get(VaultKeyRow, vault.primary_key_id) is None:
                check = vault.seal(_CHECK, "vault-key-check", vault.primary_key_id)
                session.add(VaultKeyRow(key_id=vault.primary_key_id, sealed_check=check))


def _prove_one(vault: Vault, key_id: str, sealed: bytes) -> None:
    if key_id not in vault.key_ids:
        raise WrongVaultKeyError(
            f"This database is sealed with the vault key «{key_id}», which PORTAL_VAULT_KEYS does not hold. "
            "Put that key back into PORTAL_VAULT_KEYS, behind the new one; then ./run keys rotate lets it go. "
            "Nothing was changed."
        )
    try:
        vault.open(sealed, "vault-key-check", key_id)
    except CannotOpenError:
        raise WrongVaultKeyError(
            f"The vault key «{key_id}» in PORTAL_VAULT_KEYS is not the one this database was sealed with: "
            "the name is the same, the key is another. Put the original key back. Nothing was changed."
        ) from None


def rotate(database: Database, vault: Vault, *, actor: Actor, clock: Clock, progress: Callable[[int], None]) -> int:
    """Seal everything with the first key, in batches.

    Interrupted, it goes on where it stopped when run again: what is already under the first key is passed over. The
    other keys are let go by a run that finds nothing to do any more: until then a process that was started before the
    new key came may still be sealing with an old one.

    Args:
        progress: Told the number of values resealed by each batch.

    Returns:
        How many values were resealed.
    """
    prove(database, vault)
    resealed = 0
    for batch in (_credentials_batch, _contents_batch):
        after = ""
        while True:
            with database.transaction() as session:
                done, after = batch(session, vault, after)
            if not after:
                break
            resealed += done
            progress(done)
    if resealed == 0:
        _let_go_of_other_keys(database, vault, actor, clock)
    return resealed


def _let_go_of_other_keys(database: Database, vault: Vault, actor: Actor, clock: Clock) -> None:
    with database.transaction() as session:
        others = [row for row in vault_keys.keys_in_use(session) if row.key_id != vault.primary_key_id]
        for row in others:
            session.delete(row)
        if others:
            facts = {"key": vault.primary_key_id, "replaces": [row.key_id for row in others]}
            audit_log.append(session, AuditEvent(AuditAction.VAULT_KEYS_ROTATED, clock(), actor, facts=facts))


def _credentials_batch(session: Session, vault: Vault, after: str) -> tuple[int, str]:
    """Reseal the next credentials. Returns how many, and the last id looked at ("" at the end)."""
    query = select(CredentialsRow).where(CredentialsRow.id > after).order_by(CredentialsRow.id).limit(_BATCH)
    rows = session.scalars(query.with_for_update()).all()
    ids = [row.id for row in rows]
    versions = session.scalars(select(EmailSettingsRow).where(EmailSettingsRow.credentials_id.in_(ids)))
    places = credentials.places(iter(versions))
    done = 0
    for row in rows:
        if row.id in places and key_id_of(row.sealed) != vault.primary_key_id:
            row.sealed = vault.seal(vault.open(row.sealed, *places[row.id]), *places[row.id])
            done += 1
    return done, ids[-1] if ids else ""


def _contents_batch(session: Session, vault: Vault, after: str) -> tuple[int, str]:
    """The same for the contents of messages, one at a time in memory: each may have 25 MiB."""
    query = select(MessageContentRow.message_id).where(MessageContentRow.message_id > after)
    ids = session.scalars(query.order_by(MessageContentRow.message_id).limit(_BATCH)).all()
    done = 0
    # The messages' own rows are locked, as by workers, which wipe the contents of those that they have locked.
    for id_ in sorted(outbox.locked(session, ids)):
        row = session.get_one(MessageContentRow, id_)
        if key_id_of(row.sealed) != vault.primary_key_id:
            place = message_content.place(row.tenant_id, row.message_id)
            row.sealed = vault.seal(vault.open(row.sealed, *place), *place)
            session.flush()
            done += 1
        session.expunge(row)
    return done, ids[-1] if ids else ""

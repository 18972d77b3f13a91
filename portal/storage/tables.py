"""Every table, imported once, so that ``metadata`` knows them all."""

from sqlalchemy import MetaData

from portal.storage import (
    audit_log,
    credentials,
    email_settings,
    organisations,
    outbox,
    probes,
    users,
    vault_keys,
)
from portal.storage.database import Base

__all__ = [
    "audit_log",
    "credentials",
    "email_settings",
    "metadata",
    "organisations",
    "outbox",
    "probes",
    "users",
    "vault_keys",
]

metadata: MetaData = Base.metadata

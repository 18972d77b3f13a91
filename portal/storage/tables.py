"""Every table, imported once, so that ``metadata`` knows them all."""

from sqlalchemy import MetaData

from portal.storage import (
    attempts,
    audit_log,
    audit_seals,
    credentials,
    email_settings,
    lanes,
    messages,
    one_time_tokens,
    organisations,
    outbox,
    platform_use,
    probes,
    route_states,
    sign_ins,
    token_buckets,
    users,
    vault_keys,
)
from portal.storage.database import Base

__all__ = [
    "attempts",
    "audit_log",
    "audit_seals",
    "credentials",
    "email_settings",
    "lanes",
    "messages",
    "metadata",
    "one_time_tokens",
    "organisations",
    "outbox",
    "platform_use",
    "probes",
    "route_states",
    "sign_ins",
    "token_buckets",
    "users",
    "vault_keys",
]

metadata: MetaData = Base.metadata

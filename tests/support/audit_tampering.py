"""An audit log with seals, and hands that change it behind the program's back."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from portal.crypto.audit_key import AuditKey
from portal.domain.audit_events import Actor, AuditAction, AuditEvent
from portal.domain.ids import TenantId
from portal.domain.secret import Secret
from portal.services.audit_seals import AuditSeals
from portal.services.audit_verification import Verification, verify
from portal.storage import audit_log
from portal.storage.database import Database

NOON: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA: Final = Actor("a" * 26, "203.0.113.7")
KEY: Final = AuditKey(Secret("the first secret key of this installation"))
OTHER_KEY: Final = AuditKey(Secret("another secret key of this installation"))


class SealedLog:
    """A log, a sealer, and a clock that only moves when it is told to."""

    def __init__(self, database: Database, *, most: int = 5000, key: AuditKey = KEY) -> None:
        self.database = database
        self.now = NOON
        self.seals = AuditSeals(database, key, lambda: self.now, most=most)

    def write(self, count: int, action: AuditAction = AuditAction.SMTP_SAVED, tenant: TenantId | None = None) -> None:
        events = [
            AuditEvent(action, self.now, ADA, tenant, {"number": number, "é": [1.5, None]}) for number in range(count)
        ]
        with self.database.transaction() as session:
            audit_log.append(session, *events)

    def write_and_seal(self, *counts: int) -> None:
        """One segment for each count."""
        for count in counts:
            self.write(count)
            self.seal_after_a_while()

    def seal_after_a_while(self) -> None:
        """What the worker does in three minutes."""
        for _ in range(4):
            while self.seals.seal():
                pass
            self.now += timedelta(minutes=1)

    def tamper(self, *statements: str) -> None:
        with self.database.engine.begin() as connection:
            for statement in statements:
                assert connection.execute(text(statement)).rowcount >= 1, statement

    def verify(self, *keys: AuditKey, checkpoint: tuple[int, bytes] | None = None) -> Verification:
        return verify(self.database, keys or (KEY,), checkpoint)

    def findings(self, *keys: AuditKey) -> Sequence[tuple[int, str]]:
        return [(finding.segment, finding.kind.value) for finding in self.verify(*keys).findings]

    def rows(self, columns: str, table: str = "audit_seals") -> list[tuple[Any, ...]]:
        with self.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM {table} ORDER BY id"))]  # noqa: S608 - the tests' own words

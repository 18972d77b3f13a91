"""The audit log as a CSV file, made while it is sent.

It begins with a byte order mark: without one, the spreadsheet program that most people open it with takes the UTF-8 for
something else, and the programs that need none pass it over.
"""

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Final

from portal.domain.ids import TenantId
from portal.storage import audit_log
from portal.storage.audit_log import AuditFilter
from portal.storage.database import Database
from portal.web.audit_entries import AuditEntry, entries
from portal.web.csv_cells import line

MOST: Final = 50_000
"""Events in one file; who needs more takes it month by month."""

COLUMNS: Final = ("time", "event", "sentence", "person", "network", "facts")
_PORTION: Final = 1000
_CUT: Final = f"The file ends here: it holds the newest {MOST:,} events. Choose a shorter span of time for older ones."


def audit_csv(database: Database, tenant_id: TenantId, wanted: AuditFilter, *, most: int = MOST) -> Iterator[str]:
    """The tenant's events, newest first, in portions. Each is read in a transaction of its own, so that however slowly
    somebody reads, no connection is held meanwhile; since rows are only ever added, nothing is missed.
    """
    yield "\ufeff" + line(COLUMNS)
    before, left = None, most
    while True:
        with database.reading() as session:
            rows = audit_log.page(session, tenant_id, wanted, before=before, most=min(_PORTION, left) + 1)
            has_more = len(rows) > min(_PORTION, left)
            shown = rows[: min(_PORTION, left)]
            portion = "".join(_line(entry) for entry in entries(session, shown))
        yield portion
        left -= len(shown)
        if not has_more:
            return
        if not left:
            yield line(["", "", _CUT, "", "", ""])
            return
        before = shown[-1].id


def _line(entry: AuditEntry) -> str:
    row = entry.row
    changed = "; ".join(map(str, entry.changes))
    return line(
        [
            row.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            row.action,
            f"{entry.sentence} {changed}".rstrip(),
            str(entry.who),
            row.network or "",
            json.dumps(row.facts, ensure_ascii=False),
        ]
    )

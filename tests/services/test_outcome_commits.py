"""Outcomes share commits, and none suffers from another."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.orm import Session

from portal.domain.audit_events import COMMAND_LINE, AuditAction, AuditEvent
from portal.services.clock import utc_now
from portal.services.outcome_commits import OutcomeCommits
from portal.storage import audit_log
from portal.storage.audit_log import AuditRow
from portal.storage.outbox import LeaseLostError
from portal.wiring import Waypost


def note(session: Session) -> None:
    audit_log.append(session, AuditEvent(AuditAction.SIGNED_IN, utc_now(), COMMAND_LINE))


def lose(_session: Session) -> None:
    raise LeaseLostError


def break_off(session: Session) -> None:
    note(session)
    raise ZeroDivisionError


def outcomes_of(waypost: Waypost, *writes: object) -> list[object]:
    async def commit_all() -> list[object]:
        with ThreadPoolExecutor(1) as executor:
            commits = OutcomeCommits(waypost.database, executor)
            running = asyncio.create_task(commits.run())
            waiting = [commits.commit(write) for write in writes]  # type: ignore[arg-type] # each is a write
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            await commits.drained()
            running.cancel()
            return [type(outcome) for outcome in outcomes]

    return asyncio.run(commit_all())


def noted(waypost: Waypost) -> int:
    with waypost.database.reading() as session:
        return session.query(AuditRow).count()


def test_a_lost_lease_is_told_to_its_owner_alone(waypost: Waypost) -> None:
    assert outcomes_of(waypost, note, lose, note) == [type(None), LeaseLostError, type(None)]
    assert noted(waypost) == 2


def test_a_defect_in_one_write_takes_no_other_with_it(waypost: Waypost) -> None:
    assert outcomes_of(waypost, note, break_off, note) == [type(None), ZeroDivisionError, type(None)]
    assert noted(waypost) == 2

"""What workers write, one step after the other and many in a transaction: each is fenced by its message's number."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.domain.audit_events import AuditAction
from portal.domain.ids import TenantId
from portal.domain.routing.fault import Fault
from portal.services import attempts
from portal.services.records import Step, Written
from portal.storage.attempts import AttemptRow
from portal.storage.audit_log import AuditRow
from portal.storage.messages import MessageContentRow, MessageRow, MessageState
from portal.wiring import Waypost
from tests.support.record_steps import LATER, NOW, Steps, stored, write

SENT, WAITING, FAILED = MessageState.SENT, MessageState.WAITING, MessageState.FAILED


def picture(waypost: Waypost, about: Steps) -> tuple[Any, ...]:
    """All that is on record of a message."""
    with waypost.database.reading() as session:
        row = session.execute(select(MessageRow.__table__).where(MessageRow.id == about.message)).one()
        contents = session.scalar(select(func.count()).where(MessageContentRow.message_id == about.message))
        tried = session.scalars(select(AttemptRow.number).where(AttemptRow.message_id == about.message)).all()
        events = session.scalar(select(func.count()).select_from(AuditRow))
    return (*row, contents, tuple(sorted(tried)), events)


@pytest.mark.parametrize(
    ("begun", "tries", "number", "tries_read", "holds"),
    [
        (0, 0, 1, 0, True),
        (3, 2, 4, 2, True),
        (3, 2, 3, 2, False),  # somebody else has begun it
        (3, 2, 5, 2, False),
        (3, 2, 4, 1, False),  # somebody's outcome came late, after it was read
        (3, 2, 1, 0, False),
    ],
)
def test_a_conversation_begins_only_from_what_was_read(
    waypost: Waypost, acme: TenantId, begun: int, tries: int, number: int, tries_read: int, *, holds: bool
) -> None:
    about = stored(waypost, acme, begun=begun, tries=tries)
    before = picture(waypost, about)

    (written,) = write(waypost, Step(begin=about.begin(number, tries=tries_read)))

    assert written == Written(begun=holds)
    if not holds:
        assert picture(waypost, about) == before
        return
    with waypost.database.reading() as session:
        row = session.get_one(MessageRow, about.message)
        assert (row.state, row.begun, row.worker, row.due_at) == (MessageState.SENDING, number, "me", NOW)


@pytest.mark.parametrize("state", [SENT, WAITING, FAILED])
@pytest.mark.parametrize(("number", "holds"), [(3, True), (2, False), (4, False), (0, False)])
def test_an_outcome_is_kept_while_its_conversation_is_the_latest(
    waypost: Waypost, acme: TenantId, state: MessageState, number: int, *, holds: bool
) -> None:
    about = stored(waypost, acme, begun=3)
    before = picture(waypost, about)

    (written,) = write(waypost, Step(about.end(number, state)))

    assert isinstance(written, Written)
    assert written.ended is holds
    if not holds:
        assert picture(waypost, about) == before
        return
    with waypost.database.reading() as session:
        row = session.get_one(MessageRow, about.message)
        content = session.get(MessageContentRow, about.message)
        attempt = session.get_one(AttemptRow, (about.message, 1))
    assert (row.state, row.tries, row.decision, attempt.fault) == (state, 1, ["It was so."], Fault.OK)
    assert (row.due_at, row.finished_at) == ((None, NOW) if state.is_final else (LATER, None))
    assert (content is None) is state.is_final


@pytest.mark.parametrize("state", [state for state in MessageState if state.is_final])
def test_what_is_final_neither_begins_nor_ends_again(waypost: Waypost, acme: TenantId, state: MessageState) -> None:
    about = stored(waypost, acme, begun=1, state=state)
    before = picture(waypost, about)

    written = write(
        waypost,
        Step(about.end(1, SENT)),
        Step(about.end(1, WAITING)),
        Step(begin=about.begin(2)),
        Step(about.put_off(1)),
    )

    ended, begun = Written(ended=False), Written(begun=False)
    assert written == [ended, ended, begun, ended]
    assert picture(waypost, about) == before


def test_an_end_without_a_conversation_voids_the_late_outcome_of_an_earlier_one(
    waypost: Waypost, acme: TenantId
) -> None:
    about = stored(waypost, acme, begun=1)

    assert write(waypost, Step(about.put_off(1))) == [Written()]
    put_off = picture(waypost, about)
    assert write(waypost, Step(about.end(1, SENT))) == [Written(ended=False)]

    assert picture(waypost, about) == put_off
    assert write(waypost, Step(begin=about.begin(3))) == [Written()]


def test_a_late_outcome_voids_an_end_without_a_conversation_that_was_decided_before_it(
    waypost: Waypost, acme: TenantId
) -> None:
    about = stored(waypost, acme, begun=1)
    decided_before = about.put_off(1)

    assert write(waypost, Step(about.end(1, WAITING))) == [Written()]
    late = picture(waypost, about)
    assert write(waypost, Step(decided_before)) == [Written(ended=False)]

    assert picture(waypost, about) == late


@pytest.mark.parametrize("together", [True, False], ids=["in one transaction", "one by one"])
@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("end, begin", [Written(), Written()]),
        ("finish, begin", [Written(), Written(begun=False)]),
        ("begin, begin", [Written(), Written(begun=False)]),
        ("finish, finish", [Written(), Written(ended=False)]),
        ("put off, end", [Written(), Written(ended=False)]),
        ("begin, end", [Written(), Written(ended=False)]),
    ],
)
def test_of_several_steps_about_one_message_the_first_counts(
    waypost: Waypost, acme: TenantId, what: str, expected: Sequence[Written], *, together: bool
) -> None:
    about = stored(waypost, acme, begun=1)
    tries = int(what.startswith("end"))
    known = {
        "end": Step(about.end(1, WAITING)),
        "finish": Step(about.end(1, SENT)),
        "put off": Step(about.put_off(1)),
        "begin": Step(begin=about.begin(2, tries=tries)),
    }
    steps = [known[word] for word in what.split(", ")]

    written = write(waypost, *steps) if together else [write(waypost, step)[0] for step in steps]

    assert written == expected


def test_an_end_and_the_next_beginning_on_one_connection_hold_each_by_itself(waypost: Waypost, acme: TenantId) -> None:
    one, two, three, lost, taken = (stored(waypost, acme, begun=begun) for begun in (1, 0, 0, 5, 5))

    written = write(
        waypost,
        Step(one.end(1, SENT), two.begin(1)),
        Step(lost.end(4, SENT), three.begin(1, worker="other")),
        Step(lost.end(5, WAITING), taken.begin(5)),
    )

    assert written == [Written(), Written(ended=False), Written(begun=False)]
    with waypost.database.reading() as session:
        rows = {row.id: (row.state, row.begun, row.worker) for row in session.scalars(select(MessageRow))}
    assert rows == {
        one.message: (SENT, 1, None),
        two.message: (MessageState.SENDING, 1, "me"),
        three.message: (MessageState.SENDING, 1, "other"),
        lost.message: (WAITING, 5, None),
        taken.message: (MessageState.SENDING, 5, None),
    }


def test_the_audit_event_is_there_if_the_end_is(waypost: Waypost, acme: TenantId) -> None:
    def with_event(about: Steps, number: int) -> Step:
        event = attempts.end_without_attempt(about.message, acme, state=FAILED, at=NOW, why="It was so.")
        return Step(replace(about.end(number, FAILED), events=(event,)))

    kept, refused = (stored(waypost, acme, begun=2) for _ in range(2))

    write(waypost, with_event(kept, 2), with_event(refused, 1))

    with waypost.database.reading() as session:
        facts = session.scalars(select(AuditRow.facts).where(AuditRow.action == AuditAction.EMAIL_SEND_FAILED)).all()
    assert [one["message"] for one in facts] == [kept.message]

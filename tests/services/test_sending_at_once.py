"""Handing messages in from many threads: they share commits, keys and a full disk."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, select

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import MessageId
from portal.services.sending import NotAcceptedError, Sender
from portal.storage.database import StorageError
from portal.storage.messages import MessageContentRow, MessageRow
from portal.wiring import Waypost
from tests.support.handed_in import GOOD, stored
from tests.support.installation import Installation


@contextmanager
def counted_commits(engine: Engine, *, seconds: float) -> Iterator[list[None]]:
    """Collects an item for each commit, and makes each as slow as a disk does."""
    commits: list[None] = []

    def slow(_connection: object) -> None:
        commits.append(None)
        time.sleep(seconds)

    event.listen(engine, "commit", slow)
    try:
        yield commits
    finally:
        event.remove(engine, "commit", slow)


@pytest.mark.usefixtures("acme")
def test_what_many_threads_hand_in_at_once_shares_commits_and_one_bad_caller_hurts_nobody(waypost: Waypost) -> None:
    def send(thread: int) -> list[MessageId]:
        if thread == 7:
            with pytest.raises(NotAcceptedError):
                waypost.sender.send("acme", **(GOOD | {"to": "nonsense"}))
        return [waypost.sender.send("acme", **GOOD) for _ in range(20)]

    with counted_commits(waypost.database.engine, seconds=0.02) as commits, ThreadPoolExecutor(32) as threads:
        ids = [id_ for sent in threads.map(send, range(32)) for id_ in sent]

    assert len(set(ids)) == stored(waypost) == 640
    assert 20 <= len(commits) <= 640 / 4


@pytest.mark.usefixtures("acme")
def test_an_id_is_given_out_after_the_commit(waypost: Waypost) -> None:
    seen: list[int] = []
    with counted_commits(waypost.database.engine, seconds=0.05) as commits, ThreadPoolExecutor(4) as threads:

        def send(_: int) -> None:
            before = len(commits)
            id_ = waypost.sender.send("acme", **GOOD)
            assert len(commits) > before
            with waypost.database.reading() as session:
                seen.append(session.scalar(select(func.count()).where(MessageRow.id == id_)) or 0)

        list(threads.map(send, range(12)))

    assert seen == [1] * 12


def test_a_full_disk_is_told_to_every_caller_and_leaves_nothing_half_stored(tmp_path: Path) -> None:
    installation = Installation.new(tmp_path)
    with installation.opened() as waypost:
        waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
        engine = waypost.database.engine
        with engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        engine.dispose()
        limit = [pages + 100]
        event.listen(engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count={limit[0]}").close())

        def send(_: int) -> MessageId | str:
            try:
                return waypost.sender.send("acme", **GOOD | {"text": "x" * 60_000})
            except StorageError as error:
                return str(error)

        with ThreadPoolExecutor(16) as threads:
            outcomes = list(threads.map(send, range(16)))

        refusals = [outcome for outcome in outcomes if "full" in outcome]
        with waypost.database.reading() as session:
            whole = session.scalars(select(MessageRow.id).join(MessageContentRow)).all()
        assert set(refusals) == {"The database did not answer: database or disk is full."}
        assert sorted(set(outcomes) - set(refusals)) == sorted(whole)
        assert len(whole) == stored(waypost) < 16

        limit[0] = 1_000_000
        engine.dispose()
        assert waypost.sender.send("acme", **GOOD)


@pytest.mark.usefixtures("acme")
def test_one_key_is_one_message_however_many_callers_bring_it(installation: Installation, waypost: Waypost) -> None:
    def send(sender: Sender, number: int) -> MessageId:
        return sender.send("acme", **GOOD, idempotency_key=f"order {number % 2}")

    with installation.opened() as another_process, ThreadPoolExecutor(16) as threads:
        senders = [waypost.sender, another_process.sender]
        running = [threads.submit(send, senders[n % 3 % 2], n) for n in range(32)]
        ids = [one.result(30) for one in running]

    assert len(set(ids)) == stored(waypost) == 2
    assert len(set(ids[::2])) == len(set(ids[1::2])) == 1

"""Threads share commits: few transactions, and nobody suffers from another's part."""

import os
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.services.clock import new_id, utc_now
from portal.services.shared_commits import SharedCommits
from portal.storage.database import StorageError
from portal.storage.organisations import OrganisationRow
from portal.wiring import Waypost

SMALL = 0.01


@dataclass
class Writer:
    """Stores names, each of which there can be once. The first transaction is held up until ``go`` is set."""

    go: threading.Event = field(default_factory=threading.Event)
    has_begun: threading.Event = field(default_factory=threading.Event)
    groups: list[list[str]] = field(default_factory=list)

    def __call__(self, session: Session, names: Sequence[str]) -> list[str]:
        self.groups.append(list(names))
        self.has_begun.set()
        assert self.go.wait(20)
        for name in names:
            if name == "defect":
                raise ZeroDivisionError
            if name == "away":
                raise StorageError("The database did not answer.")
            row = {"id": new_id(utc_now()), "name": name, "created_at": utc_now()}
            session.execute(insert(OrganisationRow), [row])
        return [name.upper() for name in names]


def commit_all(waypost: Waypost, *names: str, share: float = SMALL) -> tuple[list[Any], list[list[str]]]:
    """One thread a name, the first one in the middle of its transaction while the others gather.

    Returns:
        What each got, and the groups that were written.
    """
    writer = Writer()
    commits = SharedCommits(waypost.database, writer)

    def outcome(name: str) -> Any:
        try:
            return commits.commit(name, share=share)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            return type(error)

    with ThreadPoolExecutor(len(names)) as threads:
        running = [threads.submit(outcome, names[0])]
        assert writer.has_begun.wait(20)
        for name in names[1:]:
            running.append(threads.submit(outcome, name))
            time.sleep(0.02)  # in their order
        time.sleep(0.2)
        writer.go.set()
        return [one.result(20) for one in running], writer.groups


def stored(waypost: Waypost) -> set[str]:
    with waypost.database.reading() as session:
        return set(session.scalars(select(OrganisationRow.name)))


def test_what_gathers_during_a_transaction_is_written_by_the_next(waypost: Waypost) -> None:
    outcomes, groups = commit_all(waypost, "a", "b", "c", "d")

    assert outcomes == ["A", "B", "C", "D"]
    assert groups == [["a"], ["b", "c", "d"]]
    assert stored(waypost) == {"a", "b", "c", "d"}


def test_a_group_is_bounded_and_what_is_larger_goes_alone(waypost: Waypost) -> None:
    assert commit_all(waypost, "a", "b", "c", "d", "e", share=0.5)[1] == [["a"], ["b", "c"], ["d", "e"]]
    assert commit_all(waypost, "f", "g", "h", share=7)[1] == [["f"], ["g"], ["h"]]


@pytest.mark.parametrize(
    ("bad", "error"), [pytest.param("a", IntegrityError, id="constraint"), ("defect", ZeroDivisionError)]
)
def test_a_part_that_cannot_be_written_fails_its_own_caller_alone(waypost: Waypost, bad: str, error: type) -> None:
    outcomes, _ = commit_all(waypost, "a", "b", bad, "c")

    assert outcomes == ["A", "B", error, "C"]
    assert stored(waypost) == {"a", "b", "c"}


def test_a_database_that_is_away_is_told_to_every_caller_of_the_group(waypost: Waypost) -> None:
    outcomes, _ = commit_all(waypost, "a", "b", "away", "c")

    assert outcomes == ["A", StorageError, StorageError, StorageError]
    assert stored(waypost) == {"a"}


def test_the_queue_goes_on_after_its_leader_was_interrupted(waypost: Waypost) -> None:
    def interrupt(_session: Session, names: Sequence[str]) -> list[str]:
        if "stop" in names:
            raise KeyboardInterrupt
        return list(names)

    commits = SharedCommits(waypost.database, interrupt)

    with pytest.raises(KeyboardInterrupt):
        commits.commit("stop", share=SMALL)

    assert commits.commit("next", share=SMALL) == "next"


def test_a_process_forked_in_the_middle_of_a_commit_begins_anew(waypost: Waypost) -> None:
    writer = Writer()
    commits = SharedCommits(waypost.database, writer)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(commits.commit, "parent", share=SMALL)
        assert writer.has_begun.wait(20)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of exactly this
            child = os.fork()
        if child == 0:
            # No database: a connection belongs to the process that opened it.
            commits._write_once = list  # type: ignore[method-assign,assignment] # stands in for it
            os._exit(0 if commits.commit("child", share=SMALL) == "child" else 1)

        deadline = time.monotonic() + 10
        while (ended := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        if ended[0] == 0:
            os.kill(child, 9)
            os.waitpid(child, 0)
        writer.go.set()

    assert ended == (child, 0)
    assert running.result() == "PARENT"

"""Group commit for threads: calls that come at the same time share a transaction (PERFORMANCE: one fsync for many)."""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.storage.database import Database, StorageError

Part = TypeVar("Part")
Result = TypeVar("Result")


class _Turn(Generic[Part, Result]):
    """One call's place in the queue."""

    def __init__(self, part: Part, share: float) -> None:
        self.part = part
        self.share = share
        self.has_come = threading.Event()
        """Set when this call is to lead, or when another one has written its part."""
        self.leads = False
        self.results: list[Result] = []
        self.error: BaseException | None = None

    @property
    def is_over(self) -> bool:
        return bool(self.results) or self.error is not None

    def result(self) -> Result:
        if self.error is not None:
            raise self.error
        return self.results[0]


class SharedCommits(Generic[Part, Result]):
    """Writes the parts of many threads in few transactions, without a thread of its own.

    Whoever comes first leads: it writes everything that has gathered, its own part among it, wakes whom that belonged
    to and hands the lead to the next in the queue. What comes while a transaction is being written gathers for the
    next one; who comes alone waits for nobody. A part that fails fails its own caller only.

    Args:
        write: Writes parts within a transaction; one result for each. It may be called again with the same parts after
            a transaction that was rolled back.
    """

    def __init__(self, database: Database, write: Callable[[Session, Sequence[Part]], Sequence[Result]]) -> None:
        self._database = database
        self._write = write
        self.start_anew()
        _in_this_process.add(self)

    def start_anew(self) -> None:
        """Forget the queue: after a fork its other threads do not exist, and nobody would ever release its lock."""
        self._lock = threading.Lock()
        self._waiting: deque[_Turn[Part, Result]] = deque()
        self._is_led = False

    def commit(self, part: Part, *, share: float) -> Result:
        """Have a part written; returns once it is on disk.

        Args:
            share: How much of a full transaction the part is; more than 1 is a transaction of its own.

        Raises:
            StorageError: The database did not take it. Nothing of it was stored.
            Exception: What ``write`` raised about this part when it was written alone.
        """
        mine: _Turn[Part, Result] = _Turn(part, share)
        try:
            with self._lock:
                self._waiting.append(mine)
                self._appoint()
            mine.has_come.wait()
            if not mine.is_over:
                self._lead()
            return mine.result()
        finally:
            self._leave(mine)

    def _appoint(self) -> None:
        """Let the first in the queue lead if nobody does. To be called with the lock."""
        if self._waiting and not self._is_led:
            self._is_led = self._waiting[0].leads = True
            self._waiting[0].has_come.set()

    def _lead(self) -> None:
        group: list[_Turn[Part, Result]] = []
        try:
            with self._lock:
                full = 0.0
                while self._waiting and (not group or full + self._waiting[0].share <= 1):
                    group.append(self._waiting.popleft())
                    full += group[-1].share
            self._write_group(group)
        finally:
            for turn in group:
                if not turn.is_over:
                    turn.error = StorageError("The program was interrupted while it stored the message.")
                turn.has_come.set()

    def _write_group(self, group: list[_Turn[Part, Result]]) -> None:
        if len(group) > 1:
            try:
                results = self._write_once([turn.part for turn in group])
            except StorageError as error:
                for turn in group:
                    turn.error = StorageError(*error.args)  # one for each thread that raises it
                return
            except Exception:  # noqa: BLE001 - whose it is shows when each part is written by itself
                for turn in group:
                    self._write_alone(turn)
                return
            for turn, result in zip(group, results, strict=True):
                turn.results.append(result)
        else:
            self._write_alone(group[0])

    def _write_alone(self, turn: _Turn[Part, Result]) -> None:
        try:
            try:
                (result,) = self._write_once([turn.part])
            except IntegrityError:
                # Another process was first with something that there is one of: this time it can be seen.
                (result,) = self._write_once([turn.part])
        except Exception as error:  # noqa: BLE001 - raised where it belongs, in the thread that brought the part
            turn.error = error
        else:
            turn.results.append(result)

    def _write_once(self, parts: Sequence[Part]) -> Sequence[Result]:
        with self._database.transaction() as session:
            return self._write(session, parts)

    def _leave(self, mine: _Turn[Part, Result]) -> None:
        """Hand the lead on. Whoever was interrupted while waiting takes its part along, too."""
        with self._lock:
            if not mine.is_over and mine in self._waiting:
                self._waiting.remove(mine)
            if mine.leads:
                self._is_led = False
                self._appoint()


_in_this_process: Final[weakref.WeakSet[SharedCommits[Any, Any]]] = weakref.WeakSet()


def _start_anew_in_child() -> None:
    for commits in _in_this_process:
        commits.start_anew()


os.register_at_fork(after_in_child=_start_anew_in_child)

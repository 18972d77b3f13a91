"""The demo's parent over stand-in children: real processes, real signals."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.demo.folder import PROJECT
from portal.demo.restarts import Restarts
from tests.support.demo import is_running, wait_until


class Family:
    """A parent, and the process ids its children have written down."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.process = process
        self._folder = folder

    @property
    def is_up(self) -> bool:
        return (self._folder / "up").exists()

    @property
    def said(self) -> str:
        file = self._folder / "said"
        return file.read_text() if file.exists() else ""

    def pid(self, name: str) -> int | None:
        file = self._folder / f"{name}.pid"
        return int(file.read_text()) if file.exists() else None

    def all_pids(self) -> list[int]:
        return [int(file.read_text()) for file in self._folder.glob("*.*") if file.suffix in {".pid", ".child"}]


@contextmanager
def family(folder: Path, *children: str) -> Iterator[Family]:
    """Start a parent with children, each ``name=mood``; whatever is left of them at the end is killed."""
    command = [sys.executable, "-W", "error", "-m", "tests.support.stand_in_parent", str(folder), *children]
    with subprocess.Popen(command, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}) as process:
        members = Family(process, folder)
        try:
            yield members
        finally:
            process.kill()
            for pid in members.all_pids():
                if is_running(pid):
                    os.kill(pid, signal.SIGKILL)


@contextmanager
def family_that_is_up(folder: Path, *children: str) -> Iterator[Family]:
    with family(folder, *children) as members:
        names = [child.partition("=")[0] for child in children]
        wait_until(lambda: members.is_up and all(members.pid(name) for name in names))
        yield members


def test_a_killed_child_is_started_again_and_the_others_are_left_alone(tmp_path: Path) -> None:
    with family_that_is_up(tmp_path, "web=calm", "worker=calm") as members:
        killed, other = members.pid("worker"), members.pid("web")
        assert killed is not None

        os.kill(killed, signal.SIGKILL)

        wait_until(lambda: members.pid("worker") != killed)
        assert members.pid("web") == other
        assert members.said == "worker: killed by SIGKILL; starting again\n"


def test_what_a_killed_child_leaves_behind_is_ended_before_it_is_started_again(tmp_path: Path) -> None:
    with family_that_is_up(tmp_path, "web=family") as members:
        killed = members.pid("web")
        wait_until((tmp_path / "web.child").exists)
        orphan = int((tmp_path / "web.child").read_text())
        assert killed is not None

        os.kill(killed, signal.SIGKILL)

        wait_until(lambda: members.pid("web") != killed)
        assert not is_running(orphan)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_parent_and_children_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    with family_that_is_up(tmp_path, "mail=calm", "worker=calm", "web=family") as members:
        wait_until((tmp_path / "web.child").exists)
        pids = members.all_pids()
        assert len(pids) == 4
        assert all(map(is_running, pids))

        members.process.send_signal(number)

        assert members.process.wait(timeout=5) == 0
        assert not any(map(is_running, pids))
        assert members.said == ""


def test_a_child_that_ignores_sigterm_does_not_hold_up_the_end_for_ever(tmp_path: Path) -> None:
    with family_that_is_up(tmp_path, "worker=stubborn", "web=calm") as members:
        pids = members.all_pids()

        members.process.terminate()

        assert members.process.wait(timeout=12) == 0
        assert not any(map(is_running, pids))


def test_a_killed_parent_takes_its_children_with_it(tmp_path: Path) -> None:
    with family_that_is_up(tmp_path, "mail=calm", "worker=stubborn", "web=calm") as members:
        pids = members.all_pids()
        assert all(map(is_running, pids))

        members.process.kill()

        wait_until(lambda: not any(map(is_running, pids)), seconds=12)


def test_a_child_that_keeps_ending_by_itself_ends_the_demo(tmp_path: Path) -> None:
    with family(tmp_path, "mail=calm", "worker=broken") as members:
        assert members.process.wait(timeout=20) == 3

        assert members.said.splitlines() == [
            *["worker: ended with status 4; starting again"] * 4,
            "worker: ended with status 4 again and again; giving up",
        ]
        assert not any(map(is_running, members.all_pids()))


def test_restarts_come_slower_and_slower_but_never_later_than_after_five_seconds() -> None:
    restarts, delays = Restarts(), []
    for _ in range(9):
        restarts = restarts.after(-signal.SIGKILL, lived=0.1)
        delays.append(restarts.delay)

    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    assert not restarts.are_hopeless


def test_a_child_that_lived_well_starts_with_a_clean_slate() -> None:
    restarts = Restarts(quick_deaths=4, failures=4).after(1, lived=10.0)

    assert restarts == Restarts()

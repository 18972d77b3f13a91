"""Processes of a benchmark: started, told to go, measured, and ended by their own ids."""

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

PROJECT: Final = Path(__file__).resolve().parents[1]
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A run that measures nothing: something did not start, arrive or end in time. The text says what."""


def allow_many_connections() -> None:
    """Raise this process's limit of open files, and so its children's, to what the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its threads, its living descendants and those it has reaped."""
    own = 0.0
    for each in (pid, *descendants(pid)):
        try:
            # The name in parentheses may hold anything; what follows the last one is numbers (proc(5)).
            words = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        own += sum(int(word) for word in words[11:15]) / _TICKS
    return own


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident memory of a process: now, and at its largest."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, most = (int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def until(condition: Callable[[], bool], *, seconds: float, what: str, every: float = 0.02) -> None:
    """Wait for something another process does.

    Raises:
        BenchError: It has not happened in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)


class Helper:
    """A program of this benchmark in a process of its own, which answers lines of JSON with lines of JSON.

    It ends when the socket between the two does, so that nothing outlives the harness.
    """

    def __init__(self, module: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", module, "--control", str(theirs.fileno()), *words]
        with theirs:
            self._process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
        self._socket = ours
        self._lines = ours.makefile("rb")

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, **request: Any) -> None:
        self._socket.sendall(json.dumps(request).encode() + b"\n")

    def hear(self, *, seconds: float = 60) -> dict[str, Any]:
        """The next answer.

        Raises:
            BenchError: It did not come in time, or the process has ended.
        """
        self._socket.settimeout(seconds)
        try:
            line = self._lines.readline()
        except TimeoutError:
            raise BenchError(f"no answer from process {self.pid} in {seconds:.0f} s") from None
        if not line:
            raise BenchError(f"process {self.pid} has ended with status {self._process.wait(5)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, *, seconds: float = 60, **request: Any) -> dict[str, Any]:
        self.tell(**request)
        return self.hear(seconds=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()
        end(self._process)


def end(process: subprocess.Popen[Any], *, seconds: float = 20) -> None:
    """Wait for a process that is ending by itself or at SIGTERM, then end it the hard way."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

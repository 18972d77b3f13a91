"""One process that starts the others, restarts those that die, and ends with all of them."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from portal.demo.child import STOP_WITHIN, is_set_within, stop_on_signals
from portal.demo.restarts import Restarts
from portal.demo.switch import is_listening

STOPPED: Final = 0
BROKEN: Final = 3
"""Exit statuses (CONTRACT: commands)."""

_START_WITHIN: Final = 20.0  # seconds a child may take to listen before the next is started all the same


@dataclass(frozen=True, slots=True)
class Child:
    """A program of ours to keep running.

    Attributes:
        name: As people read it.
        module: What ``python -m`` would run.
        inherits: File descriptors that stay open in the child, under the same numbers.
        listens_on: The port of loopback on which it takes connections once it is up; None when it has none.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    inherits: tuple[int, ...] = ()
    listens_on: int | None = None


async def run(
    children: Sequence[Child],
    environment: Mapping[str, str],
    *,
    when_up: Callable[[], None],
    say: Callable[[str], None],
) -> int:
    """Keep the children running until SIGTERM, SIGINT or SIGHUP, or until one of them proves broken.

    They are started in their order, each when the one before it is up, and stopped in reverse.

    Args:
        when_up: Called once, when all are up.
        say: Takes a sentence about a child's death.

    Returns:
        The exit status: 0 stopped as told, 3 a child could not be kept running.
    """
    over = stop_on_signals()
    # Only this process holds the end that is written to; the children notice when it is gone (portal.demo.child).
    lifeline, held = os.pipe()
    keepers: list[_Keeper] = []
    try:
        for child in children:
            keepers.append(_Keeper(child, environment, lifeline, over, say))
            await keepers[-1].is_up()
        if not over.is_set():
            when_up()
        await over.wait()
    finally:
        deadline = time.monotonic() + STOP_WITHIN
        for keeper in reversed(keepers):
            await keeper.stop(deadline)
        os.close(lifeline)
        os.close(held)
    return BROKEN if any(keeper.has_given_up for keeper in keepers) else STOPPED


class _Keeper:
    """Keeps one child running. ``over`` is set when it stops doing so, whatever the reason."""

    def __init__(
        self,
        child: Child,
        environment: Mapping[str, str],
        lifeline: int,
        over: asyncio.Event,
        say: Callable[[str], None],
    ) -> None:
        self.has_given_up = False
        self._child = child
        self._environment = environment
        self._lifeline = lifeline
        self._over = over
        self._say = say
        self._told_to_stop = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task = asyncio.create_task(self._keep())

    async def is_up(self) -> None:
        """Return when the child listens, when it is all over, or when waiting has no sense any more."""
        end = time.monotonic() + _START_WITHIN
        port = self._child.listens_on
        while port is not None and not is_listening(port) and time.monotonic() < end:
            if await is_set_within(self._over, 0.05):
                return

    async def stop(self, deadline: float) -> None:
        """End the child by SIGTERM, or by SIGKILL when the deadline of the monotonic clock has come."""
        self._told_to_stop.set()
        if self._process is not None:
            _signal(self._process.pid, signal.SIGTERM)
        _, late = await asyncio.wait({self._task}, timeout=max(deadline - time.monotonic(), 0))
        if late and self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)
        await self._task

    async def _keep(self) -> None:
        restarts = Restarts()
        try:
            while not self._told_to_stop.is_set():
                started = time.monotonic()
                status = await self._run_once()
                if self._told_to_stop.is_set():
                    return
                restarts = restarts.after(status, lived=time.monotonic() - started)
                if restarts.are_hopeless:
                    self.has_given_up = True
                    self._say(f"{self._child.name}: {_how_it_ended(status)} again and again; giving up")
                    return
                self._say(f"{self._child.name}: {_how_it_ended(status)}; starting again")
                await is_set_within(self._told_to_stop, restarts.delay)
        finally:
            self._over.set()

    async def _run_once(self) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "portal.demo.child", self._child.module, *self._child.arguments),
            stdin=self._lifeline,
            stdout=sys.stderr,  # ours is for what people and scripts read
            env=self._environment,
            pass_fds=self._child.inherits,
            process_group=0,  # Ctrl-C reaches the parent alone, which then stops the children in their order
        )
        self._process = process
        if self._told_to_stop.is_set():
            _signal(process.pid, signal.SIGTERM)
        status = await process.wait()
        self._process = None
        _signal_group(process.pid, signal.SIGKILL)  # what it may have left behind, gunicorn's workers for one
        return status


def _how_it_ended(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _signal_group(pid: int, number: signal.Signals) -> None:
    # macOS answers EPERM where only a zombie is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)

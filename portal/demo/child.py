"""Run one of the demo's programs so that it ends when its parent does.

``python -m portal.demo.child MODULE ARGUMENTS`` runs a module as ``python -m MODULE ARGUMENTS`` would. Standard
input is the lifeline: a pipe whose other end only the parent holds, so that it ends with the parent, however
that dies, SIGKILL included. No other way to learn this works on every POSIX system and has no moment at which
the parent can die unnoticed.
"""

import asyncio
import contextlib
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

STOP_WITHIN: Final = 5.0
"""Seconds from SIGTERM to SIGKILL."""


def stop_on_signals() -> asyncio.Event:
    """An event that is set when the running loop's process is told to stop (SIGTERM, SIGINT, SIGHUP)."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means what it says
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, but no longer than that; whether it is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _end_with(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_WITHIN)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    lifeline = os.dup(0)
    with Path(os.devnull).open() as nothing:  # the program itself has no input
        os.dup2(nothing.fileno(), 0)
    threading.Thread(target=_end_with, args=(lifeline,), name="lifeline", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

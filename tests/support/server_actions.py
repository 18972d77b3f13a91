"""What a scripted server can do at a step, besides saying something; ``tests.support.scripted_smtp`` explains."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

MIB = 1024 * 1024
PATIENCE = 30.0
"""Seconds after which a server gives up, so that a broken client cannot hold up the tests."""

USERNAME = "acme-mailer"
PASSWORD = "correct horse battery staple"

STEPWISE = ("SIZE 67108864", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
PIPELINED = (*STEPWISE, "PIPELINING")
ONE_FLIGHT = (*PIPELINED, "CHUNKING")


@dataclass(frozen=True)
class Silence:
    pass


@dataclass(frozen=True)
class Deaf:
    pass


@dataclass(frozen=True)
class Close:
    pass


@dataclass(frozen=True)
class Reset:
    pass


@dataclass(frozen=True)
class Goodbye:
    pass


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Gate:
    """``is_reached`` is set when a connection has come so far; it goes on when somebody sets ``is_open``."""

    is_reached: threading.Event = field(default_factory=threading.Event)
    is_open: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Drip:
    text: str
    every: float = 0.05


@dataclass(frozen=True)
class Flood:
    text: str | bytes
    total: int


Action = str | bytes | Silence | Deaf | Close | Reset | Goodbye | Pause | Gate | Drip | Flood
Deed = Action | tuple[Action, ...]
Scenario = Mapping[str, Deed | list[Deed]]

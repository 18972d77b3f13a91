"""A connection test as the page shows it, while it runs and afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from portal.services.connection_probe import SECONDS
from portal.storage.organisations import TenantRow
from portal.storage.probes import ProbeRow
from portal.web.labels import AUTH, ENCRYPTION, FIELDS, SIGNING

_GIVEN_UP_AFTER: Final = timedelta(seconds=60)
"""A test takes 20 seconds at most; the process of one that still has no end by now has died."""
_JUST_NOW: Final = timedelta(minutes=5)
_RECEIPT_AWAITED: Final = timedelta(minutes=10)
"""How long a page goes on asking whether the reader has confirmed."""
_ALWAYS: Final = ("resolve", "connect", "banner", "ehlo", "auth", "mail", "rcpt", "dot")
"""Stages of every test, in their order; the others depend on encryption and server."""
_BINDS_PASSWORD: Final = frozenset({"host", "port", "security", "username"})
"""What a stored password is bound to (THREATS 5)."""
_WORDS: Final[Mapping[str, Mapping[Any, str]]] = {"security": ENCRYPTION, "auth": AUTH, "signing": SIGNING}
_SPEAKERS: Final = {"C": "we", "S": "server"}


class Progress(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Line(NamedTuple):
    """A line of a transcript: ``speaker`` is *we* or *server*; empty for a remark of ours."""

    speaker: str
    said: str


@dataclass(frozen=True, slots=True)
class ProbePanel:
    """One run of Test connection.

    Attributes:
        not_reached: Names of the stages that were still to come when it ended.
        activated_just_now: Whether it has made the version it tested the active one, in the last minutes.
        elapsed: Whole seconds since it began, at most as many as a test may take.
        awaits_receipt: Whether it is still worth asking whether the message was received.
    """

    row: ProbeRow
    progress: Progress
    not_reached: Sequence[str]
    activated_just_now: bool
    elapsed: int
    awaits_receipt: bool

    @classmethod
    def of(cls, row: ProbeRow, tenant: TenantRow, *, now: datetime) -> "ProbePanel":
        progress = _progress(row, now)
        since_end = now - row.finished_at if row.finished_at is not None else None
        activated = progress is Progress.PASSED and row.activates and tenant.active_version == row.version
        reached = {stage["stage"] for stage in row.stages}
        last = max((_ALWAYS.index(stage) for stage in reached if stage in _ALWAYS), default=-1)
        return cls(
            row,
            progress,
            not_reached=() if progress is Progress.PASSED else _ALWAYS[last + 1 :],
            activated_just_now=activated and since_end is not None and since_end < _JUST_NOW,
            elapsed=max(0, min(int(SECONDS), int((now - row.started_at).total_seconds()))),
            awaits_receipt=progress is Progress.PASSED
            and row.receipt_hash is not None
            and row.received_at is None
            and since_end is not None
            and since_end < _RECEIPT_AWAITED,
        )

    @property
    def is_running(self) -> bool:
        return self.progress is Progress.RUNNING

    @property
    def is_looking_further(self) -> bool:
        """Whether a stage has failed and the test goes on all the same, to find the cause."""
        return self.is_running and bool(self.row.stages) and not self.row.stages[-1]["ok"]

    @property
    def stages(self) -> list[dict[str, Any]]:
        """Those it has gone through; without the goodbye where something has failed before."""
        is_good = self.progress is Progress.PASSED
        return [stage for stage in self.row.stages if is_good or stage["stage"] != "quit"]

    @property
    def message_to(self) -> str:
        """What became of the message, to end a sentence with."""
        verb = {Progress.RUNNING: "goes to", Progress.PASSED: "went to"}.get(self.progress, "was meant for")
        return f"the message {verb} {self.row.to_address}"

    @property
    def most(self) -> int:
        """Seconds a test may take."""
        return int(SECONDS)

    @property
    def verdict(self) -> Mapping[str, Any]:
        return self.row.verdict or {}

    @property
    def field(self) -> str | None:
        """The form field that the diagnosis concerns."""
        return self.verdict.get("field")

    @property
    def diagnosis_id(self) -> str:
        """The id of the text that describes what is wrong with ``field``."""
        return "probe-diagnosis"

    @property
    def says(self) -> str:
        """Where it stands, in a sentence to be read out."""
        if self.is_running:
            return f"Testing {self.row.endpoint}."
        if self.progress is Progress.INTERRUPTED:
            return "The test was interrupted."
        return f"Test {self.progress}: {self.verdict['title']}."

    @property
    def what(self) -> str:
        """Which settings were tested, to begin a sentence with."""
        return f"Version {self.row.version}" if self.row.version else "The form as typed"

    @property
    def tested(self) -> list[tuple[str, str]]:
        """The settings that were tested, by their labels; never the password."""
        settings = self.row.settings
        shown = [
            (FIELDS[name], _in_words(name, settings[name]))
            for name in ("host", "port", "security", "username", "from_address", "reply_to", "signing", "auth")
            if settings.get(name) not in (None, "")
        ]
        if settings:
            shown.append((FIELDS["password"], "set" if settings.get("password_set") else "none"))
        return shown

    @property
    def fix(self) -> Mapping[str, str | int]:
        """New values of form fields, by their names."""
        return self.verdict.get("fix") or {}

    @property
    def fix_in_words(self) -> str:
        """What the fix changes, e.g. ``Set Encryption to SSL/TLS, Port to 465``; what stays as it is, is left out."""
        changed = {name: value for name, value in self.fix.items() if self.row.settings.get(name) != value} or self.fix
        return "Set " + ", ".join(f"{FIELDS[name]} to {_in_words(name, value)}" for name, value in changed.items())

    @property
    def fix_asks_for_password(self) -> bool:
        """Whether the stored password cannot come along with the fix."""
        return bool(self.row.settings.get("password_set")) and not _BINDS_PASSWORD.isdisjoint(self.fix)

    @property
    def lines(self) -> list[Line]:
        """The transcript."""
        return [_line(text) for text in self.row.transcript.splitlines()]

    @property
    def receipt(self) -> str:
        """Whether the message has arrived, as far as its reader has said; empty where it was not sent."""
        if self.row.received_at is not None:
            sent = self.row.finished_at or self.row.started_at
            return f"arrived, confirmed after {_span(self.row.received_at - sent)}"
        return "not confirmed yet" if self.progress is Progress.PASSED and self.row.receipt_hash else ""


def _progress(row: ProbeRow, now: datetime) -> Progress:
    if row.verdict is not None:
        return Progress.PASSED if row.verdict["ok"] else Progress.FAILED
    if row.finished_at is not None or now - row.started_at > _GIVEN_UP_AFTER:
        return Progress.INTERRUPTED
    return Progress.RUNNING


def _in_words(name: str, value: object) -> str:
    return _WORDS.get(name, {}).get(value, str(value))


def _line(text: str) -> Line:
    speaker, colon, said = text.partition(": ")
    return Line(_SPEAKERS[speaker], said) if colon and speaker in _SPEAKERS else Line("", text.strip("- "))


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"

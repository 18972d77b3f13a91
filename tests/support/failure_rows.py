"""FAILURES sections 1 to 3 as data, read from ``tests/data/failure_rows.toml``."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault import Fault

_FILE = Path(__file__).parent.parent / "data" / "failure_rows.toml"
_DATA: dict[str, list[dict[str, Any]]] = tomllib.loads(_FILE.read_text("utf-8"))


@dataclass(frozen=True)
class FailureRow:
    """What a server answers, or what happens instead, and what it means."""

    section: int
    stage: SmtpStage
    text: str
    fault: Fault
    host: str | None = None
    code: int | None = None
    enhanced: str | None = None
    seen_before: bool = False

    @property
    def words(self) -> str:
        """The reply's text as a server sends it: the enhanced code, if any, and the words."""
        return f"{self.enhanced} {self.text}" if self.enhanced else self.text

    @property
    def line(self) -> str:
        """The reply as it comes over the wire, without the line's end."""
        return f"{self.code} {self.words}"

    def __str__(self) -> str:
        again = " (again)" if self.seen_before else ""
        said = self.line if self.code else self.words + again
        return f"{self.host or 'anybody'} at {self.stage}: {said[:60]}"


@dataclass(frozen=True)
class TraitsRow:
    """One class of FAILURES section 1; ``unhealthy_after`` is 0 where the class says nothing about the route."""

    fault: Fault
    fallback: str
    final: bool
    unhealthy_after: int


FAILURE_ROWS = tuple(
    FailureRow(
        row["section"],
        SmtpStage(row["stage"]),
        row["text"],
        Fault(row["class"]),
        row.get("host"),
        row.get("code"),
        row.get("enhanced"),
        row.get("seen_before", False),
    )
    for row in _DATA["rows"]
)
TRAITS_ROWS = tuple(
    TraitsRow(Fault(row["class"]), row["fallback"], row["final"], row["health"]) for row in _DATA["traits"]
)

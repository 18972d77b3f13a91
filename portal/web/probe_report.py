"""A connection test as plain text, for whoever runs the server: everything they ask for, and no secret."""

import textwrap
import tomllib
from collections.abc import Iterator
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any, Final

from portal.web.labels import ENCRYPTION, FIELDS, STAGES, milliseconds
from portal.web.probe_panel import ProbePanel, Progress

_WIDTH: Final = 100
_PROJECT: Final = Path(__file__).parents[2] / "pyproject.toml"


def report_of(panel: ProbePanel) -> str:
    """The report. Times are in UTC, as servers log them; of the username only whether there is one."""
    return "\n".join([*_head(panel), "", *_verdict(panel), "", *_stages(panel), "", *_transcript(panel)]) + "\n"


def _head(panel: ProbePanel) -> Iterator[str]:
    row, settings = panel.row, panel.row.settings
    yield "Waypost: test of an SMTP connection"
    yield ""
    yield f"Time:       {row.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    yield f"Server:     {row.endpoint}"
    if settings:
        yield f"Encryption: {ENCRYPTION[settings['security']]}"
        yield f"Sign-in:    username {_yes(settings.get('username'))}, password {_yes(settings.get('password_set'))}"
        yield f"From:       {settings['from_address']}"
    yield f"Recipient:  {row.to_address}"
    yield f"Tested:     {panel.what[0].lower()}{panel.what[1:]}"
    yield f"Test id:    {row.id}"
    yield f"Program:    Waypost {_version()}"


def _verdict(panel: ProbePanel) -> Iterator[str]:
    verdict = panel.verdict
    yield f"Result:     {panel.progress}"
    if not verdict:
        return
    yield f"            {verdict['title']} ({verdict['class']}, {milliseconds(verdict['seconds'])})"
    yield from _wrapped(verdict["what_happened"], " " * 12)
    for number, step in enumerate(verdict["what_to_do"], start=1):
        yield from _wrapped(step, f"            {number}. ")
    if verdict["field"]:
        yield f"            It concerns: {FIELDS[verdict['field']]}"
    if panel.progress is Progress.PASSED and panel.receipt:
        yield f"Receipt:    {panel.receipt}"


def _stages(panel: ProbePanel) -> Iterator[str]:
    yield "Stages:"
    for stage in panel.stages:
        yield _stage(stage)
    for name in panel.not_reached:
        yield f"  -      {STAGES[name]}: not reached"


def _stage(stage: dict[str, Any]) -> str:
    mark = "ok    " if stage["ok"] else "FAILED"
    name = STAGES.get(stage["stage"], stage["stage"])
    reply = f"«{stage['code']} {stage['reply']}»" if stage["code"] else ""
    words = "; ".join(part for part in (stage["note"], reply) if part)
    return f"  {mark} {name}, {milliseconds(stage['seconds'])}" + (f": {words}" if words else "")


def _transcript(panel: ProbePanel) -> Iterator[str]:
    yield "Transcript, without credentials and content:"
    for line in panel.lines:
        yield f"  {line.speaker + ':':<8}{line.said}" if line.speaker else f"  -- {line.said} --"


def _wrapped(text: str, start: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False)


def _yes(value: object) -> str:
    return "yes" if value else "no"


@cache
def _version() -> str:
    """Waypost runs from its folder and is not installed as a package, so no other place knows it."""
    number: str = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    return number

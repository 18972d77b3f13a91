"""``audit verify``."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from portal.cli.installation import NO, WRONG_USE, as_json, installation, print_json, stop
from portal.crypto.audit_key import AuditKey
from portal.domain.audit_chain import Kind
from portal.domain.secret import Secret
from portal.services.audit_verification import Finding, Verification, verify

_CHECKPOINT: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")
_WHAT: Final = {
    Kind.CHANGED: "an event, or the seal itself, was changed",
    Kind.MISSING: "an event is missing",
    Kind.INSERTED: "an event was inserted",
    Kind.SEGMENT_MISSING: "it is missing; it was sealed before the time named here",
    Kind.OUT_OF_CHAIN: "its seal does not follow the one before it",
    Kind.UNKNOWN_KEY: "it was sealed with another PORTAL_SECRET_KEY, and cannot be judged without it: "
    "--former-key-file names a file that holds that key",
    Kind.CHECKPOINT: "the chain does not pass the checkpoint: its end was cut off or replaced",
}


@click.group()
def audit() -> None:
    """The audit log."""


@audit.command("verify")
@click.option("--checkpoint", metavar="N:MAC", help="What an earlier run printed: the chain must still pass there.")
@click.option(
    "--former-key-file",
    "former_keys",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds a former PORTAL_SECRET_KEY. May be given more than once.",
)
@as_json
def verify_(*, checkpoint: str | None, former_keys: tuple[Path, ...], json_: bool) -> None:
    """Prove that nobody has changed what the audit log says people did: status 0, or 1 when somebody has."""
    noted = _noted(checkpoint)
    former = [Secret(path.read_text("utf-8", "replace").strip()) for path in former_keys]
    with installation() as waypost:
        found = verify(waypost.database, [*map(AuditKey, former), waypost.audit_key], noted)
    if json_:
        print_json(_as_json(found))
    else:
        for line in _lines(found):
            click.echo(line)
    if not found.is_intact:
        raise SystemExit(NO)


def _noted(checkpoint: str | None) -> tuple[int, bytes] | None:
    if checkpoint is None:
        return None
    parts = _CHECKPOINT.fullmatch(checkpoint.strip())
    if parts is None:
        stop("A checkpoint reads NUMBER:MAC, as ./run audit verify prints it.", WRONG_USE)
    return int(parts[1]), bytes.fromhex(parts[2])


def _lines(found: Verification) -> list[str]:
    lines = [_line(finding) for finding in found.findings]
    if found.tampered > len(found.findings):
        lines.append(f"… and {found.tampered - len(found.findings):,} findings more.")
    until = f", up to {_utc(found.until)}" if found.until else ""
    newer = f"; {found.unsealed:,} newer not sealed yet" if found.unsealed else ""
    verdict = "Intact" if found.is_intact else "NOT intact"
    lines.append(f"{verdict}: {_count(found.events, 'event')} in {_count(found.segments, 'segment')}{until}{newer}.")
    if found.is_intact and found.newest:
        lines.append(f"Checkpoint, to be kept elsewhere: {found.newest.checkpoint}")
    return lines


def _line(finding: Finding) -> str:
    where = [f"Segment {finding.segment}"]
    if finding.first_id is not None:
        where.append(f"events {finding.first_id} to {finding.last_id}")
    if finding.sealed_at is not None:
        where.append(f"sealed {_utc(finding.sealed_at)}")
    return f"{', '.join(where)}: {_WHAT[finding.kind]}."


def _as_json(found: Verification) -> dict[str, Any]:
    return {
        "intact": found.is_intact,
        "events": found.events,
        "segments": found.segments,
        "until": found.until and found.until.isoformat(),
        "unsealed": found.unsealed,
        "checkpoint": found.newest.checkpoint if found.is_intact and found.newest else None,
        "tampered": found.tampered,
        "findings": [
            {
                "segment": finding.segment,
                "kind": finding.kind,
                "first_id": finding.first_id,
                "last_id": finding.last_id,
                "sealed_at": finding.sealed_at and finding.sealed_at.isoformat(),
            }
            for finding in found.findings
        ],
    }


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

"""``probe``: Test connection from the command line."""

from collections.abc import Mapping
from typing import Any

import click

from portal.cli.installation import (
    NO,
    WRONG_USE,
    as_json,
    installation,
    print_json,
    read_json_object,
    settings_fields,
    stop,
    tenant_id_of,
)
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.domain.mail.addresses import AddressError, parse_address
from portal.domain.routing.email_settings import SettingsRefusedError
from portal.services.connection_probe import ProbeVerdict, Subject
from portal.services.email_settings import NoSettingsError
from portal.wiring import Waypost


@click.command()
@click.argument("slug")
@click.option("--to", required=True, metavar="ADDRESS", help="Who receives the test message.")
@click.option(
    "--settings", "source", type=click.Choice(["-"]), help="Test the JSON on standard input; nothing is saved."
)
@as_json
def probe(slug: str, to: str, source: str | None, *, json_: bool) -> None:
    """Send a test message over a tenant's own server and tell how each stage went."""
    given = read_json_object() if source else None
    with installation() as waypost:
        verdict = run_probe(waypost, tenant_id_of(waypost, slug), to=to, given=given)
        print_verdict(verdict, json_=json_)
        if not verdict.ok:
            raise SystemExit(NO)


def run_probe(
    waypost: Waypost,
    tenant_id: TenantId,
    *,
    to: str,
    given: dict[str, Any] | None = None,
    version: int | None = None,
) -> ProbeVerdict:
    """Test what is given, or else this version, or else what is active, or else the draft."""
    try:
        address = parse_address(to)
        if given is None:
            saved = waypost.email_settings.saved(tenant_id, version)
            subject = Subject(tenant_id, saved.settings, saved.credentials, saved.version)
        else:
            typed = waypost.email_settings.read_typed(tenant_id, settings_fields(given))
            subject = Subject(tenant_id, *typed)
    except (AddressError, SettingsRefusedError, NoSettingsError) as error:
        stop(str(error), WRONG_USE)
    return waypost.connection_probe.probe(subject, to=address, actor=COMMAND_LINE)


def print_verdict(verdict: ProbeVerdict, *, json_: bool) -> None:
    if json_:
        print_json(verdict.to_json())
        return
    for stage in verdict.stages:
        click.echo(_line(stage))
    click.echo(f"{verdict.diagnosis.title}. {verdict.diagnosis.what_happened}")
    for number, step in enumerate(verdict.diagnosis.what_to_do, start=1):
        click.echo(f"  {number}. {step}")


def _line(stage: Mapping[str, Any]) -> str:
    mark = "ok  " if stage["ok"] else "FAIL"
    reply = f"{stage['code']} {stage['reply']}" if stage["code"] else ""
    words = " · ".join(part for part in (stage["note"], reply) if part)
    return f"{mark} {stage['stage']:<9} {stage['seconds'] * 1000:6.0f} ms  {words}".rstrip()

"""``settings show | put | enable | disable``."""

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
from portal.cli.probe import print_verdict, run_probe
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.ids import TenantId
from portal.domain.mail.addresses import AddressError, parse_address
from portal.domain.routing.email_settings import SettingsRefusedError, to_json
from portal.services.email_settings import CannotActivateError
from portal.storage import email_settings as stored
from portal.storage import organisations, users
from portal.wiring import Waypost


@click.group()
def settings() -> None:
    """A tenant's email settings."""


@settings.command()
@click.argument("slug")
@as_json
def show(slug: str, *, json_: bool) -> None:
    """Show the active settings, else the draft; never the password."""
    with installation() as waypost:
        shown = _shown(waypost, tenant_id_of(waypost, slug))
        if shown is None:
            stop(f"«{slug}» has no email settings yet.", NO)
        if json_:
            print_json(shown)
        else:
            for name, value in shown.items():
                click.echo(f"{name}: {'' if value is None else value}")


@settings.command()
@click.argument("slug")
@click.option("--activate", is_flag=True, help="Make them the active settings if the test succeeds.")
@click.option("--test-to", metavar="ADDRESS", help="Who receives the test message; the tenant's first owner if absent.")
@click.option("--no-test", is_flag=True, help="Activate without a test; the audit log says so.")
@as_json
def put(slug: str, *, activate: bool, test_to: str | None, no_test: bool, json_: bool) -> None:
    """Save the settings on standard input (JSON) as a draft; absent fields keep, null removes.

    Laid over the draft if there is one, else over what is active. Prints what was saved.
    """
    given = read_json_object()
    with installation() as waypost:
        tenant_id = tenant_id_of(waypost, slug)
        # What can be judged before anything is written is judged before.
        enabled = _enabled_in(given)
        if enabled and not activate:
            _refuse_without_active_settings(waypost, slug, tenant_id)
        to = _recipient(waypost, slug, tenant_id, test_to) if activate and not no_test else None
        try:
            version = waypost.email_settings.save_draft(tenant_id, settings_fields(given), actor=COMMAND_LINE)
        except SettingsRefusedError as error:
            stop(str(error), WRONG_USE)
        if to is not None:
            _prove(waypost, tenant_id, version, to=to, json_=json_)
        try:
            if activate:
                on = enabled is not False
                waypost.email_settings.activate(tenant_id, version, actor=COMMAND_LINE, untested=no_test, enabled=on)
            elif enabled is not None:
                _switch(waypost, tenant_id, on=enabled)
        except CannotActivateError as error:
            stop(str(error), NO)
        if json_:
            print_json(_shown(waypost, tenant_id, version))
        else:
            click.echo(f"Version {version} is {'active' if activate else 'saved as a draft'}.")


@settings.command()
@click.argument("slug")
def enable(slug: str) -> None:
    """Send the tenant's mail through its own server again."""
    with installation() as waypost:
        try:
            waypost.email_settings.enable(tenant_id_of(waypost, slug), actor=COMMAND_LINE)
        except CannotActivateError as error:
            stop(str(error), NO)


@settings.command()
@click.argument("slug")
def disable(slug: str) -> None:
    """Send the tenant's mail through the platform."""
    with installation() as waypost:
        waypost.email_settings.disable(tenant_id_of(waypost, slug), actor=COMMAND_LINE)


def _prove(waypost: Waypost, tenant_id: TenantId, version: int, *, to: str, json_: bool) -> None:
    verdict = run_probe(waypost, tenant_id, to=to, version=version)
    if not verdict.ok:
        # The draft stays, and what was active goes on sending.
        print_verdict(verdict, json_=json_)
        stop("The test failed, so the settings are kept as a draft and what was active goes on sending.", NO)


def _switch(waypost: Waypost, tenant_id: TenantId, *, on: bool) -> None:
    switch = waypost.email_settings.enable if on else waypost.email_settings.disable
    switch(tenant_id, actor=COMMAND_LINE)


def _enabled_in(given: dict[str, Any]) -> bool | None:
    enabled = given.get("enabled")
    if enabled is not None and not isinstance(enabled, bool):
        stop("enabled: Give true or false.", WRONG_USE)
    return enabled


def _shown(waypost: Waypost, tenant_id: TenantId, version: int | None = None) -> dict[str, object] | None:
    with waypost.database.reading() as session:
        tenant = organisations.tenant(session, tenant_id)
        row = stored.version(session, tenant_id, version or tenant.active_version or tenant.draft_version)
        if row is None:
            return None
        return to_json(row.settings, password_set=row.credentials_id is not None, enabled=tenant.smtp_enabled)


def _refuse_without_active_settings(waypost: Waypost, slug: str, tenant_id: TenantId) -> None:
    with waypost.database.reading() as session:
        if organisations.tenant(session, tenant_id).active_version is None:
            stop(f"enabled: «{slug}» has no active settings to turn on; use --activate.", NO)


def _recipient(waypost: Waypost, slug: str, tenant_id: TenantId, test_to: str | None) -> str:
    """Who receives the test message: the address given, else the tenant's first owner."""
    if test_to is not None:
        try:
            return parse_address(test_to)
        except AddressError as error:
            stop(f"--test-to: {error}", WRONG_USE)
    with waypost.database.reading() as session:
        owner = users.first_owner(session, tenant_id)
        if owner is None:
            stop(f"«{slug}» has no owner to send the test message to: name an address with --test-to.", WRONG_USE)
        return owner.email

"""``tenant create``."""

import click

from portal.cli.installation import WRONG_USE, installation, stop
from portal.domain.audit_events import COMMAND_LINE
from portal.services.accounts import RefusedError


@click.group()
def tenant() -> None:
    """Tenants."""


@tenant.command()
@click.argument("slug")
@click.option("--name", required=True, help="What people call the tenant; it stands in From on the platform's route.")
@click.option("--organisation", help="The organisation it belongs to; made if there is none of this name.")
def create(slug: str, name: str, organisation: str | None) -> None:
    """Create a tenant and print its id."""
    with installation() as waypost:
        try:
            click.echo(waypost.accounts.create_tenant(slug, name=name, organisation=organisation, actor=COMMAND_LINE))
        except RefusedError as error:
            stop(str(error), WRONG_USE)

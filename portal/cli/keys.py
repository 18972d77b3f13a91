"""``keys generate | rotate``."""

import secrets

import click

from portal.cli.installation import BROKEN, installation, stop
from portal.crypto.vault import CannotOpenError, new_key
from portal.domain.audit_events import COMMAND_LINE
from portal.services import vault_keys


@click.group()
def keys() -> None:
    """The keys that seal what is stored."""


@keys.command()
@click.option("--secret-key", is_flag=True, help="Make a PORTAL_SECRET_KEY instead.")
def generate(*, secret_key: bool) -> None:
    """Print a fresh vault key, to be put first into PORTAL_VAULT_KEYS. Nothing is stored."""
    click.echo(secrets.token_urlsafe(48) if secret_key else new_key().reveal())


@keys.command()
def rotate() -> None:
    """Seal everything with the first of PORTAL_VAULT_KEYS. Restart every process with the new key before."""
    with installation() as waypost:

        def tell(resealed: int) -> None:
            click.echo(f"{resealed} more resealed", err=True)

        try:
            count = vault_keys.rotate(
                waypost.database, waypost.vault, actor=COMMAND_LINE, clock=waypost.clock, progress=tell
            )
        except CannotOpenError as error:
            stop(f"A stored value does not open, so nothing more was changed. {error}", BROKEN)
        if count:
            click.echo(
                f"{count} values are now sealed with «{waypost.vault.primary_key_id}». Make sure that every process "
                "has been restarted with it, then run this again."
            )
        else:
            click.echo("Nothing is sealed with another key any more: take the others out of PORTAL_VAULT_KEYS.")

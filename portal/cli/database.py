"""``db upgrade``."""

import click

from portal import settings
from portal.cli.installation import BROKEN, BROKEN_INSTALLATION, stop
from portal.storage import migrations
from portal.storage.database import Database


@click.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Bring the database to the shape this version works with."""
    try:
        database = Database.at(settings.load().database_url.reveal())
        migrations.upgrade(database)
        database.close()
    except BROKEN_INSTALLATION as error:
        stop(str(error), BROKEN)

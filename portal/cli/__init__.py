"""The commands operators type (CONTRACT: commands).

Exit status: 0 done, 1 the answer is no, 2 wrong use, 3 the installation is broken.
"""

import click

from portal.cli.audit import audit
from portal.cli.database import db
from portal.cli.deliverability import deliverability
from portal.cli.doctor import doctor
from portal.cli.explain_reply import explain_reply
from portal.cli.keys import keys
from portal.cli.messages import message, queue, send
from portal.cli.probe import probe
from portal.cli.processes import serve, work
from portal.cli.settings import settings
from portal.cli.tenants import tenant
from portal.cli.users import user


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Waypost: each tenant's mail leaves through the tenant's own SMTP server."""


for command in (
    audit,
    db,
    deliverability,
    doctor,
    explain_reply,
    keys,
    message,
    probe,
    queue,
    send,
    serve,
    settings,
    tenant,
    user,
    work,
):
    main.add_command(command)

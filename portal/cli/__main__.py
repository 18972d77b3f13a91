"""``./run CMD``: one file of this folder for each group of commands."""

import sys

import click

from portal.cli import main
from portal.cli.installation import NO, WRONG_USE, stop

try:
    for word in sys.argv[1:]:
        word.encode()
except UnicodeEncodeError:
    stop("A word of the command is not valid UTF-8.", WRONG_USE)
try:
    status = main(prog_name="./run", standalone_mode=False)
except click.Abort:
    stop("Stopped.", NO)
except click.ClickException as error:
    stop(error.format_message(), error.exit_code)
sys.exit(status if isinstance(status, int) else 0)

"""What every command needs: the installation, JSON on stdout, and errors as one line with the right status."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import click

from portal import logs, wiring
from portal.crypto.dkim_signer import DkimError
from portal.crypto.vault import BadVaultKeysError, CannotOpenError
from portal.domain.ids import TenantId
from portal.services.vault_keys import WrongVaultKeyError
from portal.settings import BadSettingsError
from portal.storage import organisations
from portal.storage.database import StorageError
from portal.storage.migrations import DatabaseNotReadyError
from portal.wiring import Waypost

NO: Final = 1
WRONG_USE: Final = 2
BROKEN: Final = 3

BROKEN_INSTALLATION: Final = (
    BadSettingsError,
    BadVaultKeysError,
    CannotOpenError,
    DatabaseNotReadyError,
    DkimError,
    StorageError,
    WrongVaultKeyError,
)

as_json = click.option("--json", "json_", is_flag=True, help="Print JSON, and nothing else, on standard output.")


def stop(sentence: str, status: int) -> NoReturn:
    """End the command with one line on standard error."""
    click.echo(f"waypost: {' '.join(sentence.split())}", err=True)
    sys.exit(status)


@contextmanager
def installation() -> Iterator[Waypost]:
    """The objects of this installation; what is wrong with it ends the command with status 3."""
    logs.configure()
    try:
        waypost = wiring.build()
        try:
            yield waypost
        finally:
            waypost.close()
    except BROKEN_INSTALLATION as error:
        stop(str(error), BROKEN)


def tenant_id_of(waypost: Waypost, slug: str) -> TenantId:
    with waypost.database.reading() as session:
        found = organisations.tenant_by_slug(session, slug)
        if found is None:
            stop(f"There is no tenant called «{slug}».", WRONG_USE)
        return TenantId(found.id)


def settings_fields(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a version: without what ``settings show`` prints besides them."""
    return {name: value for name, value in given.items() if name not in {"enabled", "password_set"}}


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def read_json_object() -> dict[str, Any]:
    """The JSON object on standard input. It may hold a password, so nothing of it is repeated in an error."""
    try:
        value = json.load(sys.stdin)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        stop(f"Standard input is not JSON (line {line}).", WRONG_USE)
    if not isinstance(value, dict):
        stop("Standard input must be one JSON object.", WRONG_USE)
    return value

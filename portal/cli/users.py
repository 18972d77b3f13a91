"""``user create`` and ``user set-password``."""

import sys

import click

from portal.cli.installation import WRONG_USE, installation, stop
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.password_rules import PasswordError
from portal.domain.people.roles import Role
from portal.services.accounts import RefusedError
from portal.services.passwords import NoSuchPersonError


@click.group()
def user() -> None:
    """People."""


@user.command()
@click.argument("email")
@click.option("--name", default="", help="What the person is called.")
@click.option("--operator", is_flag=True, help="Runs the platform; sees no tenant's settings.")
@click.option("--tenant", "slug", help="Makes the person a member of this tenant.")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), help="What the person is there; viewer if absent."
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else there is none yet.")
def create(email: str, name: str, *, operator: bool, slug: str | None, role: str | None, password_stdin: bool) -> None:
    """Create a person and print their id."""
    if role and not slug:
        stop("--role says what somebody is in a tenant: name it with --tenant.", WRONG_USE)
    with installation() as waypost:
        password = _typed_password() if password_stdin else None
        try:
            user_id = waypost.accounts.create_user(
                email,
                name=name,
                password=password,
                is_operator=operator,
                actor=COMMAND_LINE,
                member_of={slug: Role(role or Role.VIEWER)} if slug else {},
            )
        except RefusedError as error:
            stop(str(error), WRONG_USE)
        click.echo(user_id)


@user.command("set-password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the new password from standard input.")
def set_password(email: str, *, password_stdin: bool) -> None:  # noqa: ARG001 - said so that nobody waits at a silent prompt
    """Set a person's password; every browser of theirs is signed out, and a member of a tenant is told by mail.

    For people who cannot be mailed a link: operators, and who is in no tenant.
    """
    with installation() as waypost:
        try:
            waypost.passwords.set(email, _typed_password(), actor=COMMAND_LINE)
        except (NoSuchPersonError, PasswordError) as error:
            stop(str(error), WRONG_USE)


def _typed_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")

"""Setting somebody's password from the command line."""

import pytest

from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.roles import Role
from portal.domain.people.sign_in_rules import Ended
from portal.domain.people.visitor import Visitor
from portal.services.sign_ins import SignedIn
from tests.support.installation import Installation

OLGA = "olga@platform.example"
OLD, NEW = "a few words in a row", "other words in another row"


def test_an_operators_password_is_set_and_whoever_knew_the_old_one_is_out(on_either_database: Installation) -> None:
    installation = on_either_database
    installation.run("user", "create", OLGA, "--operator", "--password-stdin", stdin=f"{OLD}\n")
    with installation.opened() as waypost:
        before = waypost.sign_in.sign_in(OLGA, OLD, Visitor(None))

    done = installation.run("user", "set-password", OLGA.upper(), "--password-stdin", stdin=f"{NEW}\n")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with installation.opened() as waypost:
        assert waypost.sign_ins.whose(before) is Ended.UNKNOWN
        after = waypost.sign_in.sign_in(OLGA, NEW, Visitor(None))
        found = waypost.sign_ins.whose(after)
    assert isinstance(found, SignedIn)
    assert found.email == OLGA


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        ((OLGA, "--password-stdin"), f"{NEW}\n", "There is nobody with the address olga@platform.example."),
        (("no address", "--password-stdin"), f"{NEW}\n", "There is nobody with the address no address."),
        ((OLGA, "--password-stdin"), "short\n", "at least 10 characters"),
        ((OLGA, "--password-stdin"), "", "at least 10 characters"),
        ((OLGA,), f"{NEW}\n", "--password-stdin"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    installation: Installation, words: tuple[str, ...], stdin: str, says: str
) -> None:
    done = installation.run("user", "set-password", *words, stdin=stdin)
    assert done.returncode == 2
    assert says in done.stderr
    assert NEW not in done.stdout + done.stderr


def test_a_member_is_told_by_mail(installation: Installation) -> None:
    with installation.opened() as waypost:
        accounts = waypost.accounts
        owner = {"acme": Role.OWNER}
        accounts.create_user(
            "ada@acme.example", name="", password=OLD, is_operator=False, actor=COMMAND_LINE, member_of=owner
        )
    installation.run("user", "set-password", "ada@acme.example", "--password-stdin", stdin=f"{NEW}\n")
    assert installation.json("queue")["queued"] == 1

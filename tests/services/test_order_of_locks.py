"""Rows are locked in one order, so that nobody waits for somebody who waits for them (PostgreSQL alone)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final

import pytest

from portal.domain.audit_events import COMMAND_LINE, Actor
from portal.domain.ids import UserId
from portal.domain.people.roles import Role
from portal.domain.people.visitor import Visitor
from portal.services.sign_ins import SignedIn
from portal.storage import organisations, users
from portal.wiring import Waypost
from tests.support.installation import Installation

ADA: Final = "ada@acme.example"
PASSWORD: Final = "a few words in a row"
_A_WHILE: Final = 0.3  # seconds
_SOON: Final = 5.0  # seconds


@pytest.mark.peers
def test_a_person_is_mailed_about_their_account_while_their_tenant_is_being_changed(
    tmp_path: Path, postgresql_url: str
) -> None:
    """Else that is a deadlock: a test of a connection holds the tenant, and then wants the person."""
    with Installation.new(tmp_path, database_url=postgresql_url).opened() as waypost:
        acme = waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
        ada = waypost.accounts.create_user(ADA, name="Ada", password=None, is_operator=False, actor=COMMAND_LINE)
        waypost.accounts.add_member("acme", ada, Role.OWNER, actor=COMMAND_LINE)
        with ThreadPoolExecutor(1) as beside, waypost.database.transaction() as session:
            organisations.tenant_to_change(session, acme)
            told = beside.submit(waypost.passwords.set, ADA, PASSWORD, actor=COMMAND_LINE)
            told.result(_SOON)


def _another_role(waypost: Waypost, ada: UserId, _: SignedIn) -> None:
    waypost.accounts.add_member("acme", ada, Role.ADMIN, actor=COMMAND_LINE)


def _ended_elsewhere(waypost: Waypost, ada: UserId, here: SignedIn) -> None:
    waypost.sign_ins.end_others(here, actor=Actor(ada))


@pytest.mark.peers
@pytest.mark.parametrize("change", [_another_role, _ended_elsewhere])
def test_who_changes_several_sign_ins_takes_turns_by_their_person(
    tmp_path: Path, postgresql_url: str, change: Callable[[Waypost, UserId, SignedIn], None]
) -> None:
    """Else two of them lock the same rows in different orders, which is a deadlock now and then."""
    with Installation.new(tmp_path, database_url=postgresql_url).opened() as waypost:
        waypost.accounts.create_tenant("acme", name="Acme", organisation=None, actor=COMMAND_LINE)
        ada = waypost.accounts.create_user(ADA, name="Ada", password=PASSWORD, is_operator=False, actor=COMMAND_LINE)
        waypost.accounts.add_member("acme", ada, Role.OWNER, actor=COMMAND_LINE)
        here = waypost.sign_ins.whose(waypost.sign_in.sign_in(ADA, PASSWORD, Visitor("203.0.113.9")))
        assert isinstance(here, SignedIn)
        with ThreadPoolExecutor(1) as beside:
            with waypost.database.transaction() as session:
                users.user_to_change(session, ada)
                changed = beside.submit(change, waypost, ada, here)
                assert wait([changed], _A_WHILE).not_done
            changed.result(_SOON)

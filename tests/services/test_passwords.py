"""What is done with an old password while the password is being changed comes to nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import pytest
from argon2 import PasswordHasher

from portal import wiring
from portal.crypto.password_hashing import PasswordHashing
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.visitor import Visitor
from portal.services.sign_in import WrongPasswordError
from portal.services.sign_ins import SignedIn
from portal.wiring import Waypost
from tests.support.installation import Installation

ADA: Final = "ada@acme.example"
OLD: Final = "a few words in a row"
THIEFS: Final = "the words of a thief"
OWNERS: Final = "the words of the owner"
THIEF: Final = Visitor("203.0.113.66")


class SlowHasher(PasswordHasher):
    """Argon2 that takes long enough for something else to happen once a password was looked at."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.meanwhile: Callable[[], None] | None = None

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's signature
        is_right = super().verify(hash, password)
        if self.meanwhile:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return is_right


@dataclass
class Theft:
    """A thief has Ada's old password and a browser that is signed in with it."""

    waypost: Waypost
    hasher: SlowHasher
    token: str

    @property
    def signed_in(self) -> SignedIn:
        found = self.waypost.sign_ins.whose(self.token)
        assert isinstance(found, SignedIn)
        return found

    def lets_in(self, password: str) -> bool:
        try:
            self.waypost.sign_in.sign_in(ADA, password, THIEF)
        except WrongPasswordError:
            return False
        return True

    def owner_changes_it(self) -> None:
        self.waypost.passwords.set(ADA, OWNERS, actor=COMMAND_LINE)


@pytest.fixture
def theft(installation: Installation) -> Iterator[Theft]:
    hasher = SlowHasher()
    waypost = wiring.build(installation.settings, hashing=PasswordHashing(hasher))
    waypost.accounts.create_user(ADA, name="Ada", password=OLD, is_operator=False, actor=COMMAND_LINE)
    yield Theft(waypost, hasher, waypost.sign_in.sign_in(ADA, OLD, THIEF))
    waypost.close()


def test_a_change_with_the_old_password_does_not_undo_one_made_meanwhile(theft: Theft) -> None:
    signed_in = theft.signed_in
    theft.hasher.meanwhile = theft.owner_changes_it
    with pytest.raises(WrongPasswordError):
        theft.waypost.passwords.change(signed_in, current=OLD, new=THIEFS, visitor=THIEF)
    assert (theft.lets_in(THIEFS), theft.lets_in(OWNERS)) == (False, True)


def test_the_old_password_confirms_nobody_once_it_was_changed_meanwhile(theft: Theft) -> None:
    signed_in = theft.signed_in
    theft.hasher.meanwhile = theft.owner_changes_it
    with pytest.raises(WrongPasswordError):
        theft.waypost.sign_in.confirm(signed_in, OLD, THIEF)


def test_a_change_undisturbed_is_made_and_its_browser_stays_signed_in(theft: Theft) -> None:
    token = theft.waypost.passwords.change(theft.signed_in, current=OLD, new=OWNERS, visitor=THIEF)
    assert isinstance(theft.waypost.sign_ins.whose(token), SignedIn)
    assert (theft.lets_in(OLD), theft.lets_in(OWNERS)) == (False, True)

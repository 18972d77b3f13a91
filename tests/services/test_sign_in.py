"""Wrong passwords: how many are heard, from where, and that nothing tells a known address from an unknown one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier, Thread
from typing import Final, Literal

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from portal import wiring
from portal.crypto.password_hashing import PasswordHashing
from portal.domain.audit_events import COMMAND_LINE
from portal.domain.people.sign_in_rules import Ended
from portal.domain.people.visitor import KnownBrowser, Visitor
from portal.services.sign_in import WrongPasswordError
from portal.services.sign_in_limits import TooManyTriesError
from portal.services.sign_ins import SignedIn
from portal.storage.audit_log import AuditRow
from portal.storage.users import UserRow
from portal.wiring import Waypost
from tests.support.installation import Installation
from tests.support.portal_app import MovedClock

PASSWORD: Final = "a few words in a row"
ADA: Final = "ada@acme.example"
WRONG: Final = "wrong"
HERE: Final = Visitor("203.0.113.9")


class CountingHasher(PasswordHasher):
    """Argon2 that counts how often its work is done."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=64, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's signature
        self.verified += 1
        return super().verify(hash, password)


@dataclass
class Door:
    """Sign-ins of an installation with Ada, and how much work they were."""

    waypost: Waypost
    clock: MovedClock
    hasher: CountingHasher
    said: list[str] = field(default_factory=list)

    def knock(self, email: str = ADA, password: str = WRONG, visitor: Visitor = HERE) -> str:
        """What a try comes to."""
        try:
            self.waypost.sign_in.sign_in(email, password, visitor)
        except WrongPasswordError:
            return "wrong"
        except TooManyTriesError:
            return "too many"
        return "in"

    def knock_often(self, times: int, email: str = ADA, visitor: Visitor = HERE) -> set[str]:
        return {self.knock(email, visitor=visitor) for _ in range(times)}

    @property
    def user(self) -> UserRow:
        with self.waypost.database.reading() as session:
            return session.scalars(select(UserRow)).one()

    def events(self) -> list[str]:
        with self.waypost.database.reading() as session:
            return list(session.scalars(select(AuditRow.action).order_by(AuditRow.id)))


@pytest.fixture
def door(installation: Installation) -> Iterator[Door]:
    hasher, clock = CountingHasher(), MovedClock()
    waypost = wiring.build(installation.settings, clock=clock, hashing=PasswordHashing(hasher))
    waypost.accounts.create_user(ADA, name="Ada", password=PASSWORD, is_operator=False, actor=COMMAND_LINE)
    yield Door(waypost, clock, hasher)
    waypost.close()


def test_an_unknown_address_costs_the_same_work_and_leaves_the_same_trace(door: Door) -> None:
    work, traces = [], []
    for email in (ADA, "nobody@acme.example", "no address", "a\0b"):
        before, noted = door.hasher.verified, len(door.events())
        assert door.knock(email) == "wrong"
        work.append(door.hasher.verified - before)
        traces.append(door.events()[noted:])
    assert work == [1] * 4
    assert traces == [["user.sign_in_refused"]] * 4


def test_an_account_hears_ten_wrong_passwords_in_a_quarter_of_an_hour_wherever_they_come_from(door: Door) -> None:
    tries = [door.knock(visitor=Visitor(f"198.51.100.{n}")) for n in range(11)]
    assert tries == ["wrong"] * 10 + ["too many"]
    assert door.knock(password=PASSWORD) == "too many"
    door.clock.passed += timedelta(seconds=90)
    assert door.knock(password=PASSWORD) == "in"


def test_an_address_nobody_has_is_limited_alike(door: Door) -> None:
    tries = [door.knock("nobody@acme.example", visitor=Visitor(f"198.51.100.{n}")) for n in range(11)]
    assert tries == ["wrong"] * 10 + ["too many"]


def test_however_an_address_is_written_its_tries_are_counted_together(door: Door) -> None:
    spellings = [ADA, ADA.upper(), f" {ADA} ", "ada@ACME.example", "ADA@acme.EXAMPLE"] * 2
    assert {door.knock(email) for email in spellings} == {"wrong"}
    assert door.knock() == "too many"


def test_a_network_is_heard_a_hundred_times_and_then_costs_no_work(door: Door) -> None:
    for number in range(100):
        assert door.knock(f"somebody-{number}@acme.example") == "wrong"
    done, noted = door.hasher.verified, len(door.events())
    assert {door.knock(), door.knock("nobody@acme.example"), door.knock(password=PASSWORD)} == {"too many"}
    assert (door.hasher.verified, len(door.events())) == (done, noted)
    assert door.knock(password=PASSWORD, visitor=Visitor("198.51.100.1")) == "in"


def test_all_of_one_customers_ipv6_addresses_are_one_network(door: Door) -> None:
    for number in range(100):
        door.knock(f"somebody-{number}@acme.example", visitor=Visitor(f"2001:db8::{number:x}"))
    assert door.knock(visitor=Visitor("2001:db8::ffff")) == "too many"
    assert door.knock(visitor=Visitor("2001:db8:0:1::1")) == "wrong"


def test_right_passwords_are_not_counted(door: Door) -> None:
    assert {door.knock(password=PASSWORD) for _ in range(30)} == {"in"}
    assert door.knock_often(10) == {"wrong"}


def test_who_has_signed_in_before_is_not_kept_out_by_others_wrong_passwords(door: Door) -> None:
    known = Visitor("203.0.113.9", known=KnownBrowser(door.user.id, "laptop"))
    for number in range(200):
        door.knock(ADA if number < 100 else f"somebody-{number}@acme.example")
    assert door.knock(password=PASSWORD) == "too many"
    assert door.knock(password=PASSWORD, visitor=known) == "in"


def test_a_known_browser_guesses_no_faster_than_a_stranger(door: Door) -> None:
    known = Visitor("203.0.113.9", known=KnownBrowser(door.user.id, "laptop"))
    assert [door.knock(visitor=known) for _ in range(11)] == ["wrong"] * 10 + ["too many"]


def test_many_known_browsers_together_guess_hardly_faster(door: Door) -> None:
    heard = 0
    for number in range(5):
        known = Visitor("203.0.113.9", known=KnownBrowser(door.user.id, f"browser {number}"))
        heard += [door.knock(visitor=known) for _ in range(10)].count("wrong")
    assert heard == 30


def test_a_browser_known_for_one_person_is_a_stranger_for_another(door: Door) -> None:
    others = Visitor("203.0.113.9", known=KnownBrowser("somebody else", "laptop"))
    door.knock_often(10)
    assert door.knock(password=PASSWORD, visitor=others) == "too many"


def test_of_many_tries_at_the_same_moment_no_more_are_looked_at_than_are_left(door: Door) -> None:
    door.knock_often(8)
    before, at_once = door.hasher.verified, Barrier(6)

    def try_one() -> None:
        at_once.wait()
        door.said.append(door.knock())

    threads = [Thread(target=try_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(door.said) == ["too many"] * 4 + ["wrong"] * 2
    assert door.hasher.verified == before + 2


def test_a_password_is_hashed_anew_when_todays_parameters_are_others(door: Door, installation: Installation) -> None:
    old = door.user.password_hash
    stronger = CountingHasher(time_cost=2)
    waypost = wiring.build(installation.settings, hashing=PasswordHashing(stronger))
    assert Door(waypost, door.clock, stronger).knock(password=WRONG) == "wrong"
    assert door.user.password_hash == old
    assert Door(waypost, door.clock, stronger).knock(password=PASSWORD) == "in"
    assert "t=2," in (door.user.password_hash or "")
    waypost.close()
    assert door.knock(password=PASSWORD) == "in"


def test_a_person_without_a_password_cannot_sign_in_and_costs_the_same_work(door: Door) -> None:
    door.waypost.accounts.create_user("eve@acme.example", name="", password=None, is_operator=False, actor=COMMAND_LINE)
    before = door.hasher.verified
    assert {door.knock("eve@acme.example", ""), door.knock("eve@acme.example", PASSWORD)} == {"wrong"}
    assert door.hasher.verified == before + 2


def test_a_sign_in_says_nothing_of_its_token(door: Door) -> None:
    token = door.waypost.sign_in.sign_in(ADA, PASSWORD, HERE)
    found = door.waypost.sign_ins.whose(token)
    assert isinstance(found, SignedIn)
    assert token not in repr(found)
    assert door.waypost.sign_ins.whose(token + "x") is Ended.UNKNOWN

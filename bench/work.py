"""A piece of work, as senders of every make are given it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant, and the port of its server on the loopback."""

    name: str
    port: int


@dataclass(frozen=True, slots=True)
class Work:
    """Messages to send, each tenant's turn coming round.

    Attributes:
        first: The number of the first message; numbers are never used twice against one sink's ledger.
        count: How many.
    """

    accounts: tuple[Account, ...]
    first: int
    count: int

    @property
    def numbers(self) -> range:
        return range(self.first, self.first + self.count)

    def account_of(self, number: int) -> Account:
        return self.accounts[(number - self.first) % len(self.accounts)]

    def numbers_of(self, place: int) -> range:
        """The messages of the tenant at this place."""
        return self.numbers[place :: len(self.accounts)]

    def to_json(self) -> dict[str, Any]:
        return {
            "accounts": [(account.name, account.port) for account in self.accounts],
            "first": self.first,
            "count": self.count,
        }

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Self:
        accounts = tuple(Account(name, port) for name, port in given["accounts"])
        return cls(accounts, given["first"], given["count"])


class Numbering:
    """Hands out work with numbers never used before."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self.accounts = tuple(accounts)
        self._next = 0

    def work(self, count: int) -> Work:
        first, self._next = self._next, self._next + count
        return Work(self.accounts, first, count)

"""How many wrong passwords are heard, counted across all processes (THREATS 24).

Guessing is slowed by two buckets: one for the account and one for the network it comes from. Alone they would be a
weapon: who empties an account's bucket would lock its owner out. So a browser in which this person has signed in
before, which it proves by a signed cookie, is counted in a bucket of its own, and with its like. (OWASP: "Slow Down
Online Guessing Attacks with Device Cookies".) Strangers at most keep strangers out, and a mail with a link lets the
owner in from anywhere: setting a new password makes a browser known, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.people.visitor import Visitor, network_of
from portal.domain.token_bucket import NO_WAIT, Limit
from portal.services import limits
from portal.storage.database import Database

_SPAN: Final = timedelta(minutes=15)
ACCOUNT: Final = Limit("sign-in: account", 10, _SPAN)
NETWORK: Final = Limit("sign-in: network", 100, _SPAN)
KNOWN_BROWSER: Final = Limit("sign-in: known browser", 10, _SPAN)
KNOWN_BROWSERS: Final = Limit("sign-in: known browsers of a person", 30, _SPAN)
"""All together: whoever once knew the password can have signed in a thousand times, for as many cookies."""
CONFIRMATION: Final = Limit("confirmation", 10, _SPAN)


class TooManyTriesError(Exception):
    """The try was not made, right or wrong.

    Attributes:
        wait: How long until the next one can be.
    """

    def __init__(self, wait: timedelta) -> None:
        super().__init__("Too many tries.")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Tries:
    """The buckets one try counts in, always in the same order, so that two tries never wait for each other.

    A token is taken before the password is looked at and put back when it was right: so only wrong ones count, and
    however many are tried at the same moment, no more are looked at than there are tokens.
    """

    buckets: Sequence[tuple[Limit, str]]

    def begin(self, database: Database, now: datetime) -> None:
        """Take a token of each bucket.

        Raises:
            TooManyTriesError: One is empty. None was taken, and where it was empty for long nothing was written.
        """
        with database.reading() as session:
            refuse(max(limits.wait_for(session, limit, subject, now) for limit, subject in self.buckets))
        with database.transaction() as session:
            for limit, subject in self.buckets:
                refuse(limits.take(session, limit, subject, now))

    def forgive(self, session: Session, now: datetime) -> None:
        """Put the tokens back: the password was right."""
        for limit, subject in self.buckets:
            limits.give_back(session, limit, subject, now)


def of_sign_in(address: str, user_id: str | None, visitor: Visitor) -> Tries:
    """What a try to sign in counts in.

    Args:
        address: As it was typed, but for case; it need not be anybody's.
        user_id: Whose it is, if anybody's.
    """
    known = visitor.known
    if known is not None and known.user_id == user_id:
        return Tries([(KNOWN_BROWSER, f"{known.user_id} {known.name}"), (KNOWN_BROWSERS, known.user_id)])
    return Tries([(ACCOUNT, address), (NETWORK, network_of(visitor.network))])


def of_confirmation(sign_in_id: str) -> Tries:
    """What a try to confirm who one is counts in: the browser is signed in, so it is known."""
    return Tries([(CONFIRMATION, sign_in_id)])


def refuse(wait: timedelta) -> None:
    """Let nobody pass who has to wait.

    Raises:
        TooManyTriesError: There is something to wait for.
    """
    if wait > NO_WAIT:
        raise TooManyTriesError(wait)

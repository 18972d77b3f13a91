"""What can be decided about a message when an attempt has ended, and why, in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.routing.fault_traits import Fault
from portal.domain.routing.retry_schedule import QUICK_RETRY
from portal.domain.routing.route_choice import Choice


class Reason(StrEnum):
    """Why it was decided so; the value is the sentence for the message's decision list."""

    ACCEPTED = "The server accepted the message."
    QUICK_RETRY = "The server could not take it at this moment, so it is asked once more."
    BULK_WAITS = "The server could not take it at this moment; mail that is in no hurry waits for it."
    ROUTE_FAILED = "The server could not take it, so the next route is used."
    RETRIES_USED = "The server could not take it in time, so the next route is used."
    NO_OTHER_ROUTE = "The server could not take it and no other route may be used, so it is tried again later."
    TOO_FAST = "The server asked us to send more slowly, so it is tried again later."
    PATIENCE_ENDED = "The server kept asking us to send more slowly, so the next route is used."
    NO_TIME_LEFT = "The server could not take it and it would expire while waiting, so the next route is used."
    RECIPIENT_LATER = "The server cannot take mail for this recipient yet, so it is tried again later."
    RECIPIENT_NEVER_READY = "The server could not take mail for this recipient for a whole day."
    RECIPIENT_REFUSED = "The server refused this recipient."
    MESSAGE_REFUSED = "The server refused the message itself."
    MAYBE_ACCEPTED = "The server may have taken it without saying so; the same route is asked again a little later."
    MAYBE_TWICE = (
        "The server may have taken it twice without saying so; the next route is used, as a possible duplicate."
    )
    ENOUGH_COPIES = "Servers may already have taken it three times without saying so; no further copy is sent."
    TOO_LATE = "It would be too old by the time it could be tried again."


@dataclass(frozen=True, slots=True)
class Delivered:
    """A server accepted it. ``possible_duplicate``: an earlier try may have been accepted, too."""

    because: Reason
    possible_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class RetryNow:
    """Once more on the same route, within this attempt."""

    because: Reason
    after: timedelta = QUICK_RETRY


@dataclass(frozen=True, slots=True)
class NextRoute:
    """Go on with the next choice, within this attempt. ``possible_duplicate``: flag what is sent there."""

    because: Reason
    choice: Choice
    possible_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Put it back until ``at``, then ask ``routes_to_try()`` anew. ``at`` is after now and before expiry."""

    because: Reason
    at: datetime


@dataclass(frozen=True, slots=True)
class Expire:
    """Nothing more can be tried in time: it waits until ``at``, its expiry, and is dropped with a record then.

    It waits rather than ends, because new settings may still save it.
    """

    because: Reason
    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Failed, with a record. ``may_have_arrived``: a server may have taken a copy all the same."""

    because: Reason
    fault: Fault
    may_have_arrived: bool = False


Decision = Delivered | RetryNow | NextRoute | TryAgain | Expire | GiveUp


def sentence(decision: Decision) -> str:
    """One line of the message's decision list, e.g. ``"… so it is tried again later. Next try at 21:04:30 UTC."``."""
    match decision:
        case TryAgain(because, at):
            return f"{because} Next try at {_clock(at)}."
        case Expire(because, at):
            return f"{because} It is dropped at {_clock(at)}."
        case Delivered(because, True) | NextRoute(because, _, True):
            return f"{because} An earlier try may have arrived as well."
        case GiveUp(because, _, True):
            return f"{because} It may have arrived all the same."
        case _:
            return str(decision.because)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} {at.tzname() or ''}".rstrip()

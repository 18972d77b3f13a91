"""How long a sign-in lasts, and how long a proof of who one is (THREATS 20 and 23)."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=12)
CONFIRMED_FOR: Final = timedelta(minutes=10)
"""How long after the password was typed credentials, the switch and roles may be changed without it."""
PREVIOUS_TOKEN_FOR: Final = timedelta(seconds=30)
"""How long the token before a change of token is still taken, for requests that were under way."""


class Ended(StrEnum):
    """Why a token signs nobody in."""

    IDLE = "idle"
    TOO_OLD = "too old"
    UNKNOWN = "unknown"  # ended by its person, or never begun


def why_ended(*, created_at: datetime, seen_at: datetime, now: datetime) -> Ended | None:
    """Why a sign-in is over; None while it lasts."""
    if now - created_at > ABSOLUTE:
        return Ended.TOO_OLD
    return Ended.IDLE if now - seen_at > IDLE else None


def is_fresh(confirmed_at: datetime, now: datetime) -> bool:
    """Whether somebody who typed their password then need not do so again now."""
    return now - confirmed_at <= CONFIRMED_FOR

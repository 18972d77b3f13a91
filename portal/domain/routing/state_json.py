"""How a route's state is written into its database row as JSON, and read back with suspicion.

Readers raise ``DAMAGED`` errors for what was not written by us; the states turn them into their default, because a row
nobody can read must not stop a tenant's mail.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

DAMAGED: Final = (AttributeError, KeyError, TypeError, ValueError, OverflowError)


def present(**values: Any) -> dict[str, Any]:
    """What is worth writing: times as ISO 8601; None, zero and empty lists are left out."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if value not in (None, 0, [])
    }


def moment(value: object) -> datetime:
    """A time with its zone.

    Raises:
        TypeError, ValueError: It is none.
    """
    if not isinstance(value, str):
        raise TypeError("A time is written as a string.")
    read = datetime.fromisoformat(value)
    if read.utcoffset() is None:
        raise ValueError("A time without its zone cannot be compared.")
    return read


def moment_if_any(row: Mapping[str, Any], name: str) -> datetime | None:
    return moment(row[name]) if row.get(name) is not None else None


def count(value: object, *, at_least: int = 0) -> int:
    """A whole number.

    Raises:
        TypeError, ValueError: It is none, or too small.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("A count is a whole number.")
    if value < at_least:
        raise ValueError(f"A count here is at least {at_least}.")
    return value

"""Numbers in requests."""

from typing import Final

_LARGEST: Final = 2**63 - 1


def a_number(text: str) -> int:
    """Read a number that a database can hold, for ``request.args.get(type=...)``.

    Raises:
        ValueError: It is none, or none of that size.
    """
    number = int(text) if len(text) <= 20 else _LARGEST + 1
    if abs(number) > _LARGEST:
        raise ValueError("not a number of ours")
    return number

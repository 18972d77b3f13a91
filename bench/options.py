"""What is chosen on the command line, for all scenarios."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure.

    Attributes:
        command: What was typed, for the table.
        is_short: A fifth of the messages, one repetition: to see that it runs, not to be quoted.
        postgres: The URL of a PostgreSQL server to measure on, by databases of its own; None for SQLite.
        workers: Processes that send.
        rtt: The emulated round trip in seconds, where the scenario has none of its own.
        tenants: How many, where the scenario has none of its own.
    """

    command: str = ""
    is_short: bool = False
    postgres: str | None = None
    workers: int = 1
    rtt: float = 0.0
    tenants: tuple[int, ...] = ()

    @property
    def repetitions(self) -> int:
        return 1 if self.is_short else 3

    def scaled(self, count: int, *, least: int = 1) -> int:
        """So many, or a fifth of it in the short form."""
        return max(count // 5, least) if self.is_short else count
